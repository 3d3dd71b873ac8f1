// Attributes of indexing by tensors.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct GatherAttrs {
  int64_t axis = 0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(axis)
};

struct GatherBackwardAttrs {
  int64_t axis = 0;
  int64_t size = 0;  ///< size of the axis that was indexed
  static constexpr size_t required = 2;
  PYDL_ATTRS(axis, size)
};

struct TakeAttrs {
  int64_t axis = 0;
  std::optional<int64_t> skip;  ///< this slice receives no gradient
  PYDL_ATTRS(axis, skip)
};

struct TakeBackwardAttrs {
  int64_t axis = 0;
  int64_t size = 0;             ///< size of the axis that was indexed
  std::optional<int64_t> skip;  ///< nothing is added to this slice
  static constexpr size_t required = 2;
  PYDL_ATTRS(axis, size, skip)
};

}  // namespace pydl::op
