// AMX: matrix tiles of 16 rows and 64 bytes, and which products of float32 are computed with them.
#pragma once

#include <cstdint>

namespace pydl::runtime {

/// Asks the operating system, once, for the registers that hold tiles: it keeps them for processes that ask.
bool may_use_amx();

/// Whether a product of float32, rows x depth times depth x columns, is one that the `cpu` provider computes with tiles
/// of bfloat16 (backends/cpu/split_kernels.h), faster than others do: false where `best_instruction_set` is not `amx`,
/// and where matrices are so small that splitting them takes longer than multiplying.
bool suits_amx(int64_t rows, int64_t columns, int64_t depth);

}  // namespace pydl::runtime
