// Convolutions of 3 x 3 kernels by Winograd's algorithm: a quarter of the multiplications.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// The kernel where the algorithm pays (`op::suits_winograd`), null elsewhere. Activations lie channels-last, weights
/// row-major.
std::unique_ptr<exec::Kernel> prepare_winograd(const exec::KernelCall& call);

}  // namespace pydl::cpu
