// OpTrace: the interface that receives ops while a function is traced, in place of the kernels.
#pragma once

#include <span>

#include "core/active_trace.h"
#include "op/op_def.h"

namespace pydl {
class Generator;
}

namespace pydl::op {

class OpTrace : public core::ActiveTrace {
 public:
  /// Records a call whose results have these layouts (for a view, starting at `offset`), and creates the results:
  /// tensors without elements.
  virtual void note(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs,
                    std::span<const BufferSpec> layouts, int64_t offset, std::span<Tensor> results) = 0;
  /// Records a call that overwrites its first `mutated` inputs.
  virtual void note_mutation(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs, int mutated) = 0;
  /// The state from which to draw `blocks` blocks of random numbers: a generator's state is an input of the traced
  /// function.
  virtual Tensor take(Generator& generator, int64_t blocks) = 0;

 protected:
  using ActiveTrace::ActiveTrace;
};

/// The trace of this thread, or null. Every trace is an OpTrace.
inline OpTrace* active_op_trace() { return static_cast<OpTrace*>(core::active_trace()); }

}  // namespace pydl::op
