// The kernels for pooling and resampling of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// The elements that one window of a pooling covers, counted from its first one: `count` along each of 3 axes, `stride`
/// apart.
struct WindowShape {
  int64_t count[3];
  int64_t stride[3];
};

/// Adjacent windows of the same shape: the steps from one to the next, in x and in y.
struct WindowRow {
  int64_t positions;
  int64_t x_step;
  int64_t y_step;
};

/// Pooling of a row of windows for `channels` consecutive channels. Strides and steps are in elements.
struct PoolKernels {
  void (*max)(const void* x, const WindowShape& window, const WindowRow& row, int64_t channels, void* y);
  /// Strides and steps in x are in positions, which have `channels` elements each. The index of a position is its
  /// distance from the first element of the first window, plus `first`; that of an empty window is -1.
  void (*max_with_indices)(const void* x, const WindowShape& window, const WindowRow& row, int64_t channels,
                           int64_t first, void* y, int64_t* indices);
  /// Adds g to dx at the first of the largest elements of x; both have the same layout. The functions at index 1
  /// overwrite dx in the windows instead, for windows that share no element.
  void (*max_backward[2])(const void* x, const void* g, const WindowShape& window, const WindowRow& row,
                          int64_t channels, void* dx);
  /// y = scale times the sum.
  void (*sum)(const void* x, const WindowShape& window, const WindowRow& row, int64_t channels, double scale, void* y);
  /// Adds scale times g to every element of dx.
  void (*spread[2])(const void* g, const WindowShape& window, const WindowRow& row, int64_t channels, double scale,
                    void* dx);
};

/// Weighted sums that make up a resampled row. Weights and elements have the same type.
struct ResampleKernels {
  /// y[j] = sum over the `count` taps k of weights[k] * x[offsets[k] + j].
  void (*rows)(const void* x, const int64_t* offsets, const void* weights, int64_t count, int64_t length, void* y);
  /// y[i] = sum over the `count` taps k of weights[k * length + i] * x[index[k * length + i]].
  void (*gather)(const void* x, const int32_t* index, const void* weights, int64_t count, int64_t length, void* y);
};

}  // namespace pydl::cpu
