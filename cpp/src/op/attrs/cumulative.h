// Attributes of cumulative reductions.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// With `reverse`, they start at the end of the axis.
struct CumulativeAttrs {
  int64_t axis = 0;
  bool reverse = false;
  static constexpr size_t required = 1;
  PYDL_ATTRS(axis, reverse)
};

}  // namespace pydl::op
