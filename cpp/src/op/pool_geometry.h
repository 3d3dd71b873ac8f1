// The windows of a pooling, as kernels read them from attrs and shapes.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "exec/kernel.h"

namespace pydl::op {

/// The places first, first + step, ... (count of them) of one axis: the part of a window that lies inside.
struct Window {
  int64_t first;
  int64_t step;
  int64_t count;
};

/// Windows along 3 spatial axes, of which missing ones are in front and have size 1.
struct PoolGeometry {
  using Sizes = std::array<int64_t, 3>;

  int spatial = 0;
  int64_t batch = 0;
  int64_t channels = 0;
  Sizes input = {1, 1, 1};
  Sizes output = {1, 1, 1};
  /// For each axis, the window of each place of the output.
  std::array<std::vector<Window>, 3> windows;

  int64_t input_size() const { return input[0] * input[1] * input[2]; }
  int64_t output_size() const { return output[0] * output[1] * output[2]; }
};

/// Reads attrs {kernel, stride, padding, dilation dims, one entry per spatial axis; adaptive bool}: windows begin at
/// t stride - padding and have kernel elements, dilation apart; adaptive ones share the input out evenly.
PoolGeometry pool_geometry(const Attrs& attrs, const Dims& x, const Dims& y);

/// By what the sums of windows are divided, for each place of an axis: the product over the axes is the divisor.
/// {divisor integer: 0 the elements inside, -1 those inside or in the padding, else that number}
std::array<std::vector<int64_t>, 3> pool_divisors(const Attrs& attrs, const PoolGeometry& geometry);

}  // namespace pydl::op
