// Attributes of the ops that order elements along an axis. NaN is the largest value, and equal elements keep their
// order.
#pragma once

#include "op/attr_struct.h"
#include "op/op_id.h"

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

/// How a call of a sort or of topk orders elements.
inline SortAttrs order_of(OpId op, const Attrs& attrs) {
  if (op != OpId::topk) return from_attrs<SortAttrs>(attrs);
  const auto topk = from_attrs<TopkAttrs>(attrs);
  return {topk.axis, topk.largest};
}

}  // namespace pydl::op
