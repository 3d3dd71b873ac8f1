// Linear algebra: products of vectors and matrices, and the factorisations of matrices with what follows from them.
// Matrices are the last two axes of a tensor; leading axes are a batch.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

// --- products: dtypes are promoted, and so is the result --------------------------------------------------------

/// The sum over the last `axes` axes of a and the first ones of b.
PYDL_API Tensor tensordot(const Tensor& a, const Tensor& b, int64_t axes = 2);
/// The sum over pairs of axes, which have the same sizes.
PYDL_API Tensor tensordot(const Tensor& a, const Tensor& b, std::span<const int64_t> a_axes,
                          std::span<const int64_t> b_axes);
inline Tensor tensordot(const Tensor& a, const Tensor& b, std::initializer_list<int64_t> a_axes,
                        std::initializer_list<int64_t> b_axes) {
  return tensordot(a, b, std::span(a_axes.begin(), a_axes.size()), std::span(b_axes.begin(), b_axes.size()));
}
/// As in NumPy: of vectors their scalar product, of matrices their product, and in general the sum over the last axis
/// of a and the last but one of b (its only one, if b is a vector). A number multiplies.
PYDL_API Tensor dot(const Tensor& a, const Tensor& b);
/// The scalar product of all elements, in row-major order.
PYDL_API Tensor vdot(const Tensor& a, const Tensor& b);
/// The sum over the last axes of both. A number multiplies.
PYDL_API Tensor inner(const Tensor& a, const Tensor& b);
/// All products of an element of a and one of b: (size of a, size of b).
PYDL_API Tensor outer(const Tensor& a, const Tensor& b);
/// Scalar products of vectors along an axis, counted in each tensor from the end if it is negative; the others
/// broadcast.
PYDL_API Tensor vecdot(const Tensor& a, const Tensor& b, int64_t axis = -1);
/// The Kronecker product: blocks b times each element of a.
PYDL_API Tensor kron(const Tensor& a, const Tensor& b);
/// The cross product of vectors of three elements along an axis; the other axes broadcast.
PYDL_API Tensor cross(const Tensor& a, const Tensor& b, int64_t axis = -1);
/// Products of a matrix and a vector, of two matrices, and of two batches of them: `matmul` for just these ranks.
PYDL_API Tensor mv(const Tensor& a, const Tensor& b);
PYDL_API Tensor mm(const Tensor& a, const Tensor& b);
PYDL_API Tensor bmm(const Tensor& a, const Tensor& b);
/// beta x + alpha a b for matrices a and b. If beta is 0, x is not read.
PYDL_API Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
/// The sum of a diagonal of each matrix; integers are summed in int64.
PYDL_API Tensor trace(const Tensor& x, int64_t offset = 0);

}  // namespace pydl

/// All are for float32 and float64; integers are converted to float32. `ValueError` for shapes that do not fit.
namespace pydl::linalg {

/// The product of several matrices, in the order that takes the fewest multiplications. The first and the last may be
/// vectors.
PYDL_API Tensor multi_dot(std::span<const Tensor> matrices);
inline Tensor multi_dot(std::initializer_list<Tensor> matrices) {
  return multi_dot(std::span(matrices.begin(), matrices.size()));
}
/// x multiplied with itself; its inverse, if the exponent is negative; the identity, if it is 0.
PYDL_API Tensor matrix_power(const Tensor& x, int64_t exponent);
/// The exponential function of square matrices: the sum of x^k / k!. In compiled functions, matrices of a norm beyond
/// 1e10 give NaN.
PYDL_API Tensor matrix_exp(const Tensor& x);

// --- LU -----------------------------------------------------------------------------------------------------------

struct LuFactors {
  Tensor lu;           ///< U on the diagonal and above; L below, whose diagonal is 1
  Tensor permutation;  ///< int64 (..., N): row i of L U is row permutation[i] of x
};

/// Square matrices as products of triangles, with rows exchanged for stability. Singular ones have a 0 on the diagonal
/// of U; derivatives there are those of a matrix that is close.
PYDL_API LuFactors lu_factor(const Tensor& x);
/// The solution of x y = b for the matrices x (..., N, N) that were factorised, and b (..., N, K).
PYDL_API Tensor lu_solve(const LuFactors& factors, const Tensor& b);
/// The solution of a x = b for a (..., N, N) and b (..., N, K), or a vector (N). `ValueError` that names the first
/// singular matrix.
PYDL_API Tensor solve(const Tensor& a, const Tensor& b);
/// The inverse. `ValueError` that names the first singular matrix.
PYDL_API Tensor inv(const Tensor& x);
PYDL_API Tensor det(const Tensor& x);

struct SignAndLogDet {
  Tensor sign;       ///< -1, 0 or 1
  Tensor logabsdet;  ///< log of the absolute value; minus infinity for singular matrices
};
/// The determinant, where it is too large or too small for a number.
PYDL_API SignAndLogDet slogdet(const Tensor& x);

// --- triangles ------------------------------------------------------------------------------------------------------

struct TriangularOptions {
  bool upper = false;
  bool left = true;            ///< otherwise, x stands before the triangle, and b is (..., K, N)
  bool transpose = false;      ///< solve with the transposed triangle
  bool unit_diagonal = false;  ///< the diagonal is 1, whatever is there
};
/// The solution of a x = b, of which only one triangle of a is read: b (..., N, K) or a vector (N). `ValueError` that
/// names the first matrix with a 0 on the diagonal.
PYDL_API Tensor solve_triangular(const Tensor& a, const Tensor& b, const TriangularOptions& options = {});
/// The triangle L with x = L L^T, or U with x = U^T U if `upper`. Only that triangle of the symmetric x is read.
/// `ValueError` that names the first matrix that is not positive definite.
PYDL_API Tensor cholesky(const Tensor& x, bool upper = false);
/// The solution of x y = b for the x whose factor from `cholesky` is given.
PYDL_API Tensor cholesky_solve(const Tensor& b, const Tensor& factor, bool upper = false);

// --- orthogonal factors ---------------------------------------------------------------------------------------------

struct QrFactors {
  Tensor q;  ///< (..., M, K), whose columns are orthonormal
  Tensor r;  ///< (..., K, N), upper triangle
};
/// x (..., M, N) = q r, with K = min(M, N), or M if `complete`. Derivatives of the complete form exist if M <= N.
PYDL_API QrFactors qr(const Tensor& x, bool complete = false);

struct Eigen {
  Tensor eigenvalues;   ///< (..., N), ascending
  Tensor eigenvectors;  ///< (..., N, N), in columns
};
/// Eigenvalues and orthonormal eigenvectors of symmetric matrices, of which one triangle is read. Derivatives of
/// vectors do not exist where eigenvalues are equal. Matrices with infinities or NaN have results of NaN.
PYDL_API Eigen eigh(const Tensor& x, bool upper = false);
PYDL_API Tensor eigvalsh(const Tensor& x, bool upper = false);

struct SvdFactors {
  Tensor u;   ///< (..., M, K), orthonormal columns
  Tensor s;   ///< (..., min(M, N)), descending
  Tensor vh;  ///< (..., K, N), orthonormal rows
};
/// x (..., M, N) = u s vh, with K = min(M, N); with `full_matrices`, u and vh are square. Derivatives of vectors do not
/// exist where singular values are equal; those of the vectors that full matrices add are left out. Matrices with
/// infinities or NaN have results of NaN.
PYDL_API SvdFactors svd(const Tensor& x, bool full_matrices = true);
PYDL_API Tensor svdvals(const Tensor& x);

// --- what follows from singular values ------------------------------------------------------------------------------

/// The Moore-Penrose inverse, in which singular values up to rtol times the largest one count as 0. By default, rtol is
/// max(M, N) times the distance of 1 to the next number.
PYDL_API Tensor pinv(const Tensor& x, std::optional<double> rtol = {});
/// The same with a number for each matrix: rtol and the batch of x broadcast.
PYDL_API Tensor pinv(const Tensor& x, const Tensor& rtol);
/// The number of singular values above rtol times the largest one, as for `pinv`: int64.
PYDL_API Tensor matrix_rank(const Tensor& x, std::optional<double> rtol = {});
PYDL_API Tensor matrix_rank(const Tensor& x, const Tensor& rtol);

struct LeastSquares {
  Tensor solution;         ///< (..., N, K), or (N) for a vector: of all best ones, the shortest
  Tensor residuals;        ///< (..., K), or a number: the sum of squares of b - a solution
  Tensor rank;             ///< int64 (...)
  Tensor singular_values;  ///< (..., min(M, N))
};
/// The x for which the sum of squares of a x - b is smallest, for a (..., M, N) and b (..., M, K), or a vector (M).
PYDL_API LeastSquares lstsq(const Tensor& a, const Tensor& b, std::optional<double> rtol = {});

/// Which norm of a matrix: the root of the sum of squares; the sum of the singular values, the largest or the
/// smallest; the largest or smallest sum of absolute values of a column, or of a row.
enum class MatrixNorm { frobenius, nuclear, largest, smallest, columns, least_column, rows, least_row };
PYDL_API Tensor matrix_norm(const Tensor& x, MatrixNorm norm = MatrixNorm::frobenius, bool keepdims = false);
/// The norm of x times the norm of its inverse: large, or infinite, for matrices that are nearly, or exactly, singular.
/// For `largest` and `smallest`, matrices need not be square.
PYDL_API Tensor cond(const Tensor& x, MatrixNorm norm = MatrixNorm::largest);

}  // namespace pydl::linalg
