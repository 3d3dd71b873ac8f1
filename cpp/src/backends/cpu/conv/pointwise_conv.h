// Convolutions with 1 x 1 kernels, which are matrix products.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// Serves the calls selected by `op::is_tiled_pointwise` or `op::is_tall_pointwise_weight`; returns null for others.
/// Activations are channels-last.
std::unique_ptr<exec::Kernel> prepare_pointwise(const exec::KernelCall& call);

}  // namespace pydl::cpu
