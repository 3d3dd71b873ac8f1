// Order statistics with their positions, and orders by several keys.
#include "pydl/order.h"

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/sort.h"
#include "ops/composing.h"

namespace pydl {

using ops::part_of_axis;

namespace {

// The smallest elements are found faster than all are sorted as long as they are few: in numbers, or as a part of all.
constexpr int64_t few_elements = 32;
constexpr int64_t few_of_all = 16;

ValuesAndIndices without_axis(const ValuesAndIndices& found, int axis, bool keepdims) {
  if (keepdims) return found;
  const std::vector<int64_t> axes = {axis};
  return {squeeze(found.values, axes), squeeze(found.indices, axes)};
}

// For each of the sorted elements, how many equal ones are before it.
Tensor equal_ones_before(const Tensor& sorted, int axis) {
  const int64_t count = sorted.size(axis);
  Dims edge = sorted.shape();
  edge[axis] = 1;
  const Tensor differs = not_equal(part_of_axis(sorted, axis, 1, count - 1), part_of_axis(sorted, axis, 0, count - 1));
  const Tensor begins = concat({full(edge, true, DType::boolean), differs}, axis);
  const Tensor positions = ops::along_axis(arange(0, count, 1, DType::int64), sorted.rank(), axis);
  return positions - cummax(where(begins, positions, scalar_like(0, positions)), axis).values;
}

}  // namespace

Tensor argsort(const Tensor& x, int64_t axis, bool descending) try {
  return op::call(op::OpId::argsort, op::to_attrs(op::SortAttrs{axis, descending}), {x})[0];
} catch (const Error&) {
  core::rethrow_as("argsort");
}

ValuesAndIndices sort_with_indices(const Tensor& x, int64_t axis, bool descending) try {
  const auto results = op::call(op::OpId::sort_with_indices, op::to_attrs(op::SortAttrs{axis, descending}), {x});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("sort_with_indices");
}

ValuesAndIndices topk(const Tensor& x, int64_t k, int64_t axis, bool largest) try {
  const auto results = op::call(op::OpId::topk, op::to_attrs(op::TopkAttrs{k, axis, largest}), {x});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("topk");
}

ValuesAndIndices kthvalue(const Tensor& x, int64_t k, int64_t axis, bool keepdims) try {
  const int along = normalize_axis("kthvalue", axis, x.rank());
  const int64_t count = x.size(along);
  if (k < 1 || k > count) {
    throw ValueError(concat_text("kthvalue: expected k from 1 to the ", count, " elements of axis ", along,
                                 " of shape ", x.shape(), ", got ", k));
  }
  const bool is_among_few = k <= few_elements || k <= count / few_of_all;
  const ValuesAndIndices sorted = is_among_few ? topk(x, k, along, false) : sort_with_indices(x, along);
  const ValuesAndIndices found = {part_of_axis(sorted.values, along, k - 1, 1),
                                  part_of_axis(sorted.indices, along, k - 1, 1)};
  return without_axis(found, along, keepdims);
} catch (const Error&) {
  core::rethrow_as("kthvalue");
}

ValuesAndIndices mode(const Tensor& x, int64_t axis, bool keepdims) try {
  const int along = normalize_axis("mode", axis, x.rank());
  if (x.size(along) == 0) {
    throw ValueError(concat_text("mode: no elements to reduce in shape ", x.shape(), " over axis ", along));
  }
  const auto [values, order] = sort_with_indices(x, along);
  const Tensor best = argmax(equal_ones_before(values.detach(), along), along, true);
  return without_axis({gather(values, best, along), gather(order, best, along)}, along, keepdims);
} catch (const Error&) {
  core::rethrow_as("mode");
}

Tensor lexsort(std::span<const Tensor> keys, int64_t axis) try {
  if (keys.empty()) throw ValueError("lexsort: expected at least one key");
  Tensor order = argsort(keys[0].detach(), axis);
  for (const Tensor& key : keys.subspan(1)) {
    if (key.shape() != order.shape()) {
      throw ValueError(concat_text("lexsort: keys of shapes ", order.shape(), " and ", key.shape(), " differ"));
    }
    const Tensor moved = gather(key.detach(), order, axis);
    order = gather(order, argsort(moved, axis), axis);
  }
  return order;
} catch (const Error&) {
  core::rethrow_as("lexsort");
}

}  // namespace pydl
