// The kernels for softmax of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Softmax and related ops, over rows of contiguous elements or over columns of a matrix. `a` is x or the gradient, `b`
/// is the output of the forward op or null. Strides are between rows, in elements.
struct SoftmaxKernels {
  void (*row)(const void* a, const void* b, void* y, int64_t count);
  void (*columns)(const void* a, const void* b, void* y, int64_t rows, int64_t columns, int64_t row_stride);
};
enum SoftmaxOp : int { softmax_forward, log_softmax_forward, softmax_back, log_softmax_back, softmax_count };

}  // namespace pydl::cpu
