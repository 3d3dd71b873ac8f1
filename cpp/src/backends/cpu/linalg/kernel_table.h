// The inner loops of orthogonal factors, eigenvalues and singular values of one instruction set, as function pointers.
// Matrices are row-major; `stride` is the distance of their rows.
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Rotations of neighbouring rows, each of which takes the second row of the one before as its first: rotation i maps
/// rows (a, b) to (c a + s b, c b - s a), with a = first + i step, b = a + step, and step 1 or -1.
template <class T>
struct RotationSweep {
  int64_t first;
  int64_t step;
  int64_t count;
  T* cosines;
  T* sines;
};

template <class T>
struct SpectralKernels {
  /// Sums in double precision.
  double (*dot)(const T* a, const T* b, int64_t count);
  /// to += factor from.
  void (*add_scaled)(T* to, T factor, const T* from, int64_t count);
  /// x = factor x.
  void (*scale)(T* x, double factor, int64_t count);
  /// The largest absolute value; not a number if there is one that is none.
  T (*largest)(const T* x, int64_t count);
  /// row -= factor (row v) v, for each row.
  void (*reflect_rows)(T* rows, int64_t stride, int64_t count, const T* v, T factor, int64_t columns);
  /// Of the lower triangle of a symmetric matrix: a -= v t(w) + w t(v), and then product = a u.
  void (*update_symmetric)(T* a, int64_t stride, int64_t size, const T* v, const T* w, const T* u, T* product);
  /// a -= x t(z) + y t(u), and then sums += t(a) v.
  void (*update_and_sum)(T* a, int64_t stride, int64_t rows, int64_t columns, const T* x, const T* z, const T* y,
                         const T* u, const T* v, T* sums);
  /// product = a u.
  void (*multiply)(const T* a, int64_t stride, int64_t rows, int64_t columns, const T* u, T* product);
  /// Applies sweeps one after the other.
  void (*rotate)(T* rows, int64_t stride, int64_t columns, const RotationSweep<T>* sweeps, int64_t count);
};

/// Those for this machine.
template <class T>
const SpectralKernels<T>& spectral_kernels();

}  // namespace pydl::cpu
