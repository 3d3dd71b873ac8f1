// The windows of a pooling op, as kernels derive them from attributes and shapes.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "exec/kernel.h"

namespace pydl::op {

/// The positions first, first + step, ... (`count` of them) along one axis: the part of a window that is inside the
/// input.
struct Window {
  int64_t first;
  int64_t step;
  int64_t count;
};

/// Windows along 3 spatial axes. Missing axes come first and have size 1.
struct PoolGeometry {
  using Sizes = std::array<int64_t, 3>;

  int spatial = 0;
  int64_t batch = 0;
  int64_t channels = 0;
  Sizes input = {1, 1, 1};
  Sizes output = {1, 1, 1};
  /// For each axis, the window of each output position.
  std::array<std::vector<Window>, 3> windows;

  int64_t input_size() const { return input[0] * input[1] * input[2]; }
  int64_t output_size() const { return output[0] * output[1] * output[2]; }
};

/// Reads what all pooling ops have in common (`PoolAttrs`). Windows
/// begin at t stride - padding and have `kernel` elements, `dilation` apart; adaptive windows divide the input evenly.
PoolGeometry pool_geometry(const Attrs& attrs, const Dims& x, const Dims& y);

/// The divisors of the window sums, for each position along an axis; the divisor of a window is the product over the
/// axes. {divisor integer: 0 counts the elements inside, -1 those inside or in the padding, any other value is the
/// divisor itself}
std::array<std::vector<int64_t>, 3> pool_divisors(const Attrs& attrs, const PoolGeometry& geometry);

}  // namespace pydl::op
