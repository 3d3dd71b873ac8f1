// The kernels for adding rows and for sorting of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Adds rows: y[i] += x[i].
using AddKernel = void (*)(void* y, const void* x, int64_t count);

/// Sort the columns of `count` rows side by side, one per lane of a vector.
struct SortKernels {
  int64_t lanes_of_words;  ///< int32 in a vector
  int64_t lanes_of_longs;  ///< int64 in a vector
  void (*words)(void* rows, int64_t count);
  void (*longs)(void* rows, int64_t count);
  /// Each row of keys is followed by one of positions, which decide where keys are equal; both are int64.
  void (*pairs)(void* rows, int64_t count);
};

}  // namespace pydl::cpu
