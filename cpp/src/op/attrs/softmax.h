// Attributes of softmax.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct SoftmaxAttrs {
  int64_t axis = -1;
  PYDL_ATTRS(axis)
};

}  // namespace pydl::op
