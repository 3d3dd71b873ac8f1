// One function per op family: each adds the kernels of its ops to the table.
#pragma once

#include "exec/kernel.h"

namespace pydl::cpu {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using exec::KernelTable;
using exec::Provider;
using op::OpId;

void register_elementwise(KernelTable& table);
void register_fused(KernelTable& table);
void register_reduce(KernelTable& table);
void register_softmax(KernelTable& table);
void register_loss(KernelTable& table);
void register_ctc(KernelTable& table);
void register_norm(KernelTable& table);
void register_recurrent(KernelTable& table);
void register_sequence_product(KernelTable& table);
void register_view(KernelTable& table);
void register_create(KernelTable& table);
void register_index(KernelTable& table);
void register_resample(KernelTable& table);
void register_random(KernelTable& table);
void register_matmul(KernelTable& table);
void register_conv(KernelTable& table);
void register_pool(KernelTable& table);
void register_update(KernelTable& table);

}  // namespace pydl::cpu
