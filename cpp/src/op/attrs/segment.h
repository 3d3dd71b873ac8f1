// Attributes of the ops on runs of consecutive elements.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct SegmentIdsAttrs {
  int64_t count = 0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(count)
};

}  // namespace pydl::op
