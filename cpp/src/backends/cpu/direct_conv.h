// Convolutions of few channels, as they are: nothing is gathered into matrices first.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// The kernel where channels are few (`op::has_few_channels`), null elsewhere. The input lies under any strides,
/// outputs and their gradients channels-last, weights and biases row-major.
std::unique_ptr<exec::Kernel> prepare_direct_conv(const exec::KernelCall& call);

}  // namespace pydl::cpu
