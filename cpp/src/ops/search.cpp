// Search in sorted elements.
#include "op/attrs/search.h"

#include <limits>

#include "core/named.h"
#include "op/apply.h"
#include "ops/composing.h"
#include "ops/families.h"
#include "pydl/indexing.h"
#include "pydl/order.h"
#include "pydl/program.h"

namespace pydl {

namespace ops {

namespace {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

void infer_search(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  require_same_dtype("search_sorted", inputs[0], inputs[1]);
  const Dims& sorted = inputs[0].shape;
  const Dims& values = inputs[1].shape;
  bool fits = sorted.rank() == 1 || (sorted.rank() > 0 && sorted.rank() == values.rank());
  for (int axis = 0; fits && axis + 1 < sorted.rank(); ++axis) fits = sorted[axis] == values[axis];
  if (!fits) {
    throw ValueError(concat_text("search_sorted: expected sorted elements of one axis, or of the shape of the values, ",
                                 values, ", in all axes but the last, got ", sorted));
  }
  *result = row_major(DType::int64, values);
}

}  // namespace

void define_search(Registry& registry) {
  // (sorted (N) or (..., N), values of any shape or (..., M)) -> int64 of the shape of the values
  registry.declare(OpId::search_sorted,
                   {
                       .doc = "How many of the sorted elements are less than each value, or not greater.",
                       .inputs = {"sorted", "values"},
                       .attributes = op::fields_of<op::SearchAttrs>(),
                       .infer = infer_search,
                   });
}

}  // namespace ops

Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right, const Tensor& sorter) try {
  const DType dtype = promote(sorted.dtype(), values.dtype());
  const Tensor elements = sorter.defined() ? gather(sorted, sorter, -1) : sorted;
  return op::apply(op::OpId::search_sorted, op::to_attrs(op::SearchAttrs{right}),
                   {astype(elements, dtype).detach(), astype(values, dtype).detach()});
} catch (const Error&) {
  core::rethrow_as("searchsorted");
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool right) try {
  if (boundaries.rank() != 1) {
    throw ValueError(concat_text("bucketize: expected boundaries of one axis, got shape ", boundaries.shape()));
  }
  return searchsorted(boundaries, x, right);
} catch (const Error&) {
  core::rethrow_as("bucketize");
}

Tensor digitize(const Tensor& x, const Tensor& bins, bool right) try {
  return bucketize(x, bins, !right);
} catch (const Error&) {
  core::rethrow_as("digitize");
}

namespace {

// The values are looked up in their sorted order.
Tensor is_among(const Tensor& x, const Tensor& values) {
  const Tensor sorted = sort(values);
  const Tensor positions = searchsorted(sorted, x);
  return equal(take(sorted, minimum(positions, scalar_like(values.size() - 1, positions))), x);
}

// The same for integers that are not far apart: a table says which numbers are among them, and its ends stand for
// all others. Undefined if the table would be much larger than both tensors.
Tensor is_in_table(const Tensor& given, const Tensor& given_values) {
  if (!is_integer(given.dtype()) || is_tracing()) return {};
  const Tensor x = astype(given, DType::int64);
  const Tensor values = astype(given_values, DType::int64);
  const int64_t least = min(values).item_int();
  const int64_t most = max(values).item_int();
  constexpr int64_t share = 4;
  const auto distance = static_cast<uint64_t>(most) - static_cast<uint64_t>(least);
  const bool has_ends = least > std::numeric_limits<int64_t>::min() && most < std::numeric_limits<int64_t>::max();
  if (!has_ends || distance > static_cast<uint64_t>(share * (x.size() + values.size()))) return {};
  const Tensor table = zeros({most - least + 3}, DType::boolean);
  assign_index(table, {values - (least - 1)}, full({}, true, DType::boolean));
  const Tensor inside = clip(x, scalar_like(least - 1, x), scalar_like(most + 1, x));
  return take(table, inside - (least - 1));
}

}  // namespace

Tensor isin(const Tensor& x, const Tensor& values, bool invert) try {
  const DType dtype = promote(x.dtype(), values.dtype());
  Tensor found;
  if (values.size() == 0) {
    found = full(x.shape(), false, DType::boolean);
  } else {
    const Tensor elements = astype(x, dtype).detach();
    const Tensor wanted = reshape(astype(values, dtype).detach(), {values.size()});
    found = is_in_table(elements, wanted);
    if (!found.defined()) found = is_among(elements, wanted);
  }
  return invert ? logical_not(found) : found;
} catch (const Error&) {
  core::rethrow_as("isin");
}

}  // namespace pydl
