// Convolutions with 1 x 1 kernels, which are matrix products.
#pragma once

#include "exec/kernel.h"
#include "op/conv_geometry.h"

namespace pydl::cpu {

/// Whether a convolution has 1 x 1 kernels without strides, padding and groups.
bool is_pointwise(const op::ConvGeometry& g);

// Activations are channels-last. Each returns null for other calls than those it names.

/// Gradients of weights, in float32, with few channels and many positions, which the threads share.
std::unique_ptr<exec::Kernel> prepare_pointwise_weight(const exec::KernelCall& call);

/// All three ops in float32, where AMX tiles compute the product faster (runtime/amx.h).
std::unique_ptr<exec::Kernel> prepare_pointwise_tiles(const exec::KernelCall& call);

}  // namespace pydl::cpu
