// Convolutions as products, by AMX tiles (bf16x3_kernels.h), of rows that are gathered from padded images.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// For the calls selected by `op::is_tiled_conv`. If a result is infinite or NaN, everything is computed by
/// `otherwise`.
std::unique_ptr<exec::Kernel> prepare_tiled_conv(const exec::KernelCall& call, std::unique_ptr<exec::Kernel> otherwise);

}  // namespace pydl::cpu
