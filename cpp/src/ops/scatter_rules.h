// What the ops that write to indexed positions have in common.
#pragma once

#include "op/attrs/scatter.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl::ops {

/// Converts the axis to count from the front, and an index of integers to int64.
template <class Struct>
void canonical_index(op::Attrs& attrs, std::vector<Tensor>& inputs) {
  canonical_axis<Struct>(attrs, inputs);
  if (is_integer(inputs[1].dtype())) inputs[1] = astype(inputs[1], DType::int64);
}

/// The layout of the result for x, index and source. The index has one entry per slice along the axis if `has_slices`,
/// else one per element.
inline void infer_scattered(const char* name, const op::Attrs& attrs, std::span<const op::BufferSpec> inputs,
                            bool has_slices, op::BufferSpec* result) {
  const auto& [x, index, source] = std::tie(inputs[0], inputs[1], inputs[2]);
  if (index.dtype != DType::int64)
    throw TypeError(concat_text(name, ": expected an index of integers, got ", index.dtype));
  require_same_dtype(name, x, source);
  const int axis = require_axis(name, op::from_attrs<op::ScatterAttrs>(attrs).axis, x.shape.rank());
  Dims expected = x.shape;
  if (has_slices && index.shape.rank() != 1) {
    throw ValueError(concat_text(name, ": expected an index of one axis, got shape ", index.shape));
  }
  if (has_slices || index.shape.rank() == expected.rank()) expected[axis] = index.shape[has_slices ? 0 : axis];
  if (source.shape != expected || (!has_slices && index.shape != expected)) {
    throw ValueError(concat_text(name, ": index of shape ", index.shape, " and source of shape ", source.shape,
                                 " do not fit ", x.shape, ", with which they agree in all axes but ", axis));
  }
  *result = row_major(x.dtype, x.shape);
}

}  // namespace pydl::ops
