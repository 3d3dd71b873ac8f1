// Attributes of the ops that order elements along an axis. NaN is the largest value, and equal elements keep their
// order.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct SortAttrs {
  int64_t axis = -1;
  bool descending = false;
  PYDL_ATTRS(axis, descending)
};

struct TopkAttrs {
  int64_t k = 1;
  int64_t axis = -1;
  bool largest = true;
  static constexpr size_t required = 1;
  PYDL_ATTRS(k, axis, largest)
};

}  // namespace pydl::op
