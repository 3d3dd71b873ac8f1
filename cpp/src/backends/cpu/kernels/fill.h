// Declares the functions that fill the kernel set of one instruction set. The files in this folder use only plain
// loops: an inline function from a shared header, compiled here with wide instructions, could replace the common copy
// at link time.
#pragma once

#include "backends/cpu/kernel_set.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

void fill_elementwise(KernelSet& set);
void fill_cast(KernelSet& set);
void fill_reduce(KernelSet& set);
void fill_softmax(KernelSet& set);
void fill_norm(KernelSet& set);
void fill_scaled_norm(KernelSet& set);
void fill_recurrent(KernelSet& set);
void fill_view(KernelSet& set);
void fill_matmul(KernelSet& set);
void fill_conv(KernelSet& set);
void fill_planar_conv(KernelSet& set);
void fill_winograd(KernelSet& set);
void fill_pool(KernelSet& set);
void fill_resample(KernelSet& set);
void fill_random(KernelSet& set);
void fill_variates(KernelSet& set);
void fill_sort(KernelSet& set);
void fill_sort_line(KernelSet& set);
void fill_update(KernelSet& set);

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
