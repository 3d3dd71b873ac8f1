// The limits of this machine, for benchmarks: how fast it multiplies and adds, and how fast memory comes and goes.
#pragma once

#include "core/module_api.h"

namespace pydl::cpu {

/// Floating-point operations per second of all threads, in float32, on registers; a fused multiply-add counts twice.
PYDL_MODULE_API double measure_fma_peak();

/// Bytes per second of all threads, for c = a + b on arrays far larger than the caches (three bytes count per byte of
/// c; that a store may read its line first is not counted).
PYDL_MODULE_API double measure_bandwidth();

}  // namespace pydl::cpu
