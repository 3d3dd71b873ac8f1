// Attributes of connectionist temporal classification.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// With `zero_infinity`, the loss is 0 where no path is long enough, else infinity.
struct CtcAttrs {
  int64_t blank = 0;
  bool zero_infinity = false;
  PYDL_ATTRS(blank, zero_infinity)
};

}  // namespace pydl::op
