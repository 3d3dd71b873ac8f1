// Attributes of random ops.
#pragma once

#include "op/attr_struct.h"
#include "op/attrs/standard_distribution.h"

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

inline std::span<const char* const> choice_names(StandardDistribution) {
  static constexpr const char* names[] = {"exponential", "laplace", "gumbel", "cauchy"};
  return names;
}

struct StandardVariateAttrs {
  Dims shape;
  DType dtype = DType::float32;
  StandardDistribution distribution = StandardDistribution::exponential;
  static constexpr size_t required = 2;
  PYDL_ATTRS(shape, dtype, distribution)
};

struct RandomIntegersAttrs {
  Dims shape;
  int64_t low = 0;
  int64_t high = 2;
  static constexpr size_t required = 1;
  PYDL_ATTRS(shape, low, high)
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
