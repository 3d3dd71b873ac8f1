// Convolutions that give so few channels that vectors hold places of a row instead of channels.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// For a `conv` or `conv_backward_weight` of which `op::has_few_channels` is true; null where vectors of channels are
/// fuller than vectors of places.
std::unique_ptr<exec::Kernel> prepare_planar_conv(const exec::KernelCall& call);

}  // namespace pydl::cpu
