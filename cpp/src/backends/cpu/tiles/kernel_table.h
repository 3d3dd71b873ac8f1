// The kernels for elementwise ops and casts of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

#include "op/op_id.h"

namespace pydl::cpu {

/// The types that elementwise kernels compute in. Other dtypes are converted on the way in and out.
enum Lane : int { lane_float, lane_double, lane_int32, lane_int64, lane_count };

/// Elementwise on contiguous operands: out[i] = f(in[0][i], in[1][i], ...). `out` may be one of the inputs if their
/// elements have the same size.
using TileKernel = void (*)(void* out, const void* const* in, int64_t count);

/// out[i] = x[i], with values[0] instead of NaN, values[1] of infinity and values[2] of minus infinity.
using ReplaceKernel = void (*)(void* out, const void* x, int64_t count, const double* values);

/// The ops that have kernels for an operand that is one number.
enum ArithmeticRow : int {
  arithmetic_add,
  arithmetic_subtract,
  arithmetic_multiply,
  arithmetic_divide,
  arithmetic_count
};

/// The number of ops of the elementwise table, whose ids come first.
inline constexpr int elementwise_count = static_cast<int>(op::OpId::full);

}  // namespace pydl::cpu
