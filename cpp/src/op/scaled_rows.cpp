#include "op/scaled_rows.h"

namespace pydl::op {

ScaledRows ScaledRows::of(const NormalizeAttrs& attrs, const exec::BufferSpec& x, const Dims& weight) {
  ScaledRows result;
  int64_t length = 1;
  for (int axis = x.shape.rank() - static_cast<int>(attrs.axes); axis < x.shape.rank(); ++axis) length *= x.shape[axis];
  const int shift = x.shape.rank() - weight.rank();
  for (int axis = weight.rank() - 1; axis >= 0 && weight[axis] == 1; --axis) result.inner *= x.shape[shift + axis];
  result.weights = element_count(weight);
  if (length == 0 || result.inner == 0) return {0, 0, result.inner, result.weights};
  result.runs = length / result.inner;
  result.rows = element_count(x.shape) / length;
  return result;
}

bool ScaledRows::fits(const NormalizeAttrs& attrs, const exec::BufferSpec& x, const Dims& weight) {
  const int shift = x.shape.rank() - weight.rank();
  const int first_of_row = x.shape.rank() - static_cast<int>(attrs.axes);
  if (shift < 0 || shift > first_of_row) return false;
  int axis = weight.rank() - 1;
  while (axis >= 0 && shift + axis >= first_of_row && weight[axis] == 1) --axis;
  for (; axis >= 0; --axis) {
    if (weight[axis] != x.shape[shift + axis]) return false;
  }
  return true;
}

}  // namespace pydl::op
