// Convolutions with so few output channels that vectors contain positions of a row instead of channels.
#pragma once

#include "exec/kernel.h"
#include "op/conv_geometry.h"

namespace pydl::cpu {

/// Whether vectors of positions are fuller than vectors of channels.
bool suits_planes(const op::ConvGeometry& g);

/// The gradient for the weight of such a convolution.
std::unique_ptr<exec::Kernel> prepare_planar_weight(const exec::KernelCall& call);

}  // namespace pydl::cpu
