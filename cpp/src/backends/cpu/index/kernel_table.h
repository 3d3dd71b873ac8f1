// The kernels for adding rows of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Adds rows: y[i] += x[i].
using AddKernel = void (*)(void* y, const void* x, int64_t count);

}  // namespace pydl::cpu
