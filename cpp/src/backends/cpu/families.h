// One registration function per op family, which adds the kernels of its ops to the table.
#pragma once

#include "backends/cpu/registrations.h"
#include "exec/kernel.h"

namespace pydl::cpu {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using exec::KernelContext;
using exec::KernelTable;
using exec::Provider;
using op::OpId;

#define PYDL_DECLARE(family) void register_##family(KernelTable& table);
PYDL_REGISTRATIONS(PYDL_DECLARE)
#undef PYDL_DECLARE

}  // namespace pydl::cpu
