// Convolutions of 3 x 3 kernels by Winograd's algorithm: a quarter of the multiplications.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// For calls for which the algorithm pays (`op::suits_winograd`). Activations are channels-last, weights row-major.
/// `otherwise` computes the same by definition, where too much would be inexact (winograd_checks.h).
std::unique_ptr<exec::Kernel> prepare_winograd(const exec::KernelCall& call, std::unique_ptr<exec::Kernel> otherwise);

}  // namespace pydl::cpu
