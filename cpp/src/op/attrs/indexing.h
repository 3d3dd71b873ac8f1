// Attributes of indexing by several tensors.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct NonzeroAttrs {
  int64_t count = 0;  ///< of true elements
  static constexpr size_t required = 1;
  PYDL_ATTRS(count)
};

}  // namespace pydl::op
