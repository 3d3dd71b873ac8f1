// How calls for one example become calls for a whole batch.
#pragma once

#include <span>
#include <vector>

#include "op/op_def.h"

namespace pydl::vmap {

/// An input of a call. A batched one has one more axis than the call knows of, the first.
struct Operand {
  Tensor tensor;
  bool batched;

  int rank() const { return tensor.rank() - (batched ? 1 : 0); }
  /// The shape for one example.
  Dims shape() const;
};

struct BatchedCall {
  const op::OpDef& def;
  const op::Attrs& attrs;
  std::span<const Operand> inputs;
  int64_t size;  ///< of the batch
};

/// The results of a call of which at least one input is batched, all with the batch as their first axis. An op without
/// a rule, or whose rule does not apply to the call, is run once for each example.
std::vector<Tensor> run_batched(const BatchedCall& call);

/// A call that overwrites its first input, which is batched if any input is.
void write_batched(const BatchedCall& call);

}  // namespace pydl::vmap
