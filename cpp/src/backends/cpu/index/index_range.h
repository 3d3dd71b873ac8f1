// Whether indices name positions of an axis.
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Whether all indices are within an axis of this size. Negative ones count from its end.
inline bool are_within(const int64_t* index, int64_t count, int64_t size) {
  // i + size or size - 1 - i is negative where i is not.
  const auto extent = static_cast<uint64_t>(size);
  uint64_t signs[4] = {};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int64_t k = 0; k < 4; ++k) {
      const auto position = static_cast<uint64_t>(index[i + k]);
      signs[k] |= (position + extent) | (extent - 1 - position);
    }
  }
  for (; i < count; ++i)
    signs[0] |= (static_cast<uint64_t>(index[i]) + extent) | (extent - 1 - static_cast<uint64_t>(index[i]));
  return static_cast<int64_t>(signs[0] | signs[1] | signs[2] | signs[3]) >= 0;
}

}  // namespace pydl::cpu
