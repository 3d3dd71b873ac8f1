// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011).
#pragma once

#include <array>
#include <cstdint>

namespace pydl::runtime {

/// Four random 32-bit words for block `counter` of the stream `key`. `branch` is the upper half of the counter: 0 for
/// the numbers that a stream counts, others for more numbers that belong to the same block.
inline std::array<uint32_t, 4> philox(uint64_t key, uint64_t counter, uint64_t branch = 0) {
  std::array<uint32_t, 4> c = {static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                               static_cast<uint32_t>(branch), static_cast<uint32_t>(branch >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key);
  uint32_t k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53U} * c[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

/// 24 random bits as a float in [0, 1).
inline float unit_float(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24F; }

/// 53 random bits as a double in [0, 1).
inline double unit_double(uint32_t high, uint32_t low) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace pydl::runtime
