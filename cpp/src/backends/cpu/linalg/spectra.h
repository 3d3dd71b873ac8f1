// Eigenvalues of symmetric matrices and singular values. Diagonals and rotations are computed in double precision, what
// is done to whole matrices in that of the elements.
#pragma once

#include "backends/cpu/linalg/reflection_blocks.h"
#include "backends/cpu/linalg/rotations.h"

namespace pydl::cpu {

/// Householder reflections make a symmetric matrix tridiagonal, and then QL steps diagonal (Golub and Van Loan, "Matrix
/// Computations", chapter 8). Values without vectors are found by quotient-difference steps, which wait for fewer
/// results one after the other.
template <class T>
class SymmetricSpectrum {
 public:
  /// What all products need, for an instance with memory.
  static Products<T> count(int64_t size, bool vectors, int threads);

  /// `products` are what `count` returned.
  SymmetricSpectrum(int64_t size, bool vectors, const Products<T>& counted, Workspace& workspace);

  /// Eigenvalues in ascending order, and eigenvectors in the rows of `vectors`, unless it has none. The largest element
  /// of the matrix, of which the lower triangle is read, is about 1. The matrix is overwritten.
  void run(const Block<T>& a, double* values, const Block<T>& vectors);

 private:
  void make_tridiagonal(const Block<T>& a, double* diagonal);
  void make_vectors(const Block<T>& a, const Block<T>& vectors, Products<T>& products);

  double* below_;
  double* tau_;
  double* room_;
  T* w_;
  T* product_;
  Block<T> lines_ = {};
  ReflectionBlock<T> block_;
  Rotations<T> rotations_;
  Products<T> products_;
};

/// Householder reflections make a matrix with at least as many rows as columns bidiagonal, and then QR steps diagonal
/// (chapter 8 again), or quotient-difference steps, where there are no vectors.
template <class T>
class RectangularSpectrum {
 public:
  /// What all products need, for an instance with memory. There are as many left vectors as given, or no vectors.
  static Products<T> count(int64_t rows, int64_t columns, int64_t left_vectors, int threads);

  /// `products` are what `count` returned.
  RectangularSpectrum(int64_t rows, int64_t columns, int64_t left_vectors, const Products<T>& counted,
                      Workspace& workspace);

  /// Singular values in descending order, left vectors in the rows of `left`, and right ones in those of `right`;
  /// neither, if both have no rows. The largest element of the matrix is about 1. The matrix is overwritten.
  void run(const Block<T>& a, double* values, const Block<T>& left, const Block<T>& right);

 private:
  void make_bidiagonal(const Block<T>& a);
  void make_left(const Block<T>& left, Products<T>& products);
  void make_right(const Block<T>& a, const Block<T>& right, Products<T>& products);
  void find_values();
  void diagonalise(const Block<T>& right);
  bool is_small(int64_t i) const;
  bool remove_zero(int64_t first, int64_t last);
  double shift_at(int64_t last) const;
  void qr_step(int64_t first, int64_t last);

  int64_t rows_;
  int64_t n_;
  double* d_ = nullptr;  // the diagonal
  double* e_;            // and what is above it
  double* left_tau_;
  double* right_tau_;
  double* room_;
  Block<T> columns_;  // reflections of columns, one per row
  // Of the last reflections: a still has to lose x t(z) + y t(u), where u is in its row.
  T* x_;
  T* y_;
  T* z_;
  T* sums_;
  Block<T> lines_ = {};
  ReflectionBlock<T> block_;
  Rotations<T> left_rotations_;
  Rotations<T> right_rotations_;
  Products<T> products_;
  double least_ = 0;
};

}  // namespace pydl::cpu
