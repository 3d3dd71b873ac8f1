// Attributes of normalisation.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// With `batch`, the moments are those of x, and the derivative goes through them to x; otherwise they are constants.
struct BatchNormAttrs {
  double epsilon = 1e-5;
  bool batch = false;
  PYDL_ATTRS(epsilon, batch)
};

/// A row comprises the last `axes` axes. With `center`, the result is (x - mean) / sqrt(variance + epsilon), otherwise
/// x / sqrt(mean of squares + epsilon).
struct NormalizeAttrs {
  int64_t axes = 1;
  double epsilon = 1e-5;
  bool center = true;
  PYDL_ATTRS(axes, epsilon, center)
};

}  // namespace pydl::op
