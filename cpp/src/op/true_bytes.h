// The true elements of masks, of which several are looked at together.
#pragma once

#include <algorithm>
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
  typedef uint8_t Bytes __attribute__((vector_size(16)));
  constexpr int64_t length = sizeof(Bytes);
  constexpr int64_t most = 255;  // a byte cannot count further
  int64_t count = 0;
  int64_t i = 0;
  while (i + length <= size) {
    const int64_t blocks = std::min((size - i) / length, most);
    Bytes counts = {};
    for (int64_t block = 0; block < blocks; ++block, i += length) {
      Bytes part;
      std::memcpy(&part, mask + i, sizeof(part));
      counts -= (Bytes)(part != 0);  // which is -1 where it is true
    }
    for (int64_t lane = 0; lane < length; ++lane) count += counts[lane];
  }
  for (; i < size; ++i) count += mask[i] != 0 ? 1 : 0;
  return count;
}

}  // namespace pydl::op
