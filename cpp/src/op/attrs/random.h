// Attributes of random ops.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct UniformAttrs {
  Dims shape;
  DType dtype = DType::float32;
  double low = 0.0;
  double high = 1.0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(shape, dtype, low, high)
};

struct NormalAttrs {
  Dims shape;
  DType dtype = DType::float32;
  double mean = 0.0;
  double std = 1.0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(shape, dtype, mean, std)
};

struct DropoutAttrs {
  double p = 0.5;
  PYDL_ATTRS(p)
};

struct PermutationAttrs {
  int64_t n = 0;
  static constexpr size_t required = 1;
  PYDL_ATTRS(n)
};

}  // namespace pydl::op
