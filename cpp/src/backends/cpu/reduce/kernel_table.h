// The kernels for reductions of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

enum Reduction : int {
  reduce_sum,
  reduce_prod,
  reduce_max,
  reduce_min,
  reduce_centred_squares,
  // The last two are for floating point only.
  reduce_squares,
  reduce_numbers,  // the sum of what is not NaN
  reduction_count
};

/// The dtypes that reductions read. Bools are read as uint8.
enum ReduceLane : int { reduce_float, reduce_double, reduce_int32, reduce_int64, reduce_uint8, reduce_lane_count };

/// Reductions of a matrix along its rows or columns. Accumulators are double for floating point, int64 for integers.
struct ReduceKernels {
  /// acc[i] = reduction of row i, which has `columns` contiguous elements.
  void (*rows)(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double* shift, void* acc);
  /// acc[j] = reduction of acc[j] and column j; each row has `columns` contiguous elements.
  void (*columns)(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double* shift, void* acc);
};

/// Indices of the first extremum. Only for float, double, int32 and int64.
struct ArgKernels {
  int64_t (*row)(const void* x, int64_t count);
  /// Computes `index[j]` for each column j, for up to `arg_columns` columns.
  void (*columns)(const void* x, int64_t rows, int64_t row_stride, int64_t columns, int64_t* index);
};
inline constexpr int64_t arg_columns = 256;

}  // namespace pydl::cpu
