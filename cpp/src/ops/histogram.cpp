// Counts of integers and of numbers in intervals, which are added up at the position of their bin.
#include <algorithm>
#include <cmath>
#include <limits>

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

// The bin of each value: the last one contains its upper edge, and number `bins` stands for no bin.
Tensor search_bins(const Tensor& values, const Tensor& edges) {
  const int64_t bins = edges.size() - 1;
  const Tensor last_edge = ops::part_of_axis(edges, 0, bins, 1);
  const Tensor found = searchsorted(edges, values, true) - 1;
  const Tensor in_bins = where(equal(values, last_edge), scalar_like(bins - 1, found), found);
  return where(less(in_bins, 0), scalar_like(bins, in_bins), in_bins);
}

// The same for equal bins that are much wider than the distance of neighbouring numbers: what is computed is wrong by
// 1 at most, which the edges tell.
Tensor compute_bins(const Tensor& values, const Tensor& edges, double low, double high) {
  const int64_t bins = edges.size() - 1;
  const bool all_inside = values.size() > 0 && min(values).item() >= low && max(values).item() <= high;
  const Tensor is_inside = all_inside ? Tensor{} : logical_and(greater_equal(values, low), less_equal(values, high));
  const Tensor distance = all_inside ? values - low : where(is_inside, values - low, scalar_like(0, values));
  const Tensor computed = astype(distance * (static_cast<double>(bins) / (high - low)), DType::int64);
  const Tensor guess = minimum(computed, scalar_like(bins - 1, computed));
  // Nothing is above the last bin.
  const Tensor lower = ops::part_of_axis(edges, 0, 0, bins);
  const Tensor upper = concat(
      {ops::part_of_axis(edges, 0, 1, bins - 1), full({1}, std::numeric_limits<double>::infinity(), edges.dtype())});
  const Tensor is_less = less(values, take(lower, guess));
  const Tensor is_more = greater_equal(values, take(upper, guess));
  const Tensor corrected = guess - is_less + is_more;
  return all_inside ? corrected : where(is_inside, corrected, scalar_like(bins, corrected));
}

Tensor equal_bins_of(const Tensor& values, const Tensor& edges) {
  if (is_tracing()) return search_bins(values, edges);
  const int64_t bins = edges.size() - 1;
  const double low = ops::part_of_axis(edges, 0, 0, 1).item();
  const double high = ops::part_of_axis(edges, 0, bins, 1).item();
  const double resolution = edges.dtype() == DType::float64 ? 0x1p-48 : 0x1p-19;
  const double width = (high - low) / static_cast<double>(bins);
  const bool are_wide = width > resolution * std::max(std::abs(low), std::abs(high));
  return are_wide ? compute_bins(values, edges, low, high) : search_bins(values, edges);
}

using BinsOf = Tensor (*)(const Tensor& values, const Tensor& edges);

Histogram count_in_bins(const Tensor& x, const Tensor& edges, const Tensor& weights, bool density, BinsOf bins_of) {
  const int64_t bins = edges.size() - 1;
  const DType dtype = promote(edge_dtype(x), edges.dtype());
  const Tensor bounds = astype(edges, dtype);
  const Tensor positions = bins_of(astype(x, dtype), bounds);
  // What is in no bin is counted in one more, which is left out.
  const Tensor counts =
      ops::part_of_axis(gather_backward(weights_or_ones(weights, x), positions, 0, bins + 1), 0, 0, bins);
  if (!density) return {counts, edges};
  const Tensor shares = ops::to_floating(counts);
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
                       density, equal_bins_of);
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
                       density, search_bins);
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
