// OpTrace: where ops go while a function is traced, instead of to kernels.
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
  /// Notes a call whose results have these layouts (for a view, from `offset` on), and makes them: tensors without
  /// elements.
  virtual void note(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs,
                    std::span<const BufferSpec> layouts, int64_t offset, std::span<Tensor> results) = 0;
  /// Notes a call that overwrites its first `mutated` inputs.
  virtual void note_mutation(const OpDef& def, const Attrs& attrs, std::span<const Tensor> inputs, int mutated) = 0;
  /// The state to draw `blocks` blocks of random numbers from: a generator's state is an input of what is traced.
  virtual Tensor take(Generator& generator, int64_t blocks) = 0;

 protected:
  using ActiveTrace::ActiveTrace;
};

/// The trace of this thread, or null. All traces are traces of ops.
inline OpTrace* active_op_trace() { return static_cast<OpTrace*>(core::active_trace()); }

}  // namespace pydl::op
