// Attributes of normalisation.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// With `batch`, the moments are those of x, and the derivative goes through them to x; else they are constants.
struct BatchNormAttrs {
  double epsilon = 1e-5;
  bool batch = false;
  PYDL_ATTRS(epsilon, batch)
};

/// A row is the last `axes` axes. With `center`, (x - mean) / sqrt(variance + epsilon), else
/// x / sqrt(mean of squares + epsilon).
struct NormalizeAttrs {
  int64_t axes = 1;
  double epsilon = 1e-5;
  bool center = true;
  PYDL_ATTRS(axes, epsilon, center)
};

}  // namespace pydl::op
