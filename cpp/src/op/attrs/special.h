// Attributes of functions of each element.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// What replaces NaN and infinities.
struct ReplaceNonfiniteAttrs {
  double nan = 0;
  double positive = 0;
  double negative = 0;
  static constexpr size_t required = 3;
  PYDL_ATTRS(nan, positive, negative)
};

}  // namespace pydl::op
