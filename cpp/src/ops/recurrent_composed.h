// Recurrent layers computed step by step in public ops: differentiable any number of times, with support for
// projections.
#pragma once

#include "pydl/ops.h"

namespace pydl::ops {

/// Computes the same as `recurrent`.
RecurrentStates recurrent_composed(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                                   const Tensor& lengths, const RecurrentOptions& options);

}  // namespace pydl::ops
