// Kernels for operands in layouts and dtypes that a family's own kernels do not read: inputs are copied row-major into
// the scratchpad, 16-bit floating point as float32, and outputs converted back.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// The kernel that `prepare` gives for the adapted operands; null where there is nothing to adapt, or where it gives
/// none.
std::unique_ptr<exec::Kernel> prepare_adapted(const exec::KernelCall& call, exec::PrepareFunction prepare);

/// A `PrepareFunction` that serves what `prepare` serves, and what it serves after adapting.
template <exec::PrepareFunction prepare>
std::unique_ptr<exec::Kernel> adapted(const exec::KernelCall& call) {
  auto kernel = prepare(call);
  return kernel ? std::move(kernel) : prepare_adapted(call, prepare);
}

}  // namespace pydl::cpu
