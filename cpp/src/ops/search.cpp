// Search in sorted elements.
#include "op/attrs/search.h"

#include "core/named.h"
#include "op/apply.h"
#include "ops/composing.h"
#include "ops/families.h"
#include "pydl/order.h"

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

Tensor isin(const Tensor& x, const Tensor& values, bool invert) try {
  const DType dtype = promote(x.dtype(), values.dtype());
  Tensor found;
  if (values.size() == 0) {
    found = full(x.shape(), false, DType::boolean);
  } else {
    const Tensor elements = astype(x, dtype).detach();
    const Tensor sorted = sort(reshape(astype(values, dtype).detach(), {values.size()}));
    const Tensor places = searchsorted(sorted, elements);
    found = equal(take(sorted, minimum(places, scalar_like(values.size() - 1, places))), elements);
  }
  return invert ? logical_not(found) : found;
} catch (const Error&) {
  core::rethrow_as("isin");
}

}  // namespace pydl
