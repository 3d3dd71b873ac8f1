// The kernels for normalisation of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Constants of a normalisation, one per channel, in the type of the computation.
struct NormConstants {
  const void* mean;
  const void* scale;
  const void* slope;  // backward only
  const void* shift;
};

/// The activation after a normalisation, as its gradient uses it. The gate is open where (x - mean) * scale + shift is
/// greater than 0 and is not at least `most`. If `most` is NaN, there is no upper bound.
struct NormGate {
  const void* scale;
  const void* shift;
  double most;
};

/// Normalisation. The elements are either rows of channels, with arrays of constants and sums (columns), or a run of
/// one channel, with a single number for each constant and sum.
struct NormKernels {
  /// With d = x - shift: without a gradient, first sum += d and second += d * d; with a gradient, first += g and second
  /// += g * d. For columns, all second sums come after all first ones. With a gradient and a gate, g counts only where
  /// the gate is open.
  void (*sum_columns[2])(const void* g, const void* x, int64_t rows, int64_t channels, const void* shift,
                         const NormGate* gate, double* sums);
  void (*sum_run[2])(const void* g, const void* x, int64_t count, const void* shift, const NormGate* gate,
                     double* sums);
  /// (x - mean) * scale + shift, clamped to [least, most]. Index 0 is for columns, index 1 for a run (one row).
  void (*forward[2])(const void* x, void* y, int64_t rows, int64_t channels, const NormConstants& constants,
                     double least, double most);
  /// g * scale + (x - mean) * slope + shift. If there is a gate, g counts only where it is open.
  void (*backward[2])(const void* g, const void* x, void* y, int64_t rows, int64_t channels,
                      const NormConstants& constants, const NormGate* gate);
  /// scale[i] = weight[i] / sqrt(variance[i] + epsilon). A missing weight counts as 1.
  void (*scales)(const void* variance, const void* weight, double epsilon, int64_t channels, void* scale);
  /// Normalises a row to mean square 1, and to mean 0 if `center` is set. `row_backward` is the gradient.
  void (*row)(const void* x, void* y, int64_t count, double epsilon, bool center);
  void (*row_backward)(const void* g, const void* x, void* y, int64_t count, double epsilon, bool center);
};

/// A row of `runs` runs of `inner` elements, each with one weight and one bias.
struct ScaledRow {
  int64_t runs;
  int64_t inner;
  double epsilon;
  bool center;
};

/// Normalisation of rows with weights and biases. Weights, biases and their gradients are in the type of the
/// computation.
struct ScaledNormKernels {
  /// y = normalised x * weight + bias; a missing bias counts as 0. Index 1 stores past the caches: y and its runs are
  /// then aligned to 64 bytes.
  void (*forward[2])(const void* x, void* y, const ScaledRow& row, const void* weight, const void* bias);
  /// The gradient for x, and those of the row's weights and biases, which are added to `dweight` and `dbias`. `along`
  /// is memory for a number per run.
  void (*backward[2])(const void* g, const void* x, void* y, const ScaledRow& row, const void* weight, void* dweight,
                      void* dbias, double* along);
  /// totals[i] += sums[i], sums[i] = 0
  void (*flush)(void* sums, double* totals, int64_t count);
};

}  // namespace pydl::cpu
