// Random numbers from Philox (runtime/philox.h), computed for many blocks side by side.
#if defined(__GNUC__) && !defined(__clang__)
// Without fused multiply-add, all instruction sets draw the same numbers.
#pragma GCC optimize("fp-contract=off")
#endif

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Words drawn at once.
constexpr int64_t batch = 256;

void draw_batch(uint64_t seed, uint64_t first_block, uint32_t* words) {
#pragma GCC ivdep
  for (int64_t i = 0; i < batch / 4; ++i) {
    const uint64_t counter = first_block + static_cast<uint64_t>(i);
    uint32_t c0 = static_cast<uint32_t>(counter);
    uint32_t c1 = static_cast<uint32_t>(counter >> 32);
    uint32_t c2 = 0;
    uint32_t c3 = 0;
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

inline float unit_float(uint32_t word) { return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24F; }

// Calls `consume(words, first, count)` for the elements [begin, begin + count), where each block supplies `per_block`
// elements.
template <class Consume>
inline void for_each_batch(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, int64_t per_block,
                           const Consume& consume) {
  const int64_t step = batch / 4 * per_block;
  alignas(64) uint32_t words[batch];
  for (int64_t i = 0; i < count; i += step) {
    draw_batch(seed, offset + static_cast<uint64_t>((begin + i) / per_block), words);
    consume(words, i, count - i < step ? count - i : step);
  }
}

void uniform_float(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Interval& interval, float* y) {
  const float low = static_cast<float>(interval.low);
  const float high = static_cast<float>(interval.high);
  const float width = high - low;
  const float last = static_cast<float>(interval.last);
  for_each_batch(seed, offset, begin, count, 4, [=](const uint32_t* words, int64_t first, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
      const float value = low + width * unit_float(words[i]);
      y[first + i] = value < high ? value : last;
    }
  });
}

void uniform_double(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Interval& interval, double* y) {
  const double width = interval.high - interval.low;
  for_each_batch(seed, offset, begin, count, 2, [=](const uint32_t* words, int64_t first, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
      const uint64_t bits = (static_cast<uint64_t>(words[2 * i]) << 32 | words[2 * i + 1]) >> 11;
      const double value = interval.low + width * (static_cast<double>(static_cast<int64_t>(bits)) * 0x1p-53);
      y[first + i] = value < interval.high ? value : interval.last;
    }
  });
}

// Two independent normal numbers from two uniform ones (Box and Muller, 1958).
void normal_float(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, float mean, float std, float* y) {
  for_each_batch(seed, offset, begin, count, 4, [=](const uint32_t* words, int64_t first, int64_t length) {
    // In loops of their own, because compilers vectorise no loop that computes and also moves neighbours apart.
    constexpr int64_t pair_count = batch / 2;
    float lengths[pair_count];
    float angles[pair_count];
    for (int64_t i = 0; i < pair_count; ++i) {
      lengths[i] = unit_float(words[2 * i]);
      angles[i] = unit_float(words[2 * i + 1]);
    }
#pragma GCC ivdep
    for (int64_t i = 0; i < pair_count; ++i) {
      const float radius = __builtin_sqrtf(-2.0F * m::log(1.0F - lengths[i]));
      // The angle in quarter turns, split exactly into the nearest quarter and the rest.
      const float turns = angles[i] * 4.0F;
      const float quarter = (turns + m::rounder) - m::rounder;
      const float rest = (turns - quarter) * m::half_pi;
      const float s = m::sin_reduced(rest);
      const float c = m::cos_reduced(rest);
      const bool odd = (quarter == 1.0F) | (quarter == 3.0F);
      const float cosine = odd ? s : c;
      const float sine = odd ? c : s;
      lengths[i] = mean + std * (radius * ((quarter == 1.0F) | (quarter == 2.0F) ? -cosine : cosine));
      angles[i] = mean + std * (radius * ((quarter == 2.0F) | (quarter == 3.0F) ? -sine : sine));
    }
    float pairs[batch];
    for (int64_t i = 0; i < pair_count; ++i) {
      pairs[2 * i] = lengths[i];
      pairs[2 * i + 1] = angles[i];
    }
    __builtin_memcpy(y + first, pairs, static_cast<uint64_t>(length) * sizeof(float));
  });
}

template <class T>
void dropout(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double p, const T* x, T* y) {
  const float threshold = static_cast<float>(p);
  const T scale = static_cast<T>(1.0 / (1.0 - p));
  for_each_batch(seed, offset, begin, count, 4, [=](const uint32_t* words, int64_t first, int64_t length) {
#pragma GCC ivdep
    for (int64_t i = 0; i < length; ++i) {
      const T scaled = x[first + i] * scale;
      y[first + i] = unit_float(words[i]) >= threshold ? scaled : T(0);
    }
  });
}

}  // namespace

void fill_random(KernelSet& set) {
  set.random = {uniform_float, uniform_double, normal_float, dropout<float>, dropout<double>};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
