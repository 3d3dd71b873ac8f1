// The division of a convolution into parts.
#pragma once

#include <vector>

#include "exec/kernel.h"

namespace pydl::backends::onednn {

/// A copy of a call that outlives it.
struct OwnedCall {
  explicit OwnedCall(const exec::KernelCall& call)
      : op(call.op),
        attrs(call.attrs),
        inputs(call.inputs.begin(), call.inputs.end()),
        outputs(call.outputs.begin(), call.outputs.end()) {}
  exec::KernelCall view() const { return {op, attrs, inputs, outputs}; }

  op::OpId op;
  op::Attrs attrs;
  std::vector<exec::BufferSpec> inputs;
  std::vector<exec::BufferSpec> outputs;
};

/// A convolution of some of the images, or of a band of one image, with the offsets of its operands in bytes.
struct ConvPart {
  explicit ConvPart(const exec::KernelCall& whole) : call(whole) {}

  int64_t output_elements() const { return element_count(call.outputs[0].shape); }

  OwnedCall call;
  int64_t inputs[3] = {0, 0, 0};
  int64_t output = 0;
};

/// Divides a call by its shape alone, into a single part unless `in_parts` is set. The outputs of the parts are
/// consecutive elements, except for the gradient of the weight, which every part computes for itself.
std::vector<ConvPart> cut(const exec::KernelCall& call, bool in_parts);

}  // namespace pydl::backends::onednn
