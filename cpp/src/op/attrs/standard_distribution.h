// Distributions whose numbers are functions of one uniform number.
#pragma once

#include <cstdint>

namespace pydl::op {

/// In the order of their names in op/attrs/random.h.
enum class StandardDistribution : uint8_t { exponential, laplace, gumbel, cauchy };

}  // namespace pydl::op
