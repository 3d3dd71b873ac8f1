// The kernels for copies of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

struct CopyKernels {
  /// Transposes a block of items of 1, 2, 4 or 8 bytes (by log2): y[j][i] = x[i][j]. Strides in bytes.
  void (*transpose[4])(const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t rows, int64_t columns);
  /// Copies a long run. The function of the C library may use an instruction that is several times as slow where
  /// source and destination are at nearly the same position of their pages.
  void (*run)(const void* x, void* y, int64_t bytes);
  /// Copies with stores that bypass the caches; `y` is 64-byte aligned. Other threads see y after `finish_streams`.
  void (*stream)(const void* x, void* y, int64_t bytes);
  void (*finish_streams)();
};

}  // namespace pydl::cpu
