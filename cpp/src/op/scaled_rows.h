// ScaledRows: how the weights of a normalisation of rows lie along them.
#pragma once

#include "exec/kernel.h"
#include "op/attrs/norm.h"

namespace pydl::op {

/// A row consists of runs of elements with the same weight: run k of row r has weight (r * runs + k) % weights. For
/// layer normalisation each element is a run, and all rows have the same weights. For group normalisation a run is a
/// channel of a sample.
struct ScaledRows {
  int64_t rows = 1;
  int64_t runs = 1;   ///< of a row
  int64_t inner = 1;  ///< elements of a run
  int64_t weights = 1;

  int64_t length() const { return runs * inner; }
  /// How many rows share out all weights among them.
  int64_t cycle() const { return weights / runs; }

  /// For operands that `fits` accepts.
  static ScaledRows of(const NormalizeAttrs& attrs, const exec::BufferSpec& x, const Dims& weight);
  /// Whether the weights have the shape of trailing axes of x, at least those of a row, where the last axes within the
  /// row may be 1.
  static bool fits(const NormalizeAttrs& attrs, const exec::BufferSpec& x, const Dims& weight);
};

}  // namespace pydl::op
