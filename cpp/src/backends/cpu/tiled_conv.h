// Convolutions as products by AMX tiles (split_kernels.h) of rows that are gathered from padded images.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// For a call that `op::is_tiled_conv` says. Where a result is infinite or not a number, all is computed by
/// `otherwise`.
std::unique_ptr<exec::Kernel> prepare_tiled_conv(const exec::KernelCall& call, std::unique_ptr<exec::Kernel> otherwise);

}  // namespace pydl::cpu
