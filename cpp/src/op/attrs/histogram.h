// Attributes of counts.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// Integers from 0 up to `size`, without it, are counted.
struct CountIntegersAttrs {
  int64_t size = 0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(size)
};

}  // namespace pydl::op
