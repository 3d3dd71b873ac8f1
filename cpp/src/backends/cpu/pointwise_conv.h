// Convolutions of 1 x 1 kernels, where they are tall matrix products.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// The gradient for the weight where `op::is_tall_pointwise_weight`, null elsewhere. Activations lie channels-last.
std::unique_ptr<exec::Kernel> prepare_pointwise_weight(const exec::KernelCall& call);

}  // namespace pydl::cpu
