// The kernels for random numbers of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// The interval of uniform numbers: low + (high - low) u, but at most `last`, the number just below `high`.
struct Interval {
  double low, high, last;
};

/// Writes elements [begin, begin + count) of a stream to y; `begin` is a multiple of 4.
struct RandomKernels {
  void (*uniform_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Interval& interval,
                        float* y);
  void (*uniform_double)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Interval& interval,
                         double* y);
  void (*normal_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, float mean, float std, float* y);
  void (*dropout_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double p, const float* x,
                        float* y);
  void (*dropout_double)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double p, const double* x,
                         double* y);
};

}  // namespace pydl::cpu
