// Loads and stores vectors of which only the first lanes exist in memory.
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

/// Loads the first `count` lanes from memory and sets the others to `fill`. Items have 4 or 8 bytes.
template <class T>
inline Vector<T> load_part(const T* from, int64_t count, T fill) {
  if (count >= vector_length<T>) return load(from);
#if defined(__AVX512F__)
  const Vector<T> others = broadcast(fill);
  if constexpr (sizeof(T) == 4) {
    const auto mask = static_cast<__mmask16>((1U << count) - 1);
    return (Vector<T>)_mm512_mask_loadu_ps((__m512)others, mask, from);
  } else {
    const auto mask = static_cast<__mmask8>((1U << count) - 1);
    return (Vector<T>)_mm512_mask_loadu_pd((__m512d)others, mask, from);
  }
#else
  Vector<T> vector = broadcast(fill);
  for (int64_t lane = 0; lane < count; ++lane) vector[lane] = from[lane];
  return vector;
#endif
}

/// Stores the first `count` lanes.
template <class T>
inline void store_part(T* to, Vector<T> vector, int64_t count) {
  if (count >= vector_length<T>) {
    store(to, vector);
    return;
  }
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1U << count) - 1), (__m512)vector);
  } else {
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1U << count) - 1), (__m512d)vector);
  }
#else
  for (int64_t lane = 0; lane < count; ++lane) to[lane] = vector[lane];
#endif
}

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
