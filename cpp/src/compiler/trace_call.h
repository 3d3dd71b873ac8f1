// Tracing: runs a function once on tensors without elements and makes a program from it.
#pragma once

#include "compiler/traced_call.h"
#include "pydl/compile.h"

namespace pydl::compiler {

/// Traces a function for arguments of these shapes and dtypes. Throws `TraceError`; the states are left unchanged.
std::shared_ptr<const TracedCall> trace_call(const TensorFunction& function, const ParamSet& states,
                                             std::span<const Tensor> arguments, const ProgramOptions& options);

/// Records the same call for saving, without making a program. Throws `ValueError` if the function leaves gradients
/// behind.
RecordedFunction record_call(const TensorFunction& function, const ParamSet& states, std::span<const Tensor> arguments,
                             size_t* results);

}  // namespace pydl::compiler
