// Kernels for operands in layouts and dtypes that a family's own kernels do not read: inputs are copied row-major into
// the scratchpad, or channels-last where the family asks for that, 16-bit floating point as float32, and outputs
// converted back.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

enum class Layout { row_major, channels_last };

/// The layout that kernels want for an operand: inputs are numbered, -1 is the output.
using LayoutFunction = Layout (*)(const exec::KernelCall& call, int operand);

inline Layout all_row_major(const exec::KernelCall&, int) { return Layout::row_major; }
/// All as the output lies.
Layout as_output(const exec::KernelCall& call, int operand);

/// The kernel that `prepare` gives for the adapted operands; null where there is nothing to adapt, or where it gives
/// none.
std::unique_ptr<exec::Kernel> prepare_adapted(const exec::KernelCall& call, exec::PrepareFunction prepare,
                                              LayoutFunction layout);

/// Channels-last where only that describes the operand.
Layout layout_of(const exec::BufferSpec& spec);

/// A `PrepareFunction` that serves what `prepare` serves, and what it serves after adapting.
template <exec::PrepareFunction prepare, LayoutFunction layout = all_row_major>
std::unique_ptr<exec::Kernel> adapted(const exec::KernelCall& call) {
  auto kernel = prepare(call);
  return kernel ? std::move(kernel) : prepare_adapted(call, prepare, layout);
}

}  // namespace pydl::cpu
