// One function per op family. Each adds its kernels to the table.
#pragma once

#include "exec/kernel.h"

namespace pydl::backends::onednn {

void register_matmul(exec::KernelTable& table);
void register_conv(exec::KernelTable& table);

}  // namespace pydl::backends::onednn
