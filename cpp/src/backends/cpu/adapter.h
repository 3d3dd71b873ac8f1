// Kernels for operands whose layout or dtype a family's own kernels do not read. Inputs are copied into the scratchpad,
// row-major, or channels-last if the family asks for that, with 16-bit floating point converted to float32. Outputs are
// converted back.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

enum class Layout { row_major, channels_last };

/// The layout that kernels require of an operand: an input number, or -1 for all outputs.
using LayoutFunction = Layout (*)(const exec::KernelCall& call, int operand);

inline Layout all_row_major(const exec::KernelCall&, int) { return Layout::row_major; }
/// Every operand gets the layout of the output.
Layout as_output(const exec::KernelCall& call, int operand);

/// The kernel that `prepare` returns for the adapted operands. Null if there is nothing to adapt, or if `prepare`
/// returns null.
std::unique_ptr<exec::Kernel> prepare_adapted(const exec::KernelCall& call, exec::PrepareFunction prepare,
                                              LayoutFunction layout);

/// Channels-last only if no other layout describes the operand.
Layout layout_of(const exec::BufferSpec& spec);

/// A `PrepareFunction` that serves the calls that `prepare` serves, directly or after adapting the operands.
template <exec::PrepareFunction prepare, LayoutFunction layout = all_row_major>
std::unique_ptr<exec::Kernel> adapted(const exec::KernelCall& call) {
  auto kernel = prepare(call);
  return kernel ? std::move(kernel) : prepare_adapted(call, prepare, layout);
}

}  // namespace pydl::cpu
