// Philox (runtime/philox.h) for many blocks side by side.
#pragma once

#include <cstdint>

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Words drawn at once.
constexpr int64_t batch = 256;
constexpr int64_t blocks_of_batch = batch / 4;

// Block i is number counter_of(i) of branch_of(i).
template <class CounterOf, class BranchOf>
inline void draw_blocks(uint64_t seed, uint32_t* words, const CounterOf& counter_of, const BranchOf& branch_of) {
#pragma GCC ivdep
  for (int64_t i = 0; i < blocks_of_batch; ++i) {
    const uint64_t counter = counter_of(static_cast<uint64_t>(i));
    const uint64_t branch = branch_of(static_cast<uint64_t>(i));
    uint32_t c0 = static_cast<uint32_t>(counter);
    uint32_t c1 = static_cast<uint32_t>(counter >> 32);
    uint32_t c2 = static_cast<uint32_t>(branch);
    uint32_t c3 = static_cast<uint32_t>(branch >> 32);
    uint32_t k0 = static_cast<uint32_t>(seed);
    uint32_t k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53U} * c0;
      const uint64_t p1 = uint64_t{0xCD9E8D57U} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<uint32_t>(p1);
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
    words[4 * i] = c0;
    words[4 * i + 1] = c1;
    words[4 * i + 2] = c2;
    words[4 * i + 3] = c3;
  }
}

// Number i of a batch that is read as pairs of words: 53 bits.
inline double unit_double(const uint32_t* words, int64_t i) {
  const uint64_t bits = (static_cast<uint64_t>(words[2 * i]) << 32 | words[2 * i + 1]) >> 11;
  return static_cast<double>(static_cast<int64_t>(bits)) * 0x1p-53;
}

// Calls `consume(words, first, count)` for the elements [begin, begin + count), where each block supplies `per_block`
// elements.
template <class Consume>
inline void for_each_batch(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, int64_t per_block,
                           const Consume& consume) {
  const int64_t step = blocks_of_batch * per_block;
  alignas(64) uint32_t words[batch];
  for (int64_t i = 0; i < count; i += step) {
    const uint64_t first_block = offset + static_cast<uint64_t>((begin + i) / per_block);
    draw_blocks(seed, words, [=](uint64_t block) { return first_block + block; }, [](uint64_t) { return uint64_t{0}; });
    consume(words, i, count - i < step ? count - i : step);
  }
}

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
