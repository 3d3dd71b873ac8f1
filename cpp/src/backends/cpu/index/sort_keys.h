// Sorts keys without positions.
#pragma once

#include <algorithm>
#include <bit>
#include <type_traits>

#include "backends/cpu/index/radix_sort.h"
#include "backends/cpu/index/sort_lines.h"
#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

/// The kernels compare signed integers of 32 or 64 bits.
template <class Key>
using LaneElement = std::conditional_t<sizeof(Key) == 8, int64_t, int32_t>;

/// Returns the buffer that contains the sorted keys: theirs, or `room`.
template <class Key>
const Key* sort_keys(Key* keys, Key* room, int64_t count) {
  if (count < shortest_radix) {
    std::sort(keys, keys + count);
    return keys;
  }
  Key bottom = keys[0];
  Key top = keys[0];
  for (int64_t i = 0; i < count; ++i) {
    bottom = std::min(bottom, keys[i]);
    top = std::max(top, keys[i]);
  }
  const int bits = static_cast<int>(std::bit_width(static_cast<Key>(top - bottom)));
  return radix_sort(keys, room, count, bits, [bottom](Key key) { return static_cast<Key>(key - bottom); });
}

/// Sorts signed integers in place (SortKeys).
template <class Element>
void sort_by_digits(void* elements, void* room, int64_t count) {
  using Key = std::make_unsigned_t<Element>;
  constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
  auto* keys = static_cast<Key*>(elements);
  for (int64_t i = 0; i < count; ++i) keys[i] ^= sign;
  const Key* sorted = sort_keys(keys, static_cast<Key*>(room), count);
  for (int64_t i = 0; i < count; ++i) keys[i] = sorted[i] ^ sign;
}

/// Whether the kernels of sorts know keys of these elements.
template <class T>
inline constexpr bool has_lane_keys =
    std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>;

/// The kernel that sorts a contiguous line, or null.
template <class T>
SortLine sort_line_of() {
  if constexpr (!has_lane_keys<T>) {
    return nullptr;
  } else {
    const SortKernels& sort = kernels().sort;
    if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? sort.line_of_floats : sort.line_of_doubles;
    return sizeof(T) == 4 ? sort.line_of_words : sort.line_of_longs;
  }
}

}  // namespace pydl::cpu
