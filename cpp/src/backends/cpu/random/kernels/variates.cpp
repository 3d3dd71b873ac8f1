// Random numbers of several distributions, which are computed in double of numbers of 53 bits.
#include "backends/cpu/random/kernels/without_fused_multiply.h"

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/random/kernels/philox_batch.h"
#include "op/attrs/standard_distribution.h"
#include "runtime/variate_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

using op::StandardDistribution;
using runtime::Direction;
using runtime::log_of_positive;

constexpr int64_t pairs_of_batch = batch / 2;

// Calls `write(units, first, count)` with the uniform numbers of the elements.
template <class Write>
inline void for_each_unit(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Write& write) {
  for_each_batch(seed, offset, begin, count, 2, [&](const uint32_t* words, int64_t first, int64_t length) {
    double units[pairs_of_batch];
    for (int64_t i = 0; i < pairs_of_batch; ++i) units[i] = unit_double(words, i);
    write(units, first, length);
  });
}

// Pairs are taken apart first and joined last, so that the loop between them works on contiguous numbers.
void normal(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double mean, double std, double* y) {
  for_each_unit(seed, offset, begin, count, [=](const double* units, int64_t first, int64_t length) {
    constexpr int64_t half = pairs_of_batch / 2;
    double lengths[half];
    double angles[half];
    double results[pairs_of_batch];
    for (int64_t i = 0; i < half; ++i) {
      lengths[i] = units[2 * i];
      angles[i] = units[2 * i + 1];
    }
    for (int64_t i = 0; i < half; ++i) {
      const double radius = __builtin_sqrt(-2.0 * log_of_positive(1.0 - lengths[i]));
      const Direction direction = runtime::direction(4.0 * angles[i]);
      lengths[i] = mean + std * (radius * direction.cosine);
      angles[i] = mean + std * (radius * direction.sine);
    }
    for (int64_t i = 0; i < half; ++i) {
      results[2 * i] = lengths[i];
      results[2 * i + 1] = angles[i];
    }
    __builtin_memcpy(y + first, results, static_cast<uint64_t>(length) * sizeof(double));
  });
}

// Replaces uniform numbers by those of another distribution.
template <class Transform>
inline void transform_batch(double* units, const Transform& transform) {
  for (int64_t i = 0; i < pairs_of_batch; ++i) units[i] = transform(units[i]);
}

void transform_units(StandardDistribution distribution, double* units) {
  switch (distribution) {
    case StandardDistribution::exponential:
      return transform_batch(units, [](double u) { return runtime::exponential_of_unit(u); });
    case StandardDistribution::laplace:
      return transform_batch(units, [](double u) { return runtime::laplace_of_unit(u); });
    case StandardDistribution::gumbel:
      return transform_batch(units, [](double u) { return runtime::gumbel_of_unit(u); });
    case StandardDistribution::cauchy:
      return transform_batch(units, [](double u) { return runtime::cauchy_of_unit(u); });
  }
}

template <class T>
void standard(int distribution, uint64_t seed, uint64_t offset, int64_t begin, int64_t count, T* y) {
  for_each_unit(seed, offset, begin, count, [=](double* units, int64_t first, int64_t length) {
    transform_units(static_cast<StandardDistribution>(distribution), units);
    for (int64_t i = 0; i < length; ++i) y[first + i] = static_cast<T>(units[i]);
  });
}

template <class T>
void bernoulli(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const T* p, T* y) {
  for_each_unit(seed, offset, begin, count, [=](const double* units, int64_t first, int64_t length) {
#pragma GCC ivdep
    for (int64_t i = 0; i < length; ++i) {
      const T drawn = units[i] < static_cast<double>(p[first + i]) ? T(1) : T(0);
      const bool is_probability = (p[first + i] >= T(0)) & (p[first + i] <= T(1));
      y[first + i] = is_probability ? drawn : static_cast<T>(__builtin_nan(""));
    }
  });
}

void integers(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, int64_t low, double width, int64_t* y) {
  for_each_unit(seed, offset, begin, count, [=](const double* units, int64_t first, int64_t length) {
    for (int64_t i = 0; i < length; ++i) y[first + i] = static_cast<int64_t>(units[i] * width) + low;
  });
}

void words_in_pairs(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, uint64_t* y) {
  for_each_batch(seed, offset, begin, count, 2, [=](const uint32_t* words, int64_t first, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
      y[first + i] = static_cast<uint64_t>(words[2 * i]) << 32 | words[2 * i + 1];
    }
  });
}

// The streams of elements are branches of blocks (runtime/variates.h): pair number `pair` of an element.
void draw_pairs(uint64_t seed, uint64_t offset, int64_t begin, uint64_t pair, double* first, double* second) {
  alignas(64) uint32_t words[batch];
  const uint64_t block = offset + static_cast<uint64_t>(begin / 2);
  draw_blocks(seed, words, [=](uint64_t i) { return block + i / 2; }, [=](uint64_t i) { return 1 + i % 2 + 2 * pair; });
  for (int64_t i = 0; i < blocks_of_batch; ++i) {
    first[i] = unit_double(words, 2 * i);
    second[i] = unit_double(words, 2 * i + 1);
  }
}

void first_draws(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const FirstDrawsNeeded& needed,
                 FirstDraws& draws) {
  constexpr int64_t most = FirstDraws::most;
  static_assert(most == blocks_of_batch);
  draw_pairs(seed, offset, begin, 0, draws.units[0], draws.units[1]);
  if (needed.second_pair) draw_pairs(seed, offset, begin, 1, draws.units[2], draws.units[3]);
  if (needed.logs) {
    for (int64_t i = 0; i < most; ++i) draws.log[i] = log_of_positive(1.0 - draws.units[0][i]);
  }
  if (!needed.normals) return;
  double radii[most];
  double angles[most];
  for (int64_t i = 0; i < count; ++i) {
    radii[i] = draws.units[draws.normal_at[i]][i];
    angles[i] = draws.units[draws.normal_at[i] + 1][i];
  }
  for (int64_t i = count; i < most; ++i) radii[i] = angles[i] = 0;
  for (int64_t i = 0; i < most; ++i) draws.normal[i] = runtime::normal_of_units(radii[i], angles[i]);
}

void exponentials(uint64_t seed, uint64_t offset, int64_t element, int64_t count, double* y) {
  alignas(64) uint32_t words[batch];
  const uint64_t block = offset + static_cast<uint64_t>(element / 2);
  for (int64_t begin = 0; begin < count; begin += pairs_of_batch) {
    const uint64_t branch = 1 + static_cast<uint64_t>(element % 2 + begin);
    draw_blocks(seed, words, [=](uint64_t) { return block; }, [=](uint64_t i) { return branch + 2 * i; });
    const int64_t length = count - begin < pairs_of_batch ? count - begin : pairs_of_batch;
    for (int64_t i = 0; i < length; ++i) y[begin + i] = runtime::exponential_of_unit(unit_double(words, i));
  }
}

}  // namespace

void fill_variates(KernelSet& set) {
  set.variates = {normal,   standard<float>, standard<double>, bernoulli<float>, bernoulli<double>,
                  integers, words_in_pairs,  first_draws,      exponentials};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
