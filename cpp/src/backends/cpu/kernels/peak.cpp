#include "backends/cpu/kernels/peak.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
constexpr int lanes = vector_bytes / 4;
// Enough independent sums to hide the latency of two FMA units.
constexpr int chains = 10;

typedef float Vector __attribute__((vector_size(vector_bytes)));

}  // namespace

int64_t fma_loop(int64_t iterations, float* sink) {
  Vector sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = Vector{} + static_cast<float>(i);
  Vector factor = Vector{} + 0.999F;
  Vector addend = Vector{} + 0.001F;
  for (int64_t n = 0; n < iterations; ++n) {
#pragma GCC unroll 10
    for (int i = 0; i < chains; ++i) sums[i] = sums[i] * factor + addend;
#if defined(__x86_64__)
    // Keeps the compiler from merging iterations.
    __asm__ volatile("" : "+x"(factor), "+x"(addend));
#endif
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  for (int lane = 0; lane < lanes; ++lane) *sink += total[lane];
  return iterations * chains * lanes * 2;
}

void stream_add(float* c, const float* a, const float* b, int64_t count) {
#if defined(__x86_64__)
  for (int64_t i = 0; i < count; i += lanes) {
    const Vector sum = *reinterpret_cast<const Vector*>(a + i) + *reinterpret_cast<const Vector*>(b + i);
#if defined(__AVX512F__)
    _mm512_stream_ps(c + i, reinterpret_cast<__m512>(sum));
#elif defined(__AVX__)
    _mm256_stream_ps(c + i, reinterpret_cast<__m256>(sum));
#else
    _mm_stream_ps(c + i, reinterpret_cast<__m128>(sum));
#endif
  }
  _mm_sfence();
#else
  for (int64_t i = 0; i < count; ++i) c[i] = a[i] + b[i];
#endif
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
