// The limits of this machine, for benchmarks: its multiply-add throughput and its memory bandwidth.
#pragma once

#include "core/module_api.h"

namespace pydl::cpu {

/// Floating-point operations per second of all threads, in float32, on registers. A fused multiply-add counts as two.
PYDL_MODULE_API double measure_fma_peak();

/// Bytes per second of all threads, for c = a + b on arrays far larger than the caches. Each byte of c counts as three;
/// that a store may read its cache line first is not counted.
PYDL_MODULE_API double measure_bandwidth();

}  // namespace pydl::cpu
