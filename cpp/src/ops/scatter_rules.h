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

/// Whether a part of this shape lies within a whole in all axes but one.
inline bool is_within(const Dims& part, const Dims& whole, int axis) {
  if (part.rank() != whole.rank()) return false;
  for (int i = 0; i < whole.rank(); ++i) {
    if (i != axis && part[i] > whole[i]) return false;
  }
  return true;
}

/// The layout of the result for x, index and source. The index has one entry per slice along the axis if `has_slices`,
/// else one per element of source, which may be smaller than x along any axis: there, the rest of x is left as it is.
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
  if (has_slices) expected[axis] = index.shape[0];
  if (has_slices && source.shape != expected) {
    throw ValueError(concat_text(name, ": index of shape ", index.shape, " and source of shape ", source.shape,
                                 " do not fit ", x.shape, ", with which they agree in all axes but ", axis));
  }
  if (!has_slices && (source.shape != index.shape || !is_within(index.shape, x.shape, axis))) {
    throw ValueError(concat_text(name, ": index of shape ", index.shape, " and source of shape ", source.shape,
                                 " do not fit ", x.shape, "; they have one shape, which is smaller or the same in all ",
                                 "axes but ", axis));
  }
  *result = row_major(x.dtype, x.shape);
}

}  // namespace pydl::ops
