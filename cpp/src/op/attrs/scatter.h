// Attributes of the ops that write to indexed positions.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct ScatterAttrs {
  int64_t axis = 0;
  PYDL_ATTRS(axis)
};

/// How several elements with the same position are combined.
enum class ScatterCombination { prod, amin, amax };
inline std::span<const char* const> choice_names(ScatterCombination) {
  static constexpr const char* names[] = {"prod", "amin", "amax"};
  return names;
}

struct ScatterReduceAttrs {
  ScatterCombination reduce = ScatterCombination::prod;
  int64_t axis = 0;
  bool include_self = true;  ///< whether elements of x count where an index points
  static constexpr size_t required = 1;
  PYDL_ATTRS(reduce, axis, include_self)
};

}  // namespace pydl::op
