// Blocks of matrices, and products of blocks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/workspace.h"

namespace pydl::cpu {

/// A part of a matrix in memory. Strides are in elements.
template <class T>
struct Block {
  T* data;
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t column_stride = 1;

  T& operator()(int64_t i, int64_t j) const { return data[i * row_stride + j * column_stride]; }
  T* row(int64_t i) const { return data + i * row_stride; }
  Block part(int64_t first_row, int64_t first_column, int64_t row_count, int64_t column_count) const {
    return {data + first_row * row_stride + first_column * column_stride, row_count, column_count, row_stride,
            column_stride};
  }
  Block transposed() const { return {data, columns, rows, column_stride, row_stride}; }
};

template <class T>
void copy_block(const Block<T>& to, const Block<T>& from) {
  for (int64_t i = 0; i < to.rows; ++i) {
    for (int64_t j = 0; j < to.columns; ++j) to(i, j) = from(i, j);
  }
}

/// In squares, whose lines of memory stay in the cache.
template <class T>
void copy_transposed(const Block<T>& to, const Block<T>& from) {
  constexpr int64_t side = 16;
  for (int64_t first = 0; first < to.columns; first += side) {
    const int64_t last = std::min(first + side, to.columns);
    for (int64_t i = 0; i < to.rows; ++i) {
      for (int64_t j = first; j < last; ++j) to(i, j) = from(j, i);
    }
  }
}

template <class T>
void set_identity(const Block<T>& a) {
  for (int64_t i = 0; i < a.rows; ++i) {
    std::fill(a.row(i), a.row(i) + a.columns, T{0});
    if (i < a.columns) a(i, i) = 1;
  }
}

/// Without memory: the shape, for what only looks at it. Rows begin at cache lines, and rows that are a power of two
/// apart would share few places of the cache.
template <class T>
Block<T> block_like(T* memory, int64_t rows, int64_t columns) {
  constexpr int64_t line = 64 / static_cast<int64_t>(sizeof(T));
  const int64_t lines = (columns + line - 1) / line;
  return {memory, rows, columns, (lines >= 4 && lines % 2 == 0 ? lines + 1 : lines) * line};
}

template <class T>
Block<T> take_rows(Workspace& workspace, int64_t rows, int64_t columns) {
  Block<T> block = block_like<T>(nullptr, rows, columns);
  block.data = workspace.take<T>(rows * block.row_stride);
  return block;
}

/// Products of blocks, the large ones by Gemm.
template <class T>
class Products {
 public:
  /// Without memory, nothing is computed: `bytes` then says how much memory the same calls need.
  Products(int threads, char* memory) : threads_(threads), memory_(memory) {}

  bool only_counts() const { return memory_ == nullptr; }
  size_t bytes() const { return negated_bytes_ + gemm_bytes_; }
  /// How `bytes` is divided, for an instance with memory.
  void divide_as(const Products& counted) { negated_bytes_ = counted.negated_bytes_; }
  /// The same products, which are computed if the workspace has memory.
  Products with_memory(Workspace& workspace) const {
    // Without memory, they would only count.
    Products products(threads_, workspace.take<char>(static_cast<int64_t>(std::max<size_t>(bytes(), 1))));
    products.divide_as(*this);
    return products;
  }

  /// c -= a b. The rows of c are contiguous.
  void subtract(const Block<T>& c, const Block<T>& a, const Block<T>& b) {
    if (c.rows == 0 || c.columns == 0 || a.columns == 0) return;
    if (c.rows * c.columns * a.columns <= largest_direct) {
      if (!only_counts()) subtract_directly(c, a, b);
      return;
    }
    // Gemm adds; the smaller factor changes its sign.
    const bool first = a.rows <= b.columns;
    const Block<T>& factor = first ? a : b;
    const Block<T> negated = {reinterpret_cast<T*>(memory_), factor.rows, factor.columns, factor.columns};
    const Gemm product(layout_of(first ? negated : a), layout_of(first ? b : negated), c.row_stride, sizeof(T) == 8,
                       threads_, Gemm::Result::added, Gemm::Tiles::avoided);
    if (only_counts()) {
      const auto size = static_cast<size_t>(factor.rows * factor.columns) * sizeof(T);
      negated_bytes_ = std::max(negated_bytes_, (size + 63) / 64 * 64);
      gemm_bytes_ = std::max(gemm_bytes_, product.scratchpad_bytes());
      return;
    }
    for (int64_t i = 0; i < factor.rows; ++i) {
      for (int64_t j = 0; j < factor.columns; ++j) negated(i, j) = -factor(i, j);
    }
    product.run(bytes_of((first ? negated : a).data), bytes_of((first ? b : negated).data),
                reinterpret_cast<char*>(c.data), nullptr, memory_ + negated_bytes_);
  }

  /// c += a b. The rows of c are contiguous.
  void add(const Block<T>& c, const Block<T>& a, const Block<T>& b) { run(c, a, b, Gemm::Result::added); }
  /// c = a b. The rows of c are contiguous.
  void multiply(const Block<T>& c, const Block<T>& a, const Block<T>& b) { run(c, a, b, Gemm::Result::overwritten); }

 private:
  void run(const Block<T>& c, const Block<T>& a, const Block<T>& b, Gemm::Result result) {
    if (c.rows == 0 || c.columns == 0) return;
    const Gemm product(layout_of(a), layout_of(b), c.row_stride, sizeof(T) == 8, threads_, result,
                       Gemm::Tiles::avoided);
    if (only_counts()) {
      gemm_bytes_ = std::max(gemm_bytes_, product.scratchpad_bytes());
    } else {
      product.run(bytes_of(a.data), bytes_of(b.data), reinterpret_cast<char*>(c.data), nullptr,
                  memory_ + negated_bytes_);
    }
  }

  static constexpr int64_t largest_direct = 16 * 16 * 16;

  static Matrix layout_of(const Block<T>& block) {
    return {block.rows, block.columns, block.row_stride, block.column_stride};
  }
  static const char* bytes_of(const T* data) { return reinterpret_cast<const char*>(data); }

  static void subtract_directly(const Block<T>& c, const Block<T>& a, const Block<T>& b) {
    for (int64_t i = 0; i < c.rows; ++i) {
      T* row = c.row(i);
      for (int64_t k = 0; k < a.columns; ++k) {
        const T factor = a(i, k);
        for (int64_t j = 0; j < c.columns; ++j) row[j] -= factor * b(k, j);
      }
    }
  }

  int threads_;
  char* memory_;
  size_t negated_bytes_ = 0;
  size_t gemm_bytes_ = 0;
};

}  // namespace pydl::cpu
