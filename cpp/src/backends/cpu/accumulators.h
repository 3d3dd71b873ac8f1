// What reductions count in: double for floating point, int64 for integers.
#pragma once

#include <limits>
#include <type_traits>

#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

/// The kernels that read a dtype; bools are read as uint8.
ReduceLane reduce_lane(DType dtype);

/// What an accumulator starts as.
template <class Accumulator>
Accumulator identity_of(Reduction reduction) {
  using Limits = std::numeric_limits<Accumulator>;
  constexpr bool floating = std::is_same_v<Accumulator, double>;
  switch (reduction) {
    case reduce_prod: return 1;
    case reduce_max: return floating ? -Limits::infinity() : Limits::min();
    case reduce_min: return floating ? Limits::infinity() : Limits::max();
    default: return 0;
  }
}

/// How results come out of accumulators.
struct Finish {
  DType dtype;
  double divisor;  ///< of floating-point results
};

/// out[i] = a number of the dtype from acc[i].
template <class Accumulator>
void finish_results(const Finish& finish, const Accumulator* acc, int64_t count, void* out);

}  // namespace pydl::cpu
