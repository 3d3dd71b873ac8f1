// Products of float32 matrices by AMX tiles of bfloat16. Every number is split into three of 8 bits each, x = x0 + x1 +
// x2, which is exact above about 1e-33, and six of the nine products of such parts are added up in float32; the other
// three are below the last bit of float32 (Henry, Tang and Heinecke, 2019: "Leveraging the bfloat16 artificial
// intelligence datatype for higher-precision computations").
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Rows of A and columns of B are packed in strips of this many, two tiles.
inline constexpr int64_t split_strip = 32;
/// Depth that one instruction multiplies; packed depths are multiples of it.
inline constexpr int64_t split_depth = 32;
/// Bytes that an element takes when packed.
inline constexpr int64_t split_bytes = 6;

/// What is done to results when they are complete.
struct SplitFinish {
  const float* bias;  ///< one number per column, or null
  bool relu;
};

struct SplitKernels {
  /// Packs rows x depth of A, of which one stride is 1; `packed` is 64-byte aligned and has room for whole strips.
  void (*pack_a)(const float* a, int64_t row_stride, int64_t depth_stride, int64_t rows, int64_t depth, void* packed);
  /// Packs depth x columns of B likewise.
  void (*pack_b)(const float* b, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns,
                 void* packed);
  /// c = or += A B. Where `finish` is not null, it is applied, and false is returned if a result is infinite or not a
  /// number: the parts of what is infinite or near to it are not numbers.
  bool (*multiply)(const void* packed_a, const void* packed_b, int64_t rows, int64_t columns, int64_t depth, float* c,
                   int64_t c_stride, bool accumulate, const SplitFinish* finish);
  /// c = A B, finished, for a line of places of a split image: for each block of 32 of the depth, row r of A is
  /// x[r * x_step + offsets[block]] and the 31 elements behind, those of 31 rows more being read too.
  bool (*multiply_image)(const uint16_t* parts, int64_t part_step, int64_t x_step, const int64_t* offsets,
                         int64_t blocks, const void* packed_b, int64_t rows, int64_t columns, float* c,
                         int64_t c_stride, const SplitFinish& finish);
  /// The three parts of `count` elements, each in their order and `part_step` apart. Up to 31 elements behind them are
  /// written.
  void (*split)(const float* x, int64_t count, uint16_t* parts, int64_t part_step);
  /// Lines of what was split, for each part: line[i] = x[r * x_step + offsets[i / length] + i % length], i below
  /// `runs * length`. Lines are `line_step` apart, and a line's parts `line_step / 3`. Up to 31 elements behind what is
  /// meant are read and written.
  void (*gather)(const uint16_t* parts, int64_t part_step, int64_t x_step, const int64_t* offsets, int64_t runs,
                 int64_t length, int64_t rows, uint16_t* lines, int64_t line_step);
  /// Packs lines as rows x depth of A.
  void (*pack_a_lines)(const uint16_t* lines, int64_t line_step, int64_t rows, int64_t depth, void* packed);
  /// Packs lines, up to `split_depth`, as rows `begin` to `begin + count` of B, which is `depth` x columns.
  void (*pack_b_lines)(const uint16_t* lines, int64_t line_step, int64_t begin, int64_t count, int64_t depth,
                       int64_t columns, void* packed);
  /// Adds rows of y to x: x[r * x_step + offsets[i / length] + i % length] += y[r][i].
  void (*scatter)(const float* y, int64_t y_stride, const int64_t* offsets, int64_t runs, int64_t length, int64_t rows,
                  float* x, int64_t x_step);
  /// The calling thread multiplies between these two: see `TileUse`.
  void (*begin)();
  void (*end)();
};

/// Null where the processor has no such tiles, or may not use them (runtime/cpu_features.h).
const SplitKernels* split_kernels();

/// Of the folder amx/.
namespace amx {
extern const SplitKernels split_kernels;
}

/// The calling thread multiplies by tiles in a scope.
class TileUse {
 public:
  explicit TileUse(const SplitKernels& kernels) : kernels_(kernels) { kernels.begin(); }
  ~TileUse() { kernels_.end(); }
  TileUse(const TileUse&) = delete;
  TileUse& operator=(const TileUse&) = delete;

 private:
  const SplitKernels& kernels_;
};

}  // namespace pydl::cpu
