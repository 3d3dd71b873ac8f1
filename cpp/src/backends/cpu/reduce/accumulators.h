// The types that reductions accumulate in: double for floating point, int64 for integers.
#pragma once

#include <limits>
#include <type_traits>

#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

/// The kernels that read a dtype. Bools are read as uint8.
ReduceLane reduce_lane(DType dtype);

/// The initial value of an accumulator.
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

/// How accumulators are converted to results.
struct Finish {
  DType dtype;
  double divisor;        ///< for floating-point results
  bool is_root = false;  ///< whether the square root is the result, for floating point
};

/// out[i] = acc[i], finished and converted to the dtype. Accumulators may be overwritten.
template <class Accumulator>
void finish_results(const Finish& finish, Accumulator* acc, int64_t count, void* out);

}  // namespace pydl::cpu
