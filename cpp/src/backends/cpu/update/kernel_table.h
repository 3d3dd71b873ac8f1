// The kernels for optimiser steps of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

struct UpdateConstants;  // constants.h

/// One pass over `count` elements of a parameter, with p, states and gradient as in op/attrs/update.h.
using UpdateKernel = void (*)(void* const* operands, int64_t count, const UpdateConstants& constants);

/// What the kernels compute. LAMB takes two: the first one overwrites the moments, and adds to its last operand, two
/// doubles, the sums of squares of parameter and step; the second one (p, moments) makes the step.
enum UpdateRule : int {
  rule_sgd,
  rule_rmsprop,
  rule_rmsprop_centered,
  rule_adam,
  rule_amsgrad,
  rule_adagrad,
  rule_adadelta,
  rule_adamax,
  rule_nadam,
  rule_radam,
  rule_rprop,
  rule_lion,
  rule_lamb_moments,
  rule_lamb_step,
  update_rule_count
};

}  // namespace pydl::cpu
