// One product of two float32 matrices, computed with the kernels of bf16x3_kernels.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/gemm/bf16x3_kernels.h"
#include "backends/cpu/gemm/matrix.h"

namespace pydl::cpu {

/// c = a b, or c += a b. Both factors have contiguous rows or columns, and c has contiguous rows.
class Bf16x3Product {
 public:
  /// Whether this machine can multiply in this way, and whether it is faster.
  static bool suits(const Matrix& a, const Matrix& b);

  Bf16x3Product(const Matrix& a, const Matrix& b, int64_t c_stride, int threads, bool accumulates);

  size_t scratchpad_bytes() const;
  /// Returns false if a result is infinite or NaN. Everything must then be computed in another way.
  bool run(const float* a, const float* b, float* c, const SplitFinish& finish, void* scratchpad) const;

 private:
  struct Range {
    int64_t begin;
    int64_t end;
    int64_t size() const { return end - begin; }
  };
  struct Call {
    const float* a;
    const float* b;
    float* c;
    const SplitFinish& finish;
  };

  void cut(int threads);
  bool multiply_part(const Call& call, Range rows, Range columns, char* scratchpad) const;
  bool multiply_block(const Call& call, Range rows, Range columns, Range depth, const void* packed_a,
                      const void* packed_b) const;
  void pack_a(const float* a, Range rows, Range depth, void* packed) const;
  void pack_b(const float* b, Range depth, Range columns, void* packed) const;

  Matrix a_;
  Matrix b_;
  int64_t c_stride_;
  bool accumulates_;
  const Bf16x3Kernels* kernels_ = bf16x3_kernels();
  int64_t down_ = 1;      // parts of the rows of c
  int64_t across_ = 1;    // parts of its columns
  bool streams_ = false;  // whether c will have left the caches before anything reads it
  bool keeps_a_ = true;   // whether blocks of a are kept in the cache while strips of b pass by; otherwise vice versa
  int64_t depth_ = 0;     // of blocks
  int64_t kept_ = 0;      // rows or columns of a block that is kept
  int64_t passing_ = 0;   // columns or rows that pass by at a time
  int64_t kept_bytes_ = 0;
  int64_t part_bytes_ = 0;
};

}  // namespace pydl::cpu
