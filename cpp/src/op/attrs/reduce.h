// Attributes of reductions.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// The axes are in ascending order.
struct ReduceAttrs {
  Dims axes;
  bool keepdims = false;
  static constexpr size_t required = 1;
  PYDL_ATTRS(axes, keepdims)
};

/// The sum of squares is divided by count - correction.
struct VarAttrs {
  Dims axes;
  bool keepdims = false;
  double correction = 0.0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(axes, keepdims, correction)
};

}  // namespace pydl::op
