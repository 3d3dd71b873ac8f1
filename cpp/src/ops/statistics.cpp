// Statistics composed of reductions.
#include "pydl/statistics.h"

#include <cmath>
#include <limits>

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/reduce.h"
#include "ops/composing.h"
#include "pydl/program.h"

namespace pydl {

using op::OpId;
using ops::root_or_zero;
using ops::to_floating;
using ops::to_wide_floating;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// x without NaN, and where they were; for integers nothing is left out.
struct Filled {
  Tensor values;
  Tensor is_nan;
};

Filled fill_nan(const Tensor& x, double value) {
  const Tensor is_nan = isnan(x);
  return {where(is_nan, scalar_like(value, x), x), is_nan};
}

// The number of elements that are not NaN, in the dtype of x.
Tensor count_of_numbers(const Tensor& x, const Tensor& is_nan, const Axes& axes, bool keepdims) {
  return astype(sum(logical_not(is_nan), axes, keepdims), x.dtype());
}

Tensor variance_of_numbers(const Tensor& given, const Axes& axes, double correction, bool keepdims) {
  const Tensor x = to_wide_floating(given);
  const auto [values, is_nan] = fill_nan(x, 0);
  const Tensor mean = sum(values, axes, true) / count_of_numbers(x, is_nan, axes, true);
  const Tensor squares = where(is_nan, scalar_like(0, x), square(values - mean));
  const Tensor freedom = count_of_numbers(x, is_nan, axes, keepdims) - correction;
  const Tensor variance = sum(squares, axes, keepdims) / maximum(freedom, scalar_like(0, freedom));
  return astype(variance, to_floating(given).dtype());
}

// Without NaN, and NaN where there is nothing else.
template <bool largest>
Tensor extremum_of_numbers(const Tensor& x, const Axes& axes, bool keepdims) {
  if (!is_floating(x.dtype())) return largest ? max(x, axes, keepdims) : min(x, axes, keepdims);
  const auto [values, is_nan] = fill_nan(x, largest ? -infinity : infinity);
  const Tensor found = largest ? max(values, axes, keepdims) : min(values, axes, keepdims);
  return where(all(is_nan, axes, keepdims), scalar_like(not_a_number, x), found);
}

// By an op that takes one pass, where the composition would need several.
Tensor reduce_by_op(OpId id, const char* name, const Tensor& x, const Axes& axes, bool keepdims) {
  return op::apply(id, op::to_attrs(op::ReduceAttrs{ops::axes_to_reduce(name, x, axes), keepdims}), {x});
}

Tensor norm_of_order(const Tensor& x, const Axes& axes, bool keepdims, double order) {
  const Tensor zero = scalar_like(0, x);
  // Counts NaN too. The derivative is 0, as that of `sign`.
  if (order == 0) return sum(where(isnan(x), scalar_like(1, x), abs(sign(x))), axes, keepdims);
  if (order == 1) return sum(abs(x), axes, keepdims);
  if (order == infinity) return max(abs(x), axes, keepdims);
  if (order == -infinity) return min(abs(x), axes, keepdims);
  // Powers have no derivative at 0.
  const Tensor is_zero = equal(x, zero);
  const Tensor one = scalar_like(1, x);
  const Tensor of_zero = scalar_like(order > 0 ? 0.0 : infinity, x);
  const Tensor powers = where(is_zero, of_zero, pow(where(is_zero, one, abs(x)), scalar_like(order, x)));
  const Tensor total = sum(powers, axes, keepdims);
  const Tensor is_none = equal(total, zero);
  const Tensor root = pow(where(is_none, one, total), scalar_like(1 / order, x));
  return order > 0 ? where(is_none, zero, root) : root;
}

// Weights in the shape of x, or in one that broadcasts to it.
Tensor weights_beside(const Tensor& x, const Tensor& weights, const Axes& axes) {
  if (weights.shape() == x.shape()) return weights;
  if (weights.rank() == 1 && axes && axes->size() == 1) {
    const int axis = normalize_axis("average", (*axes)[0], x.rank());
    if (weights.size() == x.size(axis)) return ops::along_axis(weights, x.rank(), axis);
  }
  throw ValueError(concat_text("average: expected weights of the shape ", x.shape(),
                               ", or of the size of the one axis that is reduced, got shape ", weights.shape()));
}

Tensor observation_weights(const Tensor& weights, int64_t observations, DType dtype) {
  if (weights.rank() != 1 || weights.size() != observations) {
    throw ValueError(concat_text("cov: expected weights of shape (", observations, ",), got ", weights.shape()));
  }
  return astype(weights, dtype);
}

// Rows of variables, each of which has all observations.
Tensor variables_of(const Tensor& x) {
  if (x.rank() == 0 || x.rank() > 2) {
    throw ValueError(concat_text("cov: expected (variables, observations) or (observations), got ", x.shape()));
  }
  const Tensor values = to_floating(x);
  return x.rank() == 2 ? values : expand_dims(values, 0);
}

}  // namespace

Tensor amax(const Tensor& x, const Axes& axes, bool keepdims) try {
  return max(x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("amax");
}

Tensor amin(const Tensor& x, const Axes& axes, bool keepdims) try {
  return min(x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("amin");
}

Extrema aminmax(const Tensor& x, const Axes& axes, bool keepdims) try {
  return {min(x, axes, keepdims), max(x, axes, keepdims)};
} catch (const Error&) {
  core::rethrow_as("aminmax");
}

Tensor ptp(const Tensor& x, const Axes& axes, bool keepdims) try {
  if (x.dtype() == DType::boolean) throw TypeError("ptp: expected numbers, got bool");
  return max(x, axes, keepdims) - min(x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("ptp");
}

Tensor count_nonzero(const Tensor& x, const Axes& axes, bool keepdims) try {
  return sum(x.dtype() == DType::boolean ? x : not_equal(x, 0), axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("count_nonzero");
}

SpreadAndMean std_mean(const Tensor& x, const Axes& axes, double correction, bool keepdims) try {
  return {std(x, axes, correction, keepdims), mean(x, axes, keepdims)};
} catch (const Error&) {
  core::rethrow_as("std_mean");
}

SpreadAndMean var_mean(const Tensor& x, const Axes& axes, double correction, bool keepdims) try {
  return {var(x, axes, correction, keepdims), mean(x, axes, keepdims)};
} catch (const Error&) {
  core::rethrow_as("var_mean");
}

Tensor vector_norm(const Tensor& x, const Axes& axes, bool keepdims, double order) try {
  if (std::isnan(order)) throw ValueError("vector_norm: expected a number as the order, got NaN");
  const Tensor values = to_floating(x);
  // Compiled too: a composition would overflow where the op does not.
  if (order == 2) return reduce_by_op(OpId::euclidean_norm, "vector_norm", values, axes, keepdims);
  return astype(norm_of_order(to_wide_floating(values), axes, keepdims, order), values.dtype());
} catch (const Error&) {
  core::rethrow_as("vector_norm");
}

Tensor average(const Tensor& x, const Tensor& weights, const Axes& axes, bool keepdims) try {
  if (!weights.defined()) return mean(x, axes, keepdims);
  const DType dtype = promote(to_floating(x).dtype(), to_floating(weights).dtype());
  const Tensor values = to_wide_floating(astype(x, dtype));
  const Tensor shares = expand(astype(weights_beside(x, weights, axes), values.dtype()), x.shape());
  return astype(sum(values * shares, axes, keepdims) / sum(shares, axes, keepdims), dtype);
} catch (const Error&) {
  core::rethrow_as("average");
}

Tensor nansum(const Tensor& x, const Axes& axes, bool keepdims) try {
  if (!is_floating(x.dtype())) return sum(x, axes, keepdims);
  if (!is_tracing()) return reduce_by_op(OpId::nansum, "nansum", x, axes, keepdims);
  return sum(fill_nan(x, 0).values, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("nansum");
}

Tensor nanmean(const Tensor& x, const Axes& axes, bool keepdims) try {
  if (!is_floating(x.dtype())) return mean(x, axes, keepdims);
  const auto [values, is_nan] = fill_nan(to_wide_floating(x), 0);
  return astype(sum(values, axes, keepdims) / count_of_numbers(values, is_nan, axes, keepdims), x.dtype());
} catch (const Error&) {
  core::rethrow_as("nanmean");
}

Tensor nanmax(const Tensor& x, const Axes& axes, bool keepdims) try {
  return extremum_of_numbers<true>(x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("nanmax");
}

Tensor nanmin(const Tensor& x, const Axes& axes, bool keepdims) try {
  return extremum_of_numbers<false>(x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("nanmin");
}

Tensor nanvar(const Tensor& x, const Axes& axes, double correction, bool keepdims) try {
  return variance_of_numbers(x, axes, correction, keepdims);
} catch (const Error&) {
  core::rethrow_as("nanvar");
}

Tensor nanstd(const Tensor& x, const Axes& axes, double correction, bool keepdims) try {
  return root_or_zero(variance_of_numbers(x, axes, correction, keepdims));
} catch (const Error&) {
  core::rethrow_as("nanstd");
}

Tensor cov(const Tensor& x, double correction, const Tensor& repetitions, const Tensor& weights) try {
  const Tensor rows = variables_of(x);
  const int64_t observations = rows.size(1);
  Tensor shares = ones({observations}, rows.dtype());
  if (repetitions.defined()) shares = observation_weights(repetitions, observations, rows.dtype());
  Tensor removed = scalar_like(correction, shares);
  const Tensor counts = shares;
  if (weights.defined()) shares = counts * observation_weights(weights, observations, rows.dtype());
  const Tensor total = sum(shares);
  if (weights.defined()) {
    removed = removed * sum(shares * observation_weights(weights, observations, rows.dtype())) / total;
  }
  const Tensor centred = rows - sum(rows * shares, std::vector<int64_t>{1}, true) / total;
  const Tensor products = matmul(centred, matrix_transpose(centred * shares)) / (total - removed);
  return rows.size(0) == 1 ? reshape(products, {}) : products;
} catch (const Error&) {
  core::rethrow_as("cov");
}

Tensor corrcoef(const Tensor& x) try {
  const Tensor rows = variables_of(x);
  const int64_t count = rows.size(0);
  const Tensor covariances = reshape(cov(rows), {count, count});
  const Tensor on_diagonal = astype(eye(count, count), DType::boolean);
  const Tensor zero = scalar_like(0, covariances);
  const Tensor deviations = sqrt(sum(where(on_diagonal, covariances, zero), std::vector<int64_t>{1}));
  const Tensor scaled = covariances / expand_dims(deviations, 1) / expand_dims(deviations, 0);
  const Tensor limited = clip(scaled, scalar_like(-1, scaled), scalar_like(1, scaled));
  return count == 1 ? reshape(limited, {}) : limited;
} catch (const Error&) {
  core::rethrow_as("corrcoef");
}

}  // namespace pydl
