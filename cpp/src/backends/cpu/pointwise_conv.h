// Convolutions of 1 x 1 kernels, which are products of matrices.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// For calls that `op::is_tiled_pointwise` or `op::is_tall_pointwise_weight` says; null for others. Activations lie
/// channels-last.
std::unique_ptr<exec::Kernel> prepare_pointwise(const exec::KernelCall& call);

}  // namespace pydl::cpu
