// Convolutions with 3 x 3 kernels by Winograd's algorithm, which needs a quarter of the multiplications.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// Whether a call in float32 is one that this algorithm computes faster than others do directly.
bool suits_winograd(const exec::KernelCall& call);

/// For the calls for which `suits_winograd` holds. Activations are channels-last, weights
/// row-major. `fallback` computes the same by definition. It is used if too many results would be inexact
/// (winograd_checks.h).
std::unique_ptr<exec::Kernel> prepare_winograd(const exec::KernelCall& call, std::unique_ptr<exec::Kernel> fallback);

}  // namespace pydl::cpu
