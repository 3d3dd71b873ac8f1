// What compositions of public ops have in common.
#pragma once

#include <vector>

#include "pydl/ops.h"

namespace pydl::ops {

/// The tensor itself if it is floating point, else in float32.
inline Tensor to_floating(const Tensor& x) { return is_floating(x.dtype()) ? x : astype(x, DType::float32); }

/// Sums of 16-bit numbers and their squares need a wider range.
inline Tensor to_wide_floating(const Tensor& x) {
  return is_floating(x.dtype()) && item_size(x.dtype()) == 2 ? astype(x, DType::float32) : to_floating(x);
}

/// The axes of a reduction, counted from the front, in ascending order. As in NumPy and PyTorch, a number may be
/// reduced over axis 0 or -1: what is written for an axis of values then also takes a single one.
inline Dims axes_to_reduce(const char* name, const Tensor& x, const Axes& axes) {
  if (axes && x.rank() == 0 && axes->size() == 1 && ((*axes)[0] == 0 || (*axes)[0] == -1)) return {};
  if (axes) return normalize_axes(name, *axes, x.rank());
  Dims all;
  for (int axis = 0; axis < x.rank(); ++axis) all.push_back(axis);
  return all;
}

/// `size` elements of an axis, from `start` on. Negative axes count from the end.
inline Tensor part_of_axis(const Tensor& x, int axis, int64_t start, int64_t size) {
  if (axis < 0) axis += x.rank();
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  starts[axis] = start;
  sizes[axis] = size;
  return slice(x, starts, sizes, Dims::filled(x.rank(), 1));
}

/// A tensor of one axis in the shape that broadcasts along an axis of a tensor of this rank.
inline Tensor along_axis(const Tensor& line, int rank, int axis) {
  Dims shape = Dims::filled(rank, 1);
  shape[axis] = line.size();
  return reshape(line, shape);
}

/// The square root, whose derivative at 0 is 0 here.
inline Tensor root_or_zero(const Tensor& x) {
  const Tensor zero = scalar_like(0, x);
  const Tensor is_zero = equal(x, zero);
  return where(is_zero, zero, sqrt(where(is_zero, scalar_like(1, x), x)));
}

}  // namespace pydl::ops
