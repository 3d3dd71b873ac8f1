// The linear map of a resampling along one axis, as kernels derive it from attributes and shapes.
#pragma once

#include <array>
#include <vector>

#include "exec/kernel.h"

namespace pydl::op {

/// Result element i is the sum of weight[k] times input element index[k], for k in [begin[i], begin[i + 1]).
struct Taps {
  std::vector<int64_t> begin = {0};
  std::vector<int64_t> index;
  std::vector<double> weight;

  int64_t size() const { return static_cast<int64_t>(begin.size()) - 1; }
  /// The number of terms of result element i.
  int64_t count(int64_t i) const { return begin[static_cast<size_t>(i) + 1] - begin[static_cast<size_t>(i)]; }

  void add(int64_t position, double factor) {
    index.push_back(position);
    weight.push_back(factor);
  }
  /// Ends the terms of one result element.
  void finish() { begin.push_back(static_cast<int64_t>(index.size())); }
};

/// The map along 3 spatial axes. Missing axes come first and have size 1.
struct ResampleGeometry {
  std::array<int64_t, 3> input = {1, 1, 1};
  std::array<int64_t, 3> output = {1, 1, 1};
  std::array<Taps, 3> taps;
};

/// The geometry of a call of `resample`, or of `resample_backward`, whose input is the gradient and whose taps are
/// transposed.
ResampleGeometry resample_geometry(const exec::KernelCall& call);

}  // namespace pydl::op
