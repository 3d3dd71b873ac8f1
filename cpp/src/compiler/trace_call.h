// Tracing: one run of a function on tensors without elements, and the program that comes of it.
#pragma once

#include "compiler/traced_call.h"
#include "pydl/compile.h"

namespace pydl::compiler {

/// Traces a function for arguments of these shapes and dtypes. Throws `TraceError`; the states are left as they were.
std::shared_ptr<const TracedCall> trace_call(const TensorFunction& function, const ParamSet& states,
                                             std::span<const Tensor> arguments, const ProgramOptions& options);

/// The same to be saved, without a program. Throws `ValueError` where the function leaves gradients behind.
RecordedFunction record_call(const TensorFunction& function, const ParamSet& states, std::span<const Tensor> arguments,
                             size_t* results);

}  // namespace pydl::compiler
