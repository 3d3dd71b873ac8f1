// apply: the only way to run an op.
#pragma once

#include <span>

#include "op/attrs.h"
#include "op/op_id.h"
#include "pydl/tensor.h"

namespace pydl::op {

/// Runs an op on tensors: checks, allocates the output, runs the kernel, and records the call where a gradient will
/// be wanted. An op that mutates returns an undefined tensor.
Tensor apply(OpId id, const Attrs& attrs, std::span<const Tensor> inputs);

inline Tensor apply(OpId id, const Attrs& attrs, std::initializer_list<Tensor> inputs) {
  return apply(id, attrs, std::span<const Tensor>(inputs.begin(), inputs.size()));
}

}  // namespace pydl::op
