// The kernels for optimiser steps of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Constants of an optimiser step. Each update reads those that it needs.
struct UpdateConstants {
  double lr, momentum, dampening, weight_decay;  // sgd, rmsprop (lr and weight_decay: adam too)
  double alpha, epsilon;                         // rmsprop (epsilon: adam too)
  double beta1, beta2, step_size, root_correction;
  bool nesterov, decoupled, first_step;
};

/// One pass over `count` elements of a parameter, with p, state and gradient as in op_id.h.
using UpdateKernel = void (*)(void* const* operands, int64_t count, const UpdateConstants& constants);

}  // namespace pydl::cpu
