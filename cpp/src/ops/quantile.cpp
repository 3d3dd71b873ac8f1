// Quantiles, by sorting.
#include <algorithm>

#include "core/named.h"
#include "ops/composing.h"
#include "pydl/program.h"
#include "pydl/statistics.h"

namespace pydl {

namespace {

// The elements of the lines to reduce in order along the last axis, and the shape of the other axes.
struct Sorted {
  Tensor lines;      // (kept..., count)
  Dims kept;         // shape of the other axes
  Dims result_axes;  // the same, or with axes of size 1 where others were
};

Sorted sort_lines(const Tensor& x, const Axes& axes, bool keepdims) {
  const Dims reduced = ops::axes_to_reduce("quantile", x, axes);
  Dims order;
  Sorted sorted;
  int64_t count = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool is_reduced = std::find(reduced.begin(), reduced.end(), axis) != reduced.end();
    if (is_reduced) {
      count *= x.size(axis);
    } else {
      order.push_back(axis);
      sorted.kept.push_back(x.size(axis));
    }
    if (!is_reduced || keepdims) sorted.result_axes.push_back(is_reduced ? 1 : x.size(axis));
  }
  if (count == 0) {
    throw ValueError(concat_text("quantile: no elements to reduce in shape ", x.shape(), " over axes ", reduced));
  }
  for (const int64_t axis : reduced) order.push_back(axis);
  Dims shape = sorted.kept;
  shape.push_back(count);
  sorted.lines = sort(reshape(permute_dims(ops::to_floating(x), order), shape), -1);
  return sorted;
}

void require_fractions(const Tensor& q) {
  if (!is_floating(q.dtype()) && !is_integer(q.dtype())) {
    throw TypeError(concat_text("quantile: expected q as numbers from 0 to 1, got ", q.dtype()));
  }
  if (is_tracing() || q.size() == 0) return;
  const bool fits = all(logical_and(greater_equal(q, 0), less_equal(q, 1))).item() != 0;
  if (!fits) throw ValueError("quantile: expected q from 0 to 1");
}

// The elements at positions, which are the same for all lines, or differ: (kept..., positions).
Tensor elements_at(const Sorted& sorted, const Tensor& positions) {
  const Tensor index = astype(positions.detach(), DType::int64);
  const int axis = sorted.lines.rank() - 1;
  return index.rank() == 1 ? take(sorted.lines, index, axis) : gather(sorted.lines, index, axis);
}

// a + (b - a) w, where nothing is added to an infinite a unless the other is the opposite infinity.
Tensor between(const Tensor& a, const Tensor& b, const Tensor& w) {
  const Tensor stays = logical_and(isinf(a), logical_not(isnan(a + b)));
  return a + where(stays, scalar_like(0, a), b - a) * w;
}

Tensor interpolate(const Sorted& sorted, const Tensor& positions, QuantileRule rule) {
  if (rule == QuantileRule::lower) return elements_at(sorted, floor(positions));
  if (rule == QuantileRule::higher) return elements_at(sorted, ceil(positions));
  if (rule == QuantileRule::nearest) return elements_at(sorted, round(positions));
  const Tensor below = floor(positions);
  const Tensor a = elements_at(sorted, below);
  const Tensor b = elements_at(sorted, ceil(positions));
  const Tensor w = rule == QuantileRule::midpoint ? scalar_like(0.5, a) : astype(positions - below, a.dtype());
  return between(a, b, w);
}

Tensor quantile_of(const Tensor& x, const Tensor& q, const Axes& axes, bool keepdims, QuantileRule rule,
                   bool without_nan) {
  require_fractions(q);
  const Sorted sorted = sort_lines(x, axes, keepdims);
  const int last = sorted.lines.rank() - 1;
  const int64_t count = sorted.lines.size(last);
  const Tensor fractions = reshape(astype(q, DType::float64), {q.size()});
  Tensor found;
  if (without_nan) {
    const Tensor numbers = sum(logical_not(isnan(sorted.lines)), std::vector<int64_t>{last}, true);
    const Tensor steps = astype(maximum(numbers - 1, scalar_like(0, numbers)), DType::float64);
    found = interpolate(sorted, steps * fractions, rule);
  } else {
    found = interpolate(sorted, fractions * static_cast<double>(count - 1), rule);
    const Tensor largest = ops::part_of_axis(sorted.lines, last, count - 1, 1);
    found = where(isnan(largest), largest, found);
  }
  Dims order = {last};
  for (int axis = 0; axis < last; ++axis) order.push_back(axis);
  Dims shape = q.shape();
  for (const int64_t size : sorted.result_axes) shape.push_back(size);
  return reshape(permute_dims(found, order), shape);
}

Tensor middle_of(const Sorted& sorted) {
  const int last = sorted.lines.rank() - 1;
  const int64_t count = sorted.lines.size(last);
  const auto element = [&](int64_t i) { return ops::part_of_axis(sorted.lines, last, i, 1); };
  const Tensor below = element((count - 1) / 2);
  const Tensor middle = count % 2 != 0 ? below : between(below, element(count / 2), scalar_like(0.5, below));
  const Tensor largest = element(count - 1);
  return reshape(where(isnan(largest), largest, middle), sorted.result_axes);
}

}  // namespace

Tensor quantile(const Tensor& x, const Tensor& q, const Axes& axes, bool keepdims, QuantileRule rule) try {
  return quantile_of(x, q, axes, keepdims, rule, false);
} catch (const Error&) {
  core::rethrow_as("quantile");
}

Tensor nanquantile(const Tensor& x, const Tensor& q, const Axes& axes, bool keepdims, QuantileRule rule) try {
  return quantile_of(x, q, axes, keepdims, rule, true);
} catch (const Error&) {
  core::rethrow_as("nanquantile");
}

Tensor median(const Tensor& x, const Axes& axes, bool keepdims) try {
  return middle_of(sort_lines(x, axes, keepdims));
} catch (const Error&) {
  core::rethrow_as("median");
}

Tensor nanmedian(const Tensor& x, const Axes& axes, bool keepdims) try {
  return quantile_of(x, Tensor::scalar(0.5, DType::float64), axes, keepdims, QuantileRule::linear, true);
} catch (const Error&) {
  core::rethrow_as("nanmedian");
}

}  // namespace pydl
