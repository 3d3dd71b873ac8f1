// Counts of integers and of numbers in intervals. Weights are added up at the position of their bin.
#include "op/attrs/histogram.h"

#include <algorithm>
#include <cmath>

#include "core/named.h"
#include "op/apply.h"
#include "ops/composing.h"
#include "ops/families.h"
#include "pydl/order.h"
#include "pydl/program.h"
#include "pydl/statistics.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

namespace ops {

namespace {

void infer_count_in_bins(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const BufferSpec& edges = inputs[1];
  require_floating("count_in_bins", edges);
  require_same_dtype("count_in_bins", inputs[0], edges);
  if (edges.shape.rank() != 1 || edges.shape[0] < 2) {
    throw ValueError(concat_text("count_in_bins: expected edges of one axis, at least 2, got shape ", edges.shape));
  }
  *output = row_major(DType::int64, {edges.shape[0] - 1});
}

void infer_count_integers(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* outputs, int64_t*) {
  if (inputs[0].dtype != DType::int64) {
    throw TypeError(concat_text("count_integers: expected int64, got ", inputs[0].dtype));
  }
  const int64_t size = op::from_attrs<op::CountIntegersAttrs>(attrs).size;
  require_sizes("count_integers", {size});
  outputs[0] = row_major(DType::int64, {size});
  outputs[1] = row_major(DType::int64, {2});
}

}  // namespace

void define_histogram(Registry& registry) {
  // (values, edges (bins + 1), in ascending order) -> int64 (bins): the last bin includes its end
  registry.declare(OpId::count_in_bins, {
                                            .doc = "How many values are between each edge and the next one.",
                                            .inputs = {"values", "edges"},
                                            .infer = infer_count_in_bins,
                                        });
  // (x int64) -> (counts int64 (size), ends int64 (2)) {size integer}: of no elements, the ends are 0 and -1
  registry.declare(OpId::count_integers,
                   {
                       .doc = "How often each integer from 0 on occurs, and the smallest and the largest element.",
                       .inputs = {"x"},
                       .results = {"counts", "ends"},
                       .attributes = op::fields_of<op::CountIntegersAttrs>(),
                       .infer = infer_count_integers,
                   });
}

}  // namespace ops

namespace {

Tensor flat_elements(const Tensor& x) { return reshape(x, {x.size()}); }

Tensor checked_weights(const Tensor& weights, const Tensor& x) {
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

// The edges of equal bins, without tensors in between.
Tensor known_equal_bins(int64_t bins, double low, double high, DType dtype) {
  if (low == high) {
    low -= 0.5;
    high += 0.5;
  }
  const double step = (high - low) / static_cast<double>(bins);
  std::vector<double> edges(static_cast<size_t>(bins) + 1, high);
  for (int64_t i = 0; i < bins; ++i) edges[static_cast<size_t>(i)] = low + static_cast<double>(i) * step;
  return astype(Tensor::from_values<double>(edges, {bins + 1}), dtype);
}

Tensor equal_bins(const Tensor& x, int64_t bins, std::optional<std::pair<double, double>> range) {
  if (bins < 1) throw ValueError(concat_text("histogram: expected at least 1 bin, got ", bins));
  if (range && !is_tracing()) {
    require_range(range->first, range->second);
    return known_equal_bins(bins, range->first, range->second, edge_dtype(x));
  }
  const auto [low, high] = ends_of(x, range);
  const Tensor step = (high - low) / static_cast<double>(bins);
  const Tensor inner = low + arange(0, bins, 1, DType::float64) * step;
  return astype(concat({inner, reshape(high, {1})}), edge_dtype(x));
}

// Adds up weights by how many edges are not above a value: between the ends, that is the number of its bin, from 1 on.
// Nothing is above the last edge, which belongs to the last bin.
Tensor sums_in_bins(const Tensor& values, const Tensor& edges, const Tensor& weights) {
  const int64_t bins = edges.size() - 1;
  const Tensor sums = gather_backward(weights, searchsorted(edges, values, true), 0, bins + 2);
  const Tensor inner = ops::part_of_axis(sums, 0, 1, bins);
  const Tensor is_at_end = equal(values, ops::part_of_axis(edges, 0, bins, 1));
  const Tensor at_end = sum(where(is_at_end, weights, scalar_like(0, weights)), {}, true);
  return concat({ops::part_of_axis(inner, 0, 0, bins - 1), ops::part_of_axis(inner, 0, bins - 1, 1) + at_end});
}

Histogram count_in_bins(const Tensor& x, const Tensor& edges, const Tensor& weights, bool density) {
  const DType dtype = promote(edge_dtype(x), edges.dtype());
  const Tensor bounds = astype(edges, dtype);
  const Tensor values = astype(x, dtype);
  const Tensor counts = weights.defined() ? sums_in_bins(values, bounds, checked_weights(weights, x))
                                          : op::apply(OpId::count_in_bins, {}, {values, bounds});
  if (!density) return {counts, edges};
  const Tensor shares = astype(counts, promote(counts.dtype(), dtype));
  return {shares / astype(diff(bounds), shares.dtype()) / sum(shares), edges};
}

void require_natural(int64_t least) {
  if (least < 0) throw ValueError(concat_text("bincount: expected integers from 0 on, got ", least));
}

// Most integers are small, so they are counted in the pass that finds the largest one, and once more if they are not.
Tensor counts_of_all(const Tensor& index, int64_t least_size) {
  const int64_t likely_size = std::max<int64_t>(least_size, index.size() < 4096 ? 64 : 1000);
  const auto count = [&](int64_t size) {
    return op::apply_all(OpId::count_integers, op::to_attrs(op::CountIntegersAttrs{size}), {index});
  };
  const std::vector<Tensor> found = count(likely_size);
  const int64_t* ends = found[1].data<int64_t>();
  require_natural(ends[0]);
  const int64_t size = std::max(ends[1] + 1, least_size);
  return size <= likely_size ? ops::part_of_axis(found[0], 0, 0, size) : count(size)[0];
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
  const Tensor index = astype(x.detach(), DType::int64);
  if (!weights.defined()) return counts_of_all(index, least_size);
  const int64_t least = x.size() == 0 ? 0 : min(index).item_int();
  require_natural(least);
  const int64_t count = x.size() == 0 ? 0 : max(index).item_int() + 1;
  return gather_backward(checked_weights(weights, x), index, 0, std::max(count, least_size));
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
