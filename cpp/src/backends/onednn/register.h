// One function per op family. Each adds its kernels to the table.
#pragma once

#include "backends/onednn/registrations.h"
#include "exec/kernel.h"

namespace pydl::backends::onednn {

#define PYDL_DECLARE(family) void register_##family(exec::KernelTable& table);
PYDL_REGISTRATIONS(PYDL_DECLARE)
#undef PYDL_DECLARE

}  // namespace pydl::backends::onednn
