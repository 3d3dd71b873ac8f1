// Orthonormal columns and an upper triangle, in double precision.
#pragma once

#include "backends/cpu/linalg/blocks.h"
#include "backends/cpu/workspace.h"

namespace pydl::cpu {

/// Householder reflections in blocks, each of which is applied by two products (Schreiber and Van Loan, 1989).
class BlockedQr {
 public:
  BlockedQr(int64_t rows, int64_t columns, int64_t q_columns, int threads, Workspace& workspace);

  /// Replaces a by the upper triangle r, and makes q the first columns of the orthogonal factor.
  void run(const Block<double>& a, const Block<double>& q);

 private:
  static constexpr int64_t width = 32;

  Block<double> reflections(int64_t first) const;
  Block<double> triangle(int64_t first) const;
  void eliminate(const Block<double>& a, int64_t first);
  void make_triangle(int64_t first) const;
  void apply(int64_t first, const Block<double>& to, bool transposed);

  int64_t rows_;
  int64_t columns_;
  int64_t count_;      // of reflections
  double* v_;          // in columns, below zeros
  double* triangles_;  // of each block of reflections
  double* sums_;       // of reflections and the columns to which they are applied
  double* column_;
  double nothing_ = 0;
  Products<double> products_;
};

}  // namespace pydl::cpu
