// Stores that bypass the caches, for results that will have left them before anything reads them. A plain store first
// reads each of its cache lines.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

/// Stores a whole vector; `to` is aligned to its size. Other threads see it after `finish_streamed_stores`.
template <class T>
inline void stream(T* to, Vector<T> vector) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(to), (__m512i)vector);
#elif defined(__AVX__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)vector);
#elif defined(__SSE2__)
  _mm_stream_si128(reinterpret_cast<__m128i*>(to), (__m128i)vector);
#else
  store(to, vector);
#endif
}

inline void finish_streamed_stores() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
