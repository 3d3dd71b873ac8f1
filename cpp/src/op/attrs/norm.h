// Attributes of normalisation.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

/// What is added to the variance before the square root is taken.
struct BatchNormAttrs {
  double epsilon = 1e-5;
  PYDL_ATTRS(epsilon)
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
