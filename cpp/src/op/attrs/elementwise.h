// Attributes of elementwise ops that are not in the table.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct CastAttrs {
  DType dtype = DType::float32;
  static constexpr size_t required = 1;
  PYDL_ATTRS(dtype)
};

}  // namespace pydl::op
