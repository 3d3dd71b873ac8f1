// Convolutions with 3 x 3 kernels by Winograd's algorithm, which needs a quarter of the multiplications.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// For the calls that are faster with this algorithm (`op::suits_winograd`). Activations are channels-last, weights
/// row-major. `fallback` computes the same by definition. It is used if too many results would be inexact
/// (winograd_checks.h).
std::unique_ptr<exec::Kernel> prepare_winograd(const exec::KernelCall& call, std::unique_ptr<exec::Kernel> fallback);

}  // namespace pydl::cpu
