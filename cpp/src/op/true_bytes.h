// The true elements of masks, counted eight at a time.
#pragma once

#include <cstdint>
#include <cstring>

namespace pydl::op {

/// Eight bools, as 1 or 0 in the bytes of a number. A bool may be any byte that is not 0.
inline uint64_t eight_bools(const uint8_t* mask) {
  uint64_t eight = 0;
  std::memcpy(&eight, mask, 8);
  constexpr uint64_t ones = 0x0101010101010101;
  if ((eight & ~ones) == 0) return eight;
  eight |= eight >> 4;
  eight |= eight >> 2;
  eight |= eight >> 1;
  return eight & ones;
}

/// Byte k of the result is the sum of the bytes up to k. Sums must be below 256.
constexpr uint64_t sums_of_bytes(uint64_t eight) { return eight * 0x0101010101010101; }

/// The number of bytes that are not 0.
inline int64_t count_true(const uint8_t* mask, int64_t size) {
  int64_t count = 0;
  int64_t i = 0;
  for (; i + 8 <= size; i += 8) count += static_cast<int64_t>(sums_of_bytes(eight_bools(mask + i)) >> 56);
  for (; i < size; ++i) count += mask[i] != 0 ? 1 : 0;
  return count;
}

}  // namespace pydl::op
