// Attributes of products of vectors in space.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// The axis of the three components, from the front.
struct CrossAttrs {
  int64_t axis = -1;
  static constexpr size_t required = 1;
  PYDL_ATTRS(axis)
};

}  // namespace pydl::op
