// One product of two matrices, computed with packed panels (Goto and van de Geijn, 2008) or, if it is small, directly
// from memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "backends/cpu/gemm/bf16x3_product.h"
#include "backends/cpu/gemm/matrix.h"
#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

/// c = a b + bias. The matrices may have any strides; c has contiguous rows.
class Gemm {
 public:
  /// What happens to c. `rectified` stores the larger of the product and 0.
  enum class Result { overwritten, rectified, added };
  /// Whether AMX tiles may be used.
  enum class Tiles { allowed, avoided };

  /// Prepares the product for `threads` threads.
  Gemm(const Matrix& a, const Matrix& b, int64_t c_stride, bool is_double, int threads,
       Result result = Result::overwritten, Tiles tiles = Tiles::allowed);

  size_t scratchpad_bytes() const;
  /// What computes the product, such as "gemm packed".
  const char* name() const;
  /// `bias` has one number per column, or is null. Returns false if AMX tiles may have added wrong values: c contains
  /// Inf or NaN, which tiles do not compute correctly, and what was added cannot be subtracted again.
  bool run(const char* a, const char* b, char* c, const char* bias, void* scratchpad) const;

 private:
  enum class Path { packed, wide, panels, small, dot, sum };
  struct Range {
    int64_t begin;
    int64_t end;
  };

  // A part of the product, with all its terms.
  struct Block {
    const char* a;
    const char* b;
    char* c;
    int64_t c_stride;
    const char* bias;
    int64_t rows;
    int64_t columns;
  };

  void choose_path();
  void plan_blocks(int threads);
  int64_t part_cost(int64_t rows, int64_t columns) const;
  void multiply_unpacked(const char* a, const char* b, char* c, const char* bias) const;
  void multiply_sum(const char* a, const char* b, char* c, const char* bias, char* sums) const;
  void multiply_panels(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const;
  void multiply_blocks(const char* a, const char* b, char* c, int64_t c_stride, const char* bias,
                       char* scratchpad) const;
  void multiply_packed(const Block& part, char* packed_a) const;
  void multiply_wide(const Block& part, char* packed_a) const;
  void multiply_transposed(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const;
  void apply_relu(char* c) const;

  Matrix a_;
  Matrix b_;
  int64_t c_stride_;
  int64_t item_;
  GemmKernels kernels_;
  Result result_;
  std::optional<Bf16x3Product> split_;  // set if AMX tiles are faster
  Path path_ = Path::packed;
  bool transposed_ = false;  // a_ and b_ are the transposed second and first factor
  bool streams_ = false;     // whether C will have left the caches before anything reads it
  int64_t height_ = 0;       // of a block of A
  int64_t width_ = 0;        // of a block of B
  int64_t depth_ = 0;        // of both
  int64_t down_ = 1;         // parts of the rows of C
  int64_t across_ = 1;       // parts of its columns
  int64_t a_bytes_ = 0;
  int64_t b_bytes_ = 0;
};

}  // namespace pydl::cpu
