// Attributes of triangles of matrices.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// What is below diagonal k, or above it, the diagonal included.
struct TriangleAttrs {
  int64_t k = 0;
  bool lower = true;
  PYDL_ATTRS(k, lower)
};

}  // namespace pydl::op
