// apply: the only way to run an op.
#pragma once

#include <span>
#include <vector>

#include "core/module_api.h"
#include "op/attrs.h"
#include "op/op_id.h"
#include "pydl/tensor.h"

namespace pydl::op {

/// Runs an op on tensors: checks the inputs, allocates the result, runs the kernel, and records the call if a gradient
/// will be needed. An op that mutates returns an undefined tensor.
Tensor apply(OpId id, const Attrs& attrs, std::span<const Tensor> inputs);
/// The same for any number of results, which is zero for an op that mutates.
std::vector<Tensor> apply_all(OpId id, const Attrs& attrs, std::span<const Tensor> inputs);

/// The same for arguments from a user, which are checked and converted to canonical form first.
PYDL_MODULE_API std::vector<Tensor> call(OpId id, Attrs attrs, std::vector<Tensor> inputs);

/// Computes an elementwise op of two operands in the memory of the first one, and returns true; false, having done
/// nothing, where the result needs memory of its own: it has another layout or dtype, the second operand overlaps the
/// first one, or the call is traced, counted, watched for anomalies, or must be recorded.
PYDL_MODULE_API bool overwrite(OpId id, const Tensor& target, const Tensor& operand);

inline Tensor apply(OpId id, const Attrs& attrs, std::initializer_list<Tensor> inputs) {
  return apply(id, attrs, std::span<const Tensor>(inputs.begin(), inputs.size()));
}
inline std::vector<Tensor> apply_all(OpId id, const Attrs& attrs, std::initializer_list<Tensor> inputs) {
  return apply_all(id, attrs, std::span<const Tensor>(inputs.begin(), inputs.size()));
}

}  // namespace pydl::op
