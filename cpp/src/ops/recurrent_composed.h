// Recurrent layers step by step, in public ops: differentiable any number of times, and with projections.
#pragma once

#include "pydl/ops.h"

namespace pydl::ops {

/// What `recurrent` computes.
RecurrentStates recurrent_composed(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                                   const Tensor& lengths, const RecurrentOptions& options);

}  // namespace pydl::ops
