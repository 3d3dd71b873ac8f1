// Attributes of views in which steps along one axis of the result are steps along several axes, or overlapping ones.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct DiagonalAttrs {
  int64_t offset = 0;
  int64_t axis1 = 0;
  int64_t axis2 = 1;
  PYDL_ATTRS(offset, axis1, axis2)
};

struct UnfoldAttrs {
  int64_t axis = 0;
  int64_t size = 1;
  int64_t step = 1;
  int64_t dilation = 1;
  static constexpr size_t required = 2;
  PYDL_ATTRS(axis, size, step, dilation)
};

/// Strides and offset refer to the elements of x in row-major order.
struct AsStridedAttrs {
  Dims shape;
  Dims strides;
  int64_t offset = 0;
  static constexpr size_t required = 2;
  PYDL_ATTRS(shape, strides, offset)
};

}  // namespace pydl::op
