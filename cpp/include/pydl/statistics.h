// Reductions beyond those of ops.h, running reductions, and statistics. All are differentiable where this is
// mathematically possible. Integers and bools are converted to float32 where results are not integers.
//
//   auto [deviation, mean] = std_mean(x, {0});
//   Tensor middle = median(x, {-1});
//   Tensor counts = histogram(x, 10).counts;
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "pydl/export.h"
#include "pydl/ops.h"
#include "pydl/tensor.h"

namespace pydl {

/// Elements, and where they are along an axis (int64).
struct ValuesAndIndices {
  Tensor values;
  Tensor indices;
};

// --- running reductions ----------------------------------------------------------------------------
// Along an axis, from its start, or with `reverse` from its end.

/// Sums and products of all elements up to each one; for integers and bools in int64.
PYDL_API Tensor cumsum(const Tensor& x, int64_t axis, bool reverse = false);
PYDL_API Tensor cumprod(const Tensor& x, int64_t axis, bool reverse = false);
/// The largest and smallest of all elements up to each one, and where the last of these is. NaN wins.
PYDL_API ValuesAndIndices cummax(const Tensor& x, int64_t axis, bool reverse = false);
PYDL_API ValuesAndIndices cummin(const Tensor& x, int64_t axis, bool reverse = false);
/// log(cumsum(exp(x))) without overflow. The derivative for an element of minus infinity is 0.
PYDL_API Tensor logcumsumexp(const Tensor& x, int64_t axis, bool reverse = false);
/// y[i] = a[i] y[i - 1] + x[i], y[0] = x[0]. The two are broadcast together.
PYDL_API Tensor linear_recurrence(const Tensor& a, const Tensor& x, int64_t axis, bool reverse = false);
/// `cumsum` and `cumprod` as the array API has them. Only a tensor of one axis can do without `axis`. With
/// `include_initial`, results begin with the sum or product of nothing, so that the axis is longer by 1.
PYDL_API Tensor cumulative_sum(const Tensor& x, std::optional<int64_t> axis = {}, std::optional<DType> dtype = {},
                               bool include_initial = false);
PYDL_API Tensor cumulative_prod(const Tensor& x, std::optional<int64_t> axis = {}, std::optional<DType> dtype = {},
                                bool include_initial = false);
/// Differences between neighbours along an axis, taken n times. `prepend` and `append`, where they are defined, are
/// joined with x first; of rank 0, they are one more element. For bools: whether neighbours differ.
PYDL_API Tensor diff(const Tensor& x, int64_t n = 1, int64_t axis = -1, const Tensor& prepend = {},
                     const Tensor& append = {});
/// The integral along an axis by the trapezoidal rule. The points x, of the shape of y or along the axis, are `dx`
/// apart if they are undefined.
PYDL_API Tensor trapezoid(const Tensor& y, const Tensor& x = {}, double dx = 1, int64_t axis = -1);
/// The integrals up to each point but the first one.
PYDL_API Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x = {}, double dx = 1, int64_t axis = -1);

// --- reductions --------------------------------------------------------------------------------------
/// `max` and `min` under the names of PyTorch. Equal extrema share the gradient equally.
PYDL_API Tensor amax(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor amin(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
struct Extrema {
  Tensor min;
  Tensor max;
};
PYDL_API Extrema aminmax(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The distance from the smallest to the largest element.
PYDL_API Tensor ptp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// How many elements are not 0 (int64). NaN is not 0.
PYDL_API Tensor count_nonzero(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// A spread, `std` or `var`, and the mean.
struct SpreadAndMean {
  Tensor spread;
  Tensor mean;
};
PYDL_API SpreadAndMean std_mean(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
PYDL_API SpreadAndMean var_mean(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
/// (sum of abs(x)^order)^(1 / order); the number of elements that are not 0 for order 0, the largest or smallest
/// magnitude for an infinite one. Elements of 0 receive no gradient.
PYDL_API Tensor vector_norm(const Tensor& x, const Axes& axes = {}, bool keepdims = false, double order = 2);
/// The mean with weights: of the shape of x, or along the only axis that is reduced. Undefined weights are equal.
PYDL_API Tensor average(const Tensor& x, const Tensor& weights = {}, const Axes& axes = {}, bool keepdims = false);

// --- reductions that leave out NaN ---------------------------------------------------------------------
// Where there is nothing but NaN, the sum is 0, and everything else NaN.
PYDL_API Tensor nansum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor nanmean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor nanmax(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor nanmin(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor nanvar(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
PYDL_API Tensor nanstd(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
PYDL_API Tensor nanmedian(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// --- quantiles -------------------------------------------------------------------------------------------
/// What a quantile between two elements is. `nearest` prefers the one at the even position.
enum class QuantileRule { linear, lower, higher, midpoint, nearest };
/// The elements at positions q (n - 1) of the sorted ones, q from 0 to 1. The axes of q come first in the result. NaN
/// if there is a NaN among the elements.
PYDL_API Tensor quantile(const Tensor& x, const Tensor& q, const Axes& axes = {}, bool keepdims = false,
                         QuantileRule rule = QuantileRule::linear);
/// The same without regard to NaN.
PYDL_API Tensor nanquantile(const Tensor& x, const Tensor& q, const Axes& axes = {}, bool keepdims = false,
                            QuantileRule rule = QuantileRule::linear);
/// The middle of the sorted elements; between two of them, their mean.
PYDL_API Tensor median(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// --- statistics of several variables -----------------------------------------------------------------------
/// Covariances of the rows of x (variables, observations): (variables, variables). A single row gives its variance.
/// Sums are divided by the number of observations minus `correction`. Weights of the observations (observations) are
/// numbers of repetitions, or relative importance.
PYDL_API Tensor cov(const Tensor& x, double correction = 1, const Tensor& repetitions = {}, const Tensor& weights = {});
/// Correlation coefficients: covariances divided by both standard deviations. NaN for a constant row.
PYDL_API Tensor corrcoef(const Tensor& x);

// --- counts ------------------------------------------------------------------------------------------------
/// How often each integer from 0 on occurs in x (integers of one axis), or the sum of the weights of its occurrences;
/// at least `least_size` entries. Throws `TraceError` inside compiled functions.
PYDL_API Tensor bincount(const Tensor& x, const Tensor& weights = {}, int64_t least_size = 0);

struct Histogram {
  Tensor counts;  ///< (bins): int64; with weights of their dtype; as a density floating point
  Tensor edges;   ///< (bins + 1)
};
/// The number of elements of x in each of `bins` equal parts of `range`, which defaults to that of the elements. The
/// last bin contains its upper edge. A density is divided by the number of elements and the width of the bins.
PYDL_API Histogram histogram(const Tensor& x, int64_t bins = 10, std::optional<std::pair<double, double>> range = {},
                             const Tensor& weights = {}, bool density = false);
/// The same for given edges, in ascending order (bins + 1).
PYDL_API Histogram histogram(const Tensor& x, const Tensor& edges, const Tensor& weights = {}, bool density = false);
/// The counts of `histogram`, in the dtype of x. A range from 0 to 0 is that of the elements.
PYDL_API Tensor histc(const Tensor& x, int64_t bins = 100, double min = 0, double max = 0);

}  // namespace pydl
