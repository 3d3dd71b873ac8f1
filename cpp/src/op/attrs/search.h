// Attributes of the search in sorted elements.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// With `right`, equal elements are counted too.
struct SearchAttrs {
  bool right = false;
  PYDL_ATTRS(right)
};

}  // namespace pydl::op
