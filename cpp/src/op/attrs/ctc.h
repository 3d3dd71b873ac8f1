// Attributes of connectionist temporal classification.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// If no path is long enough, the loss is 0 with `zero_infinity`, and infinity otherwise.
struct CtcAttrs {
  int64_t blank = 0;
  bool zero_infinity = false;
  PYDL_ATTRS(blank, zero_infinity)
};

}  // namespace pydl::op
