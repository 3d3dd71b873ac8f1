// Convolutions as products, by AMX tiles (bf16x3_kernels.h), of rows that are gathered from padded images.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// Whether a call in float32 is one that AMX tiles compute faster than others.
bool suits_tiled_conv(const exec::KernelCall& call);

/// For the calls for which `suits_tiled_conv` holds. If a result is infinite or NaN, everything is computed by
/// `fallback`.
std::unique_ptr<exec::Kernel> prepare_tiled_conv(const exec::KernelCall& call, std::unique_ptr<exec::Kernel> fallback);

}  // namespace pydl::cpu
