// The inner loops of eigenvalues and singular values of one instruction set, as function pointers. All
// are in double precision. Matrices are row-major; `stride` is the distance of their rows.
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Rotations of neighbouring rows, each of which takes the second row of the one before as its first: rotation i maps
/// rows (a, b) to (c a + s b, c b - s a), with a = first + i step, b = a + step, and step 1 or -1.
struct RotationSweep {
  int64_t first;
  int64_t step;
  int64_t count;
  const double* cosines;
  const double* sines;
};

struct SpectralKernels {
  double (*dot)(const double* a, const double* b, int64_t count);
  /// to += factor from.
  void (*add_scaled)(double* to, double factor, const double* from, int64_t count);
  /// row -= factor (row v) v.
  void (*reflect_row)(double* row, const double* v, double factor, int64_t count);
  /// Of the lower triangle of a symmetric matrix: a -= v t(w) + w t(v), and then product = a u.
  void (*update_symmetric)(double* a, int64_t stride, int64_t size, const double* v, const double* w, const double* u,
                           double* product);
  /// a -= x t(z) + y t(u), and then sums += t(a) v.
  void (*update_and_sum)(double* a, int64_t stride, int64_t rows, int64_t columns, const double* x, const double* z,
                         const double* y, const double* u, const double* v, double* sums);
  /// product = a u.
  void (*multiply)(const double* a, int64_t stride, int64_t rows, int64_t columns, const double* u, double* product);
  /// Applies sweeps one after the other.
  void (*rotate)(double* rows, int64_t stride, int64_t columns, const RotationSweep* sweeps, int64_t count);
};

/// Those for this machine.
const SpectralKernels& spectral_kernels();

}  // namespace pydl::cpu
