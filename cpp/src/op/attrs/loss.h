// Attributes of losses.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

enum class LossReduction : uint8_t { none, mean, sum };
inline std::span<const char* const> choice_names(LossReduction) {
  static constexpr const char* names[] = {"none", "mean", "sum"};
  return names;
}

/// Targets equal to `ignore_index` do not count. A mean is taken over those that do.
struct CrossEntropyAttrs {
  int64_t axis = 1;
  int64_t ignore_index = -100;
  LossReduction reduction = LossReduction::mean;
  PYDL_ATTRS(axis, ignore_index, reduction)
};

}  // namespace pydl::op
