// Loops that reach the limits of the processor; see backends/cpu/peak.h.
#pragma once

#include <cstdint>

namespace pydl::cpu {

#define PYDL_DECLARE_PEAK(name)                                                       \
  namespace name {                                                                    \
  /* Runs multiply-adds on registers; returns the number of operations. */            \
  int64_t fma_loop(int64_t iterations, float* sink);                                  \
  /* c = a + b, bypassing the caches; all 64-byte aligned, count a multiple of 16. */ \
  void stream_add(float* c, const float* a, const float* b, int64_t count);           \
  }

PYDL_DECLARE_PEAK(baseline)
PYDL_DECLARE_PEAK(v3)
PYDL_DECLARE_PEAK(v4)
#undef PYDL_DECLARE_PEAK

}  // namespace pydl::cpu
