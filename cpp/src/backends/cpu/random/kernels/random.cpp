// Random numbers from Philox (runtime/philox.h), computed for many blocks side by side.
#include "backends/cpu/random/kernels/without_fused_multiply.h"

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/vector_math.h"
#include "backends/cpu/random/kernels/philox_batch.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

inline float unit_float(uint32_t word) { return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24F; }

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
      const double value = interval.low + width * unit_double(words, i);
      y[first + i] = value < interval.high ? value : interval.last;
    }
  });
}

// Two independent normal numbers from two uniform ones (Box and Muller, 1958). Pairs are taken apart first and joined
// last, so that the loop between them works on contiguous numbers.
void normal_float(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, float mean, float std, float* y) {
  for_each_batch(seed, offset, begin, count, 4, [=](const uint32_t* words, int64_t first, int64_t length) {
    constexpr int64_t pairs = batch / 2;
    float lengths[pairs];
    float angles[pairs];
    float results[batch];
    for (int64_t i = 0; i < pairs; ++i) {
      lengths[i] = unit_float(words[2 * i]);
      angles[i] = unit_float(words[2 * i + 1]);
    }
    for (int64_t i = 0; i < pairs; ++i) {
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
    for (int64_t i = 0; i < pairs; ++i) {
      results[2 * i] = lengths[i];
      results[2 * i + 1] = angles[i];
    }
    __builtin_memcpy(y + first, results, static_cast<uint64_t>(length) * sizeof(float));
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
