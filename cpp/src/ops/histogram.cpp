// Counts of integers and of numbers in intervals, which are added up at the position of their bin.
#include <algorithm>
#include <cmath>

#include "core/named.h"
#include "ops/composing.h"
#include "pydl/order.h"
#include "pydl/program.h"
#include "pydl/statistics.h"

namespace pydl {

namespace {

Tensor flat_elements(const Tensor& x) { return reshape(x, {x.size()}); }

Tensor weights_or_ones(const Tensor& weights, const Tensor& x) {
  if (!weights.defined()) return expand(full({}, 1, DType::int64), x.shape());
  if (weights.shape() != x.shape()) {
    throw ValueError(concat_text("bincount: expected weights of the shape ", x.shape(), ", got ", weights.shape()));
  }
  return is_floating(weights.dtype()) ? weights : astype(weights, DType::int64);
}

struct Ends {
  Tensor low;
  Tensor high;
};

void require_range(double low, double high) {
  if (std::isfinite(low) && std::isfinite(high) && low <= high) return;
  throw ValueError(concat_text("histogram: expected a finite range from low to high, got (", low, ", ", high, ")"));
}

// The ends of the bins, as float64: those given, those of the elements, or 0 and 1 if there are none.
Ends ends_of(const Tensor& x, std::optional<std::pair<double, double>> range) {
  if (!range && x.size() == 0) range = {0, 1};
  if (range) require_range(range->first, range->second);
  Tensor low = range ? Tensor::scalar(range->first, DType::float64) : astype(min(x), DType::float64);
  Tensor high = range ? Tensor::scalar(range->second, DType::float64) : astype(max(x), DType::float64);
  if (!range && !is_tracing()) require_range(low.item(), high.item());
  const Tensor is_point = equal(low, high);
  const Tensor half = scalar_like(0.5, low);
  return {where(is_point, low - half, low), where(is_point, high + half, high)};
}

// The dtype of the edges: that of the elements, or what holds all edges between integers.
DType edge_dtype(const Tensor& x) {
  if (!is_floating(x.dtype())) return DType::float64;
  return item_size(x.dtype()) == 2 ? DType::float32 : x.dtype();
}

Tensor equal_bins(const Tensor& x, int64_t bins, std::optional<std::pair<double, double>> range) {
  if (bins < 1) throw ValueError(concat_text("histogram: expected at least 1 bin, got ", bins));
  const auto [low, high] = ends_of(x, range);
  const Tensor step = (high - low) / static_cast<double>(bins);
  const Tensor inner = low + arange(0, bins, 1, DType::float64) * step;
  return astype(concat({inner, reshape(high, {1})}), edge_dtype(x));
}

// Adds up weights by how many edges are not above a value: between the ends, that is the number of its bin, from 1 on.
// Nothing is above the last edge, which belongs to the last bin.
Tensor sums_in_bins(const Tensor& values, const Tensor& edges, const Tensor& weights, bool are_ones) {
  const int64_t bins = edges.size() - 1;
  const Tensor sums = gather_backward(weights, searchsorted(edges, values, true), 0, bins + 2);
  const Tensor inner = ops::part_of_axis(sums, 0, 1, bins);
  const Tensor is_at_end = equal(values, ops::part_of_axis(edges, 0, bins, 1));
  const Tensor at_end = sum(are_ones ? is_at_end : where(is_at_end, weights, scalar_like(0, weights)), {}, true);
  return concat({ops::part_of_axis(inner, 0, 0, bins - 1), ops::part_of_axis(inner, 0, bins - 1, 1) + at_end});
}

Histogram count_in_bins(const Tensor& x, const Tensor& edges, const Tensor& weights, bool density) {
  const DType dtype = promote(edge_dtype(x), edges.dtype());
  const Tensor bounds = astype(edges, dtype);
  const Tensor counts = sums_in_bins(astype(x, dtype), bounds, weights_or_ones(weights, x), !weights.defined());
  if (!density) return {counts, edges};
  const Tensor shares = astype(counts, promote(counts.dtype(), dtype));
  return {shares / astype(diff(bounds), shares.dtype()) / sum(shares), edges};
}

}  // namespace

Tensor bincount(const Tensor& x, const Tensor& weights, int64_t least_size) try {
  if (is_tracing()) {
    throw TraceError(
        "bincount: the size of the result depends on values, but a compiled function has fixed shapes; use histogram "
        "with a number of bins and a range");
  }
  if (!is_integer(x.dtype()) || x.rank() != 1) {
    throw TypeError(concat_text("bincount: expected integers of one axis, got ", x.dtype(), " of shape ", x.shape()));
  }
  if (least_size < 0) throw ValueError(concat_text("bincount: expected minlength of at least 0, got ", least_size));
  const Tensor index = astype(x, DType::int64);
  const int64_t least = x.size() == 0 ? 0 : min(index).item_int();
  if (least < 0) throw ValueError(concat_text("bincount: expected integers from 0 on, got ", least));
  const int64_t count = x.size() == 0 ? 0 : max(index).item_int() + 1;
  return gather_backward(weights_or_ones(weights, x), index, 0, std::max(count, least_size));
} catch (const Error&) {
  core::rethrow_as("bincount");
}

Histogram histogram(const Tensor& x, int64_t bins, std::optional<std::pair<double, double>> range,
                    const Tensor& weights, bool density) try {
  const Tensor values = flat_elements(x.detach());
  return count_in_bins(values, equal_bins(values, bins, range), weights.defined() ? flat_elements(weights) : weights,
                       density);
} catch (const Error&) {
  core::rethrow_as("histogram");
}

Histogram histogram(const Tensor& x, const Tensor& edges, const Tensor& weights, bool density) try {
  if (edges.rank() != 1 || edges.size() < 2) {
    throw ValueError(concat_text("histogram: expected edges of one axis, at least 2, got shape ", edges.shape()));
  }
  if (!is_tracing() && all(greater_equal(diff(ops::to_floating(edges.detach())), 0)).item() == 0) {
    throw ValueError("histogram: expected edges in ascending order");
  }
  return count_in_bins(flat_elements(x.detach()), edges.detach(), weights.defined() ? flat_elements(weights) : weights,
                       density);
} catch (const Error&) {
  core::rethrow_as("histogram");
}

Tensor histc(const Tensor& x, int64_t bins, double min, double max) try {
  using Range = std::optional<std::pair<double, double>>;
  return astype(histogram(x, bins, min == 0 && max == 0 ? Range{} : Range{{min, max}}).counts, x.dtype());
} catch (const Error&) {
  core::rethrow_as("histc");
}

}  // namespace pydl
