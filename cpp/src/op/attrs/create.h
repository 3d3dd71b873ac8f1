// Attributes of the ops that create tensors.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct FullAttrs {
  Dims shape;
  DType dtype = DType::float32;
  Element value = 0.0;
  PYDL_ATTRS(shape, dtype, value)
};

/// Either both integers or both numbers: start, start + step, ...
struct ArangeAttrs {
  Element start = int64_t{0};
  Element step = int64_t{1};
  int64_t count = 0;
  DType dtype = DType::int64;
  PYDL_ATTRS(start, step, count, dtype)
};

}  // namespace pydl::op
