// The derivatives of the elementwise ops.
#pragma once

#include "op/op_def.h"

namespace pydl::ops {

struct Derivative {
  op::OpDef::BackwardFunction function = nullptr;  ///< null: not differentiable
  uint32_t saves_inputs = 0;
  bool saves_output = false;
};

/// Gradients have the shape of the output; the engine sums them over broadcast axes.
Derivative elementwise_derivative(op::OpId id);

}  // namespace pydl::ops
