// The functions of pydl::linalg, on top of the factorisations.
#include <algorithm>
#include <limits>

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/linalg.h"
#include "ops/constant_result.h"
#include "ops/linalg_derivatives.h"
#include "pydl/autograd.h"
#include "pydl/linalg.h"
#include "pydl/manipulation.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl::linalg {

namespace {

using op::OpId;

DType real_dtype(DType dtype) { return is_floating(dtype) ? dtype : DType::float32; }
Tensor as_real(const Tensor& x) { return astype(x, real_dtype(x.dtype())); }

void require_matrices(const Tensor& x) {
  if (x.rank() < 2) throw ValueError(concat_text("expected matrices in the last two axes, got shape ", x.shape()));
}

void require_square(const Tensor& x) {
  require_matrices(x);
  if (x.size(-2) != x.size(-1)) throw ValueError(concat_text("expected square matrices, got shape ", x.shape()));
}

Dims batch_of_matrices(const Tensor& x) {
  return Dims(std::span(x.shape().begin(), static_cast<size_t>(x.rank() - 2)));
}

Tensor with_batch(const Tensor& x, Dims batch) {
  batch.push_back(x.size(-2));
  batch.push_back(x.size(-1));
  return expand(x, batch);
}

// The axis -2 first, and the others joined to one.
Tensor all_columns(const Tensor& x) {
  Dims axes{x.rank() - 2};
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis != x.rank() - 2) axes.push_back(axis);
  }
  return reshape(permute_dims(x, axes), {x.size(-2), x.size(-2) == 0 ? 0 : x.size() / x.size(-2)});
}

// The opposite of `all_columns`, for a result of this shape.
Tensor from_all_columns(const Tensor& columns, const Dims& shape) {
  const int rank = shape.rank();
  Dims moved{shape[rank - 2]};
  Dims axes;
  for (int axis = 0; axis < rank - 2; ++axis) {
    moved.push_back(shape[axis]);
    axes.push_back(axis + 1);
  }
  moved.push_back(shape[rank - 1]);
  axes.push_back(0);
  axes.push_back(rank - 1);
  return permute_dims(reshape(columns, moved), axes);
}

// Solves for b (..., N, K), or for a vector, with broadcast batches. A single matrix is factorised once.
template <class Solve>
Tensor solve_broadcast(const Tensor& a_given, const Tensor& b_given, const Solve& function) {
  require_square(a_given);
  if (b_given.rank() == 0) throw ValueError("expected b with at least one axis, got a single number");
  const DType dtype = real_dtype(promote(a_given.dtype(), b_given.dtype()));
  const Tensor a = astype(a_given, dtype);
  const Tensor b = astype(b_given.rank() == 1 ? expand_dims(b_given, 1) : b_given, dtype);
  if (b.size(-2) != a.size(-1)) {
    throw ValueError(concat_text("the rows of b must be as many as those of a, got shapes ", a_given.shape(), " and ",
                                 b_given.shape()));
  }
  Tensor x;
  if (a.rank() == 2 && b.rank() > 2 && b.size() > 0) {
    x = from_all_columns(function(a, all_columns(b)), b.shape());
  } else {
    const Dims batch = broadcast_shapes("solve", batch_of_matrices(a), batch_of_matrices(b));
    x = function(with_batch(a, batch), with_batch(b, batch));
  }
  return b_given.rank() == 1 ? squeeze(x, {-1}) : x;
}

std::vector<Tensor> lu_of(const Tensor& x) { return op::apply_all(OpId::lu_factor, {}, {as_real(x)}); }

Tensor identity_like(const Tensor& x) { return expand(eye(x.size(-1), x.size(-1), 0, x.dtype()), x.shape()); }

double default_rtol(const Tensor& x) {
  const double epsilon =
      x.dtype() == DType::float64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  return epsilon * static_cast<double>(std::max(x.size(-2), x.size(-1)));
}

// Which singular values are above rtol, of rank 0 or (..., 1), times the largest one.
Tensor values_that_count(const Tensor& s, const Tensor& rtol) {
  if (s.size(-1) == 0) return greater(s, scalar_like(0, s));
  return greater(s, multiply(max(s, std::vector<int64_t>{-1}, true), rtol));
}

Tensor rank_of(const Tensor& s, const Tensor& rtol) {
  return sum(astype(values_that_count(s, rtol), DType::int64), std::vector<int64_t>{-1});
}

Tensor rtol_for(const Tensor& x, const std::optional<double>& rtol) {
  return scalar_like(rtol.value_or(default_rtol(x)), x);
}

// The x that `lstsq` returns, from one decomposition.
Tensor shortest_solution(const SvdFactors& factors, const Tensor& b, const Tensor& rtol) {
  const Tensor counts = values_that_count(factors.s, rtol);
  const Tensor one = scalar_like(1, factors.s);
  const Tensor zero = scalar_like(0, factors.s);
  const Tensor inverse = where(counts, divide(one, where(counts, factors.s, one)), zero);
  const Tensor coordinates = matmul(matrix_transpose(factors.u), b);
  return matmul(matrix_transpose(factors.vh), multiply(expand_dims(inverse, -1), coordinates));
}

}  // namespace

LuFactors lu_factor(const Tensor& x) try {
  const std::vector<Tensor> factors = lu_of(x);
  return {factors[0], factors[1]};
} catch (const Error&) {
  core::rethrow_as("lu_factor");
}

Tensor lu_solve(const LuFactors& factors, const Tensor& b) try {
  if (factors.permutation.shape() != [&] {
        Dims shape = factors.lu.shape();
        if (shape.rank() > 0) shape.erase(shape.rank() - 1);
        return shape;
      }()) {
    throw ValueError(concat_text("the permutation of shape ", factors.permutation.shape(),
                                 " is not that of factors of shape ", factors.lu.shape()));
  }
  require_square(factors.lu);
  const bool is_vector = b.rank() == 1;
  const Tensor right = is_vector ? expand_dims(b, 1) : b;
  if (right.rank() < 2 || right.size(-2) != factors.lu.size(-1)) {
    throw ValueError(concat_text("the rows of b must be as many as those of the factors, got shapes ",
                                 factors.lu.shape(), " and ", b.shape()));
  }
  const Dims batch = broadcast_shapes("lu_solve", batch_of_matrices(factors.lu), batch_of_matrices(right));
  const Tensor columns = with_batch(right, batch);
  const Tensor index = with_batch(expand_dims(factors.permutation, -1), batch);
  const Tensor permuted = gather(columns, expand(index, columns.shape()), -2);
  const Tensor y = solve_triangular(factors.lu, permuted, {.unit_diagonal = true});
  const Tensor x = solve_triangular(factors.lu, y, {.upper = true});
  return is_vector ? squeeze(x, {-1}) : x;
} catch (const Error&) {
  core::rethrow_as("lu_solve");
}

Tensor solve(const Tensor& a, const Tensor& b) try {
  return solve_broadcast(
      a, b, [](const Tensor& left, const Tensor& right) { return op::apply(OpId::solve, {}, {left, right}); });
} catch (const Error&) {
  core::rethrow_as("solve");
}

Tensor inv(const Tensor& x) try {
  require_square(x);
  const Tensor real = as_real(x);
  return op::apply(OpId::solve, {}, {real, identity_like(real)});
} catch (const Error&) {
  core::rethrow_as("inv");
}

Tensor det(const Tensor& x) try {
  const std::vector<Tensor> factors = lu_of(x);
  const std::vector<int64_t> last = {-1};
  // Derivatives are those of a product without zeros, and the value is 0 if there are any.
  const Tensor smooth = prod(pydl::diagonal(ops::with_pivots(factors[0]), 0, -2, -1), last);
  const Tensor value = prod(pydl::diagonal(factors[0].detach(), 0, -2, -1), last);
  const Tensor excess = where(equal(value, 0), smooth.detach(), scalar_like(0, smooth));
  return multiply(factors[2].detach(), subtract(smooth, excess));
} catch (const Error&) {
  core::rethrow_as("det");
}

SignAndLogDet slogdet(const Tensor& x) try {
  const std::vector<Tensor> factors = lu_of(x);
  const Tensor diagonal = pydl::diagonal(factors[0], 0, -2, -1);
  const std::vector<int64_t> last = {-1};
  Tensor sign_of_product = multiply(factors[2].detach(), prod(sign(diagonal.detach()), last));
  if (is_tracing() || x.requires_grad()) {
    const Tensor any_number = sum(as_real(x), std::vector<int64_t>{-2, -1});
    sign_of_product = ops::with_zero_gradient(sign_of_product, any_number);
  }
  return {sign_of_product, sum(log(abs(diagonal)), last)};
} catch (const Error&) {
  core::rethrow_as("slogdet");
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, const TriangularOptions& options) try {
  if (!options.left) {
    TriangularOptions transposed = options;
    transposed.left = true;
    transposed.transpose = !options.transpose;
    return matrix_transpose(solve_triangular(a, matrix_transpose(b), transposed));
  }
  const op::Attrs attrs = op::to_attrs(op::TriangularAttrs{options.upper, options.transpose, options.unit_diagonal});
  return solve_broadcast(a, b, [&](const Tensor& left, const Tensor& right) {
    return op::apply(OpId::solve_triangular, attrs, {left, right});
  });
} catch (const Error&) {
  core::rethrow_as("solve_triangular");
}

Tensor cholesky(const Tensor& x, bool upper) try {
  require_square(x);
  const Tensor real = as_real(x);
  if (!upper) return op::apply(OpId::cholesky, {}, {real});
  return matrix_transpose(op::apply(OpId::cholesky, {}, {matrix_transpose(real)}));
} catch (const Error&) {
  core::rethrow_as("cholesky");
}

Tensor cholesky_solve(const Tensor& b, const Tensor& factor, bool upper) try {
  const Tensor y = solve_triangular(factor, b, {.upper = upper, .transpose = upper});
  return solve_triangular(factor, y, {.upper = upper, .transpose = !upper});
} catch (const Error&) {
  core::rethrow_as("cholesky_solve");
}

QrFactors qr(const Tensor& x, bool complete) try {
  const std::vector<Tensor> factors = op::apply_all(OpId::qr, op::to_attrs(op::QrAttrs{complete}), {as_real(x)});
  return {factors[0], factors[1]};
} catch (const Error&) {
  core::rethrow_as("qr");
}

Eigen eigh(const Tensor& x, bool upper) try {
  require_square(x);
  const Tensor real = as_real(x);
  const std::vector<Tensor> results =
      op::apply_all(OpId::eigh, op::to_attrs(op::EighAttrs{}), {upper ? matrix_transpose(real) : real});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("eigh");
}

Tensor eigvalsh(const Tensor& x, bool upper) try {
  require_square(x);
  const Tensor real = as_real(x);
  return op::apply_all(OpId::eigh, op::to_attrs(op::EighAttrs{.vectors = false}),
                       {upper ? matrix_transpose(real) : real})[0];
} catch (const Error&) {
  core::rethrow_as("eigvalsh");
}

SvdFactors svd(const Tensor& x, bool full_matrices) try {
  const std::vector<Tensor> factors = op::apply_all(OpId::svd, op::to_attrs(op::SvdAttrs{full_matrices}), {as_real(x)});
  return {factors[0], factors[1], factors[2]};
} catch (const Error&) {
  core::rethrow_as("svd");
}

Tensor svdvals(const Tensor& x) try {
  return op::apply_all(OpId::svd, op::to_attrs(op::SvdAttrs{.full_matrices = false, .vectors = false}),
                       {as_real(x)})[1];
} catch (const Error&) {
  core::rethrow_as("svdvals");
}

Tensor pinv(const Tensor& x, std::optional<double> rtol) try {
  return op::apply(OpId::pinv, op::to_attrs(op::PinvAttrs{rtol}), {as_real(x)});
} catch (const Error&) {
  core::rethrow_as("pinv");
}

Tensor pinv(const Tensor& x, const Tensor& rtol) try {
  require_matrices(x);
  const Dims batch = broadcast_shapes("pinv", batch_of_matrices(x), rtol.shape());
  const Tensor limits = contiguous(expand(astype(rtol.detach(), DType::float64), batch));
  return op::apply(OpId::pinv, op::to_attrs(op::PinvAttrs{}), {with_batch(as_real(x), batch), limits});
} catch (const Error&) {
  core::rethrow_as("pinv");
}

Tensor matrix_rank(const Tensor& x, std::optional<double> rtol) try {
  require_matrices(x);
  const Tensor real = as_real(x).detach();
  return rank_of(svdvals(real), rtol_for(real, rtol));
} catch (const Error&) {
  core::rethrow_as("matrix_rank");
}

Tensor matrix_rank(const Tensor& x, const Tensor& rtol) try {
  require_matrices(x);
  const Tensor real = as_real(x).detach();
  return rank_of(svdvals(real), expand_dims(astype(rtol.detach(), real.dtype()), -1));
} catch (const Error&) {
  core::rethrow_as("matrix_rank");
}

namespace {

struct SolutionAndValues {
  Tensor solution;
  Tensor s;
};

// Where no singular value is left out, which only values tell, singular vectors are not needed: a = q r.
SolutionAndValues solve_by_factors(const Tensor& a, const Tensor& b, const Tensor& rtol) {
  const bool is_tall = a.size(-2) >= a.size(-1) && a.size() > 0;
  if (!is_tall || is_tracing()) {
    const SvdFactors factors = svd(a, false);
    return {shortest_solution(factors, b, rtol), factors.s};
  }
  const auto [q, r] = qr(a);
  const Tensor s = svdvals(r);
  const Tensor coordinates = matmul(matrix_transpose(q), b);
  if (all(values_that_count(s, rtol)).item() != 0) return {solve_triangular(r, coordinates, {.upper = true}), s};
  return {shortest_solution(svd(r, false), coordinates, rtol), s};
}

}  // namespace

LeastSquares lstsq(const Tensor& a, const Tensor& b, std::optional<double> rtol) try {
  require_matrices(a);
  const DType dtype = real_dtype(promote(a.dtype(), b.dtype()));
  const Tensor left = astype(a, dtype);
  const Tensor right = astype(b.rank() == 1 ? expand_dims(b, 1) : b, dtype);
  if (right.rank() < 2 || right.size(-2) != left.size(-2)) {
    throw ValueError(
        concat_text("the rows of b must be as many as those of a, got shapes ", a.shape(), " and ", b.shape()));
  }
  // The derivative of the pseudoinverse exists where that of singular vectors does not.
  const bool by_inverse = grad_enabled() && left.requires_grad();
  const Tensor limit = rtol_for(left, rtol);
  const auto [solution, s] = by_inverse ? SolutionAndValues{matmul(pinv(left, rtol), right), svdvals(left)}
                                        : solve_by_factors(left, right, limit);
  const Tensor residuals = sum(square(subtract(right, matmul(left, solution))), std::vector<int64_t>{-2});
  const Tensor rank = rank_of(s.detach(), limit);
  if (b.rank() != 1) return {solution, residuals, rank, s};
  return {squeeze(solution, {-1}), squeeze(residuals, {-1}), rank, s};
} catch (const Error&) {
  core::rethrow_as("lstsq");
}

namespace {

// The root of the sum of squares, of numbers that are scaled so that their squares stay in range. Its value does not
// depend on the scale, and so neither do its derivatives.
Tensor frobenius_norm(const Tensor& x, bool keepdims) {
  const std::vector<int64_t> axes = {-2, -1};
  if (x.size() == 0) return sum(x, axes, keepdims);
  const Tensor largest = max(abs(x.detach()), axes, true);
  const Tensor usable = logical_and(isfinite(largest), greater(largest, 0));
  const Tensor scale = where(usable, largest, scalar_like(1, x));
  const Tensor squares = sum(square(divide(x, scale)), axes, true);
  const Tensor is_zero = equal(squares, 0);
  const Tensor root = sqrt(where(is_zero, scalar_like(1, x), squares));
  const Tensor norm = where(is_zero, squares, multiply(root, scale));
  return keepdims ? norm : squeeze(norm, {-2, -1});
}

Tensor norm_of_sums(const Tensor& x, int64_t summed, bool smallest, bool keepdims) {
  const Tensor sums = sum(abs(x), std::vector<int64_t>{summed}, true);
  const std::vector<int64_t> other = {summed == -1 ? -2 : -1};
  const Tensor norm = smallest ? min(sums, other, true) : max(sums, other, true);
  return keepdims ? norm : squeeze(norm, {-2, -1});
}

Tensor norm_of_singular_values(const Tensor& x, MatrixNorm norm, bool keepdims) {
  const Tensor s = svdvals(x);
  const std::vector<int64_t> last = {-1};
  const Tensor result =
      norm == MatrixNorm::nuclear ? sum(s, last) : (norm == MatrixNorm::largest ? max(s, last) : min(s, last));
  return keepdims ? expand_dims(expand_dims(result, -1), -1) : result;
}

// The inverse, and infinity for singular matrices.
Tensor inverse_or_infinity(const Tensor& x) {
  const std::vector<Tensor> factors = lu_of(x);
  const Tensor no_pivot = logical_and(eye(x.size(-1), x.size(-1), 0, DType::boolean), equal(factors[0], 0));
  const Tensor regular = where(no_pivot, scalar_like(1, factors[0]), factors[0]);
  const Tensor inverse = lu_solve({regular, factors[1]}, identity_like(regular));
  const Tensor singular = any(no_pivot, std::vector<int64_t>{-2, -1}, true);
  return where(singular, scalar_like(std::numeric_limits<double>::infinity(), inverse), inverse);
}

}  // namespace

Tensor matrix_norm(const Tensor& x, MatrixNorm norm, bool keepdims) try {
  require_matrices(x);
  const Tensor real = as_real(x);
  switch (norm) {
    case MatrixNorm::frobenius: return frobenius_norm(real, keepdims);
    case MatrixNorm::columns: return norm_of_sums(real, -2, false, keepdims);
    case MatrixNorm::least_column: return norm_of_sums(real, -2, true, keepdims);
    case MatrixNorm::rows: return norm_of_sums(real, -1, false, keepdims);
    case MatrixNorm::least_row: return norm_of_sums(real, -1, true, keepdims);
    default: return norm_of_singular_values(real, norm, keepdims);
  }
} catch (const Error&) {
  core::rethrow_as("matrix_norm");
}

Tensor cond(const Tensor& x, MatrixNorm norm) try {
  require_matrices(x);
  const Tensor real = as_real(x);
  if (norm == MatrixNorm::largest || norm == MatrixNorm::smallest) {
    const Tensor s = svdvals(real);
    const std::vector<int64_t> last = {-1};
    const Tensor high = max(s, last);
    const Tensor low = min(s, last);
    return norm == MatrixNorm::largest ? divide(high, low) : divide(low, high);
  }
  require_square(x);
  return multiply(matrix_norm(real, norm), matrix_norm(inverse_or_infinity(real), norm));
} catch (const Error&) {
  core::rethrow_as("cond");
}

}  // namespace pydl::linalg
