// Attributes of the ops that change shapes and join tensors.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct ShapeAttrs {
  Dims shape;
  static constexpr size_t required = 1;
  PYDL_ATTRS(shape)
};

struct PermuteAttrs {
  Dims axes;
  static constexpr size_t required = 1;
  PYDL_ATTRS(axes)
};

/// Element i of the result is element starts + i * steps.
struct SliceAttrs {
  Dims starts;
  Dims sizes;
  Dims steps;
  static constexpr size_t required = 3;
  PYDL_ATTRS(starts, sizes, steps)
};

struct SliceBackwardAttrs {
  Dims shape;
  Dims starts;
  Dims steps;
  static constexpr size_t required = 3;
  PYDL_ATTRS(shape, starts, steps)
};

struct ConcatAttrs {
  int64_t axis = 0;
  PYDL_ATTRS(axis)
};

}  // namespace pydl::op
