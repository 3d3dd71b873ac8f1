// Attributes of the ops that write to indexed positions.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct ScatterAttrs {
  int64_t axis = 0;
  PYDL_ATTRS(axis)
};

}  // namespace pydl::op
