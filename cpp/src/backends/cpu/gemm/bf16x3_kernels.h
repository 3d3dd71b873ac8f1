// Products of float32 matrices by AMX tiles of bfloat16. Every number is split into three parts of 8 bits each, x = x0
// + x1 + x2, which is exact above about 1e-33. Six of the nine products of such parts are added up in float32; the
// other three are below the last bit of float32 (Henry, Tang and Heinecke, 2019: "Leveraging the bfloat16 artificial
// intelligence datatype for higher-precision computations").
#pragma once

#include <cstdint>

#include "backends/cpu/gemm/kernel_table.h"

namespace pydl::cpu {

/// Rows of A and columns of B are packed in strips of this size, which is two tiles.
inline constexpr int64_t bf16x3_strip = 32;
/// The depth that one instruction multiplies. Packed depths are multiples of it.
inline constexpr int64_t bf16x3_depth = 32;
/// The size of a packed element in bytes.
inline constexpr int64_t bf16x3_bytes = 6;

/// Operations on the results when they are complete.
struct SplitFinish {
  const float* bias;  ///< one number per column, or null
  bool relu;
};

struct Bf16x3Kernels {
  /// Packs rows x depth of A, which has a stride of 1 along one axis. `packed` is 64-byte aligned and has space for
  /// whole strips.
  void (*pack_a)(const float* a, int64_t row_stride, int64_t depth_stride, int64_t rows, int64_t depth, void* packed);
  /// Packs depth x columns of B in the same way.
  void (*pack_b)(const float* b, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns,
                 void* packed);
  /// c = or += A B. If `finish` is not null, it is applied, and false is returned if a result is infinite or NaN: the
  /// parts of numbers that are infinite or nearly so are NaN. What is streamed has a finish.
  bool (*multiply)(const void* packed_a, const void* packed_b, int64_t rows, int64_t columns, int64_t depth, float* c,
                   int64_t c_stride, Store how, const SplitFinish* finish);
  /// c = A B, finished, for a line of positions of a split image. For each block of 32 of the depth, row r of A
  /// consists of x[r * x_step + offsets[block]] and the 31 elements after it. The same elements of 31 more rows are
  /// read too.
  bool (*multiply_image)(const uint16_t* parts, int64_t part_step, int64_t x_step, const int64_t* offsets,
                         int64_t blocks, const void* packed_b, int64_t rows, int64_t columns, float* c,
                         int64_t c_stride, const SplitFinish& finish);
  /// Computes the three parts of `count` elements. Each part keeps the order of the elements; parts are `part_step`
  /// apart. Up to 31 elements beyond the end are written.
  void (*split)(const float* x, int64_t count, uint16_t* parts, int64_t part_step);
  /// Gathers lines of each part of a split image: line[i] = x[r * x_step + offsets[i / length] + i % length], for i
  /// below `runs * length`. Lines are `line_step` apart, and the parts of a line `line_step / 3`. Up to 31 elements
  /// beyond the end are read and written.
  void (*gather)(const uint16_t* parts, int64_t part_step, int64_t x_step, const int64_t* offsets, int64_t runs,
                 int64_t length, int64_t rows, uint16_t* lines, int64_t line_step);
  /// Packs lines as rows x depth of A.
  void (*pack_a_lines)(const uint16_t* lines, int64_t line_step, int64_t rows, int64_t depth, void* packed);
  /// Packs up to `bf16x3_depth` lines as rows `begin` to `begin + count` of B, which is `depth` x columns.
  void (*pack_b_lines)(const uint16_t* lines, int64_t line_step, int64_t begin, int64_t count, int64_t depth,
                       int64_t columns, void* packed);
  /// Adds rows of y to x: x[r * x_step + offsets[i / length] + i % length] += y[r][i].
  void (*scatter)(const float* y, int64_t y_stride, const int64_t* offsets, int64_t runs, int64_t length, int64_t rows,
                  float* x, int64_t x_step);
  /// The calling thread may multiply between calls of these two; see `TileUse`.
  void (*begin)();
  void (*end)();
};

/// Null if the processor has no such tiles or the process may not use them (runtime/cpu_features.h).
const Bf16x3Kernels* bf16x3_kernels();

/// Defined in the folder amx/.
namespace amx {
extern const Bf16x3Kernels bf16x3_kernels;
}

/// A scope in which the calling thread may multiply with tiles.
class TileUse {
 public:
  explicit TileUse(const Bf16x3Kernels& kernels) : kernels_(kernels) { kernels.begin(); }
  ~TileUse() { kernels_.end(); }
  TileUse(const TileUse&) = delete;
  TileUse& operator=(const TileUse&) = delete;

 private:
  const Bf16x3Kernels& kernels_;
};

}  // namespace pydl::cpu
