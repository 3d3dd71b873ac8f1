// Direct convolutions of few channels, which do not gather anything into matrices first.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

/// Returns null unless there are few channels. The input may have any
/// strides, outputs and their gradients are channels-last, weights and biases row-major.
std::unique_ptr<exec::Kernel> prepare_direct_conv(const exec::KernelCall& call);

}  // namespace pydl::cpu
