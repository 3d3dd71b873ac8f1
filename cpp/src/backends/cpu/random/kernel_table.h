// The kernels for random numbers of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// The interval of uniform numbers: low + (high - low) u, but at most `last`, the number just below `high`.
struct Interval {
  double low, high, last;
};

/// What the first draws of neighbouring elements give, each of which has a stream of its own (runtime/variates.h).
struct FirstDraws {
  static constexpr int64_t most = 64;
  double units[4][most];    ///< the first numbers of each element
  double log[most];         ///< what the first one is as a logarithm
  double normal[most];      ///< the normal number of those at `normal_at` and after it
  uint8_t normal_at[most];  ///< 0 or 1, given by the caller
};

/// Which of them are needed.
struct FirstDrawsNeeded {
  bool second_pair, logs, normals;
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

/// The same for numbers that are computed in double.
struct VariateKernels {
  void (*normal)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double mean, double std, double* y);
  /// By op::StandardDistribution; for float and double.
  void (*standard_float)(int distribution, uint64_t seed, uint64_t offset, int64_t begin, int64_t count, float* y);
  void (*standard_double)(int distribution, uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double* y);
  /// 1 with probability p, else 0; NaN where p is outside of [0, 1].
  void (*bernoulli_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const float* p, float* y);
  void (*bernoulli_double)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const double* p, double* y);
  /// Integers from `low` on.
  void (*integers)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, int64_t low, double width, int64_t* y);
  /// Two words in one.
  void (*words)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, uint64_t* y);
  /// For up to FirstDraws::most elements; `begin` is even.
  void (*first_draws)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const FirstDrawsNeeded& needed,
                      FirstDraws& draws);
  /// The first logarithms in the stream of one element, with other signs.
  void (*exponentials)(uint64_t seed, uint64_t offset, int64_t element, int64_t count, double* y);
};

}  // namespace pydl::cpu
