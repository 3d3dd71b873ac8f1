// AMX: matrix tiles of 16 rows of 64 bytes, and the choice of float32 products that are computed with them.
#pragma once

#include <cstdint>

namespace pydl::runtime {

/// Requests, once, permission to use the tile registers; the operating system saves them only for processes that ask.
bool may_use_amx();

/// Whether the `cpu` provider computes a float32 product, (rows, depth) times (depth, columns), with bfloat16 tiles
/// (backends/cpu/gemm/bf16x3_kernels.h), because this is faster than the alternatives. False if `best_instruction_set`
/// is not `amx`, and for matrices so small that splitting them takes longer than multiplying them.
bool suits_amx(int64_t rows, int64_t columns, int64_t depth);

}  // namespace pydl::runtime
