// einsum and linear algebra in C++. The wide comparison with NumPy and SciPy is in Python.
#include "pydl/linalg.h"

#include "pydl/autograd.h"
#include "pydl/einsum.h"
#include "pydl/ops.h"
#include "support.h"

using namespace pydl;
using support::doubles;

TEST(einsum_of_two_matrices) {
  const Tensor a = doubles({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK_TENSORS_CLOSE(einsum("ij,kj->ik", {a, a}), matmul(a, matrix_transpose(a)), 1e-12);
  CHECK_TENSORS_CLOSE(einsum("ij->j", {a}), doubles({5, 7, 9}, {3}), 1e-12);
  CHECK_TENSORS_CLOSE(einsum("...j,j", {a, doubles({1, 0, 2}, {3})}), doubles({7, 16}, {2}), 1e-12);
}

TEST(tensordot_of_named_axes) {
  const Tensor a = doubles({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK_TENSORS_CLOSE(tensordot(a, a, {0}, {0}), matmul(matrix_transpose(a), a), 1e-12);
  CHECK_TENSORS_CLOSE(tensordot(a, a, {1, 0}, {1, 0}), doubles({91}, {}), 1e-12);
}

TEST(factors_multiply_to_the_matrix) {
  const Tensor x = doubles({4, 2, 1, 2, 5, 3, 1, 3, 6}, {3, 3});
  const Tensor lower = linalg::cholesky(x);
  CHECK_TENSORS_CLOSE(matmul(lower, matrix_transpose(lower)), x, 1e-12);
  const linalg::QrFactors qr = linalg::qr(x);
  CHECK_TENSORS_CLOSE(matmul(qr.q, qr.r), x, 1e-12);
  const linalg::Eigen eigen = linalg::eigh(x);
  CHECK_TENSORS_CLOSE(matmul(x, eigen.eigenvectors), eigen.eigenvectors * eigen.eigenvalues, 1e-12);
  const linalg::SvdFactors svd = linalg::svd(x);
  CHECK_TENSORS_CLOSE(matmul(svd.u * svd.s, svd.vh), x, 1e-12);
  CHECK_TENSORS_CLOSE(matmul(linalg::inv(x), x), eye(3, 3, 0, DType::float64), 1e-12);
}

TEST(the_gradient_of_the_log_of_a_determinant_is_the_inverse) {
  Tensor x = doubles({4, 2, 1, 2, 5, 3, 1, 3, 6}, {3, 3});
  x.set_requires_grad(true);
  linalg::slogdet(x).logabsdet.backward();
  CHECK_TENSORS_CLOSE(x.grad(), linalg::inv(x.detach()), 1e-12);
}
