// Orthonormal columns and an upper triangle.
#pragma once

#include "backends/cpu/linalg/reflection_blocks.h"

namespace pydl::cpu {

/// Householder reflections: in blocks, each of which is applied by products, or for few columns one by one.
template <class T>
class BlockedQr {
 public:
  /// What all products need, for an instance with memory.
  static Products<T> count(int64_t rows, int64_t columns, int64_t q_columns, int threads);

  /// `products` are what `count` returned.
  BlockedQr(int64_t rows, int64_t columns, int64_t q_columns, int threads, const Products<T>& counted,
            Workspace& workspace);

  /// Makes r, whose rows are the first ones of the upper triangle, and q, the first columns of the orthogonal factor.
  /// a is overwritten. r may be a part of a.
  void run(const Block<T>& a, const Block<T>& q, const Block<T>& r);

 private:
  static constexpr int64_t width = ReflectionBlock<T>::width;

  // Few columns are reflected one by one, in rows of the transposed matrix.
  bool is_small() const { return columns_ <= width && q_columns_ <= 2 * width; }
  void factorise(const Block<T>& lines, int64_t first, int64_t reflections);
  void run_small(const Block<T>& a, const Block<T>& q, const Block<T>& r);
  void run_blocks(const Block<T>& a, const Block<T>& q, Products<T>& products);

  int64_t rows_;
  int64_t columns_;
  int64_t q_columns_;
  int64_t count_;   // of reflections
  Block<T> lines_;  // columns of a, of which reflections remain
  Block<T> q_lines_;
  double* tau_;
  double* first_;  // elements of the diagonal of r
  ReflectionBlock<T> block_;
  Products<T> products_;
};

}  // namespace pydl::cpu
