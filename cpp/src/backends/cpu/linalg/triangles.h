// Triangular factors and equations by recursion: a matrix is divided into halves until blocks are small, so that nearly
// all the work is in products of blocks (Toledo, 1997; Gustavson, 1997). With `Products` that only count, no element is
// read or written.
#pragma once

#include "backends/cpu/linalg/blocks.h"

namespace pydl::cpu {

/// A triangle of a matrix. `unit` ones have a diagonal of 1, which is not read.
struct Triangle {
  bool upper;
  bool unit;
};

/// Replaces b by the solution of a x = b. The rows of b are contiguous.
template <class T>
void solve_triangle(Triangle triangle, const Block<T>& a, const Block<T>& b, Products<T>& products);

/// Replaces a, square and row-major, by L below the diagonal and U on it and above. permutation[i] is the row of a that
/// row i was; returns the sign of the permutation.
template <class T>
T factorise_lu(const Block<T>& a, int64_t* permutation, Products<T>& products);

/// Replaces the lower triangle of a by L; returns false, leaving it unfinished, if a is not positive definite. What is
/// above the diagonal is overwritten, too.
template <class T>
bool factorise_cholesky(const Block<T>& a, Products<T>& products);

}  // namespace pydl::cpu
