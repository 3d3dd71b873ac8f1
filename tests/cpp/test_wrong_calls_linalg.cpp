// Wrong calls of einsum and of linear algebra.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(sums_of_products) {
  const Tensor x = ones({2, 3});
  REFUSED(einsum("ij", {none}));
  REFUSED(einsum("ij,jk", {x, none}));
  REFUSED(einsum("ij", {}));
  REFUSED(einsum("", {x}));
  REFUSED(einsum("ij->k", {x}));
  REFUSED(einsum("i%", {x}));
  REFUSED(einsum("ij,ij", {x, ones({3, 2})}));
  REFUSED(einsum("ij", {greater(x, 0)}));
  REFUSED(tensordot(none, x));
  REFUSED(tensordot(x, none));
  REFUSED(tensordot(x, x, -1));
  REFUSED(tensordot(x, x, 3));
  REFUSED(tensordot(x, x, {0}, {0, 1}));
  REFUSED(tensordot(x, x, {0, 0}, {0, 0}));
  REFUSED(tensordot(x, x, {2}, {0}));
}

TEST(products_of_vectors_and_matrices) {
  const Tensor x = ones({2, 3});
  for (const auto function : {dot, vdot, inner, outer, kron, mv, mm, bmm}) {
    REFUSED(function(none, x));
    REFUSED(function(x, none));
  }
  REFUSED(dot(x, x));
  REFUSED(vdot(x, ones({5})));
  REFUSED(inner(x, ones({2})));
  REFUSED(kron(ones({1, 1, 1, 1, 1}), x));
  REFUSED(outer(none, x));
  REFUSED(mv(x, x));
  REFUSED(mm(x, x));
  REFUSED(bmm(x, x));
  REFUSED(vecdot(none, x));
  REFUSED(vecdot(x, ones({2})));
  REFUSED(vecdot(x, x, 2));
  REFUSED(cross(none, x));
  REFUSED(cross(x, ones({2})));
  REFUSED(cross(x, x, 5));
  REFUSED(addmm(none, x, x));
  REFUSED(addmm(x, none, x));
  REFUSED(addmm(x, x, x));
  REFUSED(trace(none));
  REFUSED(trace(ones({3})));
}

TEST(factorisations) {
  const Tensor x = ones({2, 3});
  const Tensor square = eye(3, 3);
  REFUSED(linalg::multi_dot({}));
  REFUSED(linalg::multi_dot({x}));
  REFUSED(linalg::multi_dot({x, none}));
  REFUSED(linalg::matrix_power(none, 2));
  REFUSED(linalg::matrix_power(x, 2));
  REFUSED(linalg::matrix_exp(none));
  REFUSED(linalg::matrix_exp(x));
  REFUSED(linalg::lu_factor(none));
  REFUSED(linalg::lu_factor(x));
  REFUSED(linalg::lu_solve({none, none}, x));
  REFUSED(linalg::lu_solve({square, none}, x));
  REFUSED(linalg::lu_solve({square, arange(0, 3, 1, DType::int64)}, x));
  REFUSED(linalg::lu_solve({square, arange(7, 10, 1, DType::int64)}, square));
  REFUSED(linalg::solve(none, x));
  REFUSED(linalg::solve(square, none));
  REFUSED(linalg::solve(square, x));
  REFUSED(linalg::solve(zeros({3, 3}), square));
  REFUSED(linalg::inv(none));
  REFUSED(linalg::inv(zeros({3, 3})));
  REFUSED(linalg::det(x));
  REFUSED(linalg::slogdet(x));
  REFUSED(linalg::solve_triangular(none, x));
  REFUSED(linalg::solve_triangular(square, x));
  REFUSED(linalg::solve_triangular(zeros({3, 3}), square));
  REFUSED(linalg::cholesky(none));
  REFUSED(linalg::cholesky(zeros({3, 3})));
  REFUSED(linalg::cholesky_solve(none, square));
  REFUSED(linalg::cholesky_solve(square, none));
  REFUSED(linalg::qr(none));
  REFUSED(linalg::qr(ones({3})));
  REFUSED(linalg::eigh(none));
  REFUSED(linalg::eigh(x));
  REFUSED(linalg::eigvalsh(x));
  REFUSED(linalg::svd(none));
  REFUSED(linalg::svdvals(ones({3})));
  REFUSED(linalg::svd(astype(square, DType::float16)));
}

TEST(what_follows_from_singular_values) {
  REFUSED(linalg::pinv(none));
  REFUSED(linalg::pinv(ones({3})));
  REFUSED(linalg::pinv(none, ones({2})));
  REFUSED(linalg::pinv(ones({2, 3, 3}), none));
  REFUSED(linalg::pinv(ones({2, 3, 3}), ones({4})));
  REFUSED(linalg::matrix_rank(none));
  REFUSED(linalg::matrix_rank(ones({3})));
  REFUSED(linalg::matrix_rank(none, ones({2})));
  REFUSED(linalg::matrix_rank(ones({2, 3, 3}), none));
  REFUSED(linalg::matrix_rank(ones({2, 3, 3}), ones({4})));
  REFUSED(linalg::lstsq(none, ones({3})));
  REFUSED(linalg::lstsq(ones({3, 2}), none));
  REFUSED(linalg::lstsq(ones({3, 2}), ones({2})));
  REFUSED(linalg::matrix_norm(none));
  REFUSED(linalg::matrix_norm(ones({3})));
  REFUSED(linalg::cond(none));
  REFUSED(linalg::cond(ones({2, 3}), linalg::MatrixNorm::columns));
}
