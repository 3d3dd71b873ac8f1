// Conversions between dtypes, and `where`.
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class From, class To>
void cast_loop(void* out, const void* const* in, int64_t count) {
  const From* x = static_cast<const From*>(in[0]);
  To* y = static_cast<To*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (From(0.5) != From(0) && sizeof(To) < 4) {
      // Small integers are converted by way of int32, so that negative numbers wrap around.
      y[i] = static_cast<To>(static_cast<int32_t>(x[i]));
    } else {
      y[i] = static_cast<To>(x[i]);
    }
  }
}

template <class From>
void cast_to_bool(void* out, const void* const* in, int64_t count) {
  const From* x = static_cast<const From*>(in[0]);
  uint8_t* y = static_cast<uint8_t*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = x[i] != From(0) ? 1 : 0;
}

void bfloat16_to_float(void* out, const void* const* in, int64_t count) {
  const uint16_t* x = static_cast<const uint16_t*>(in[0]);
  float* y = static_cast<float*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = m::from_bits<float>(static_cast<uint32_t>(x[i]) << 16);
}

// Rounds to nearest, ties to even.
void float_to_bfloat16(void* out, const void* const* in, int64_t count) {
  const float* x = static_cast<const float*>(in[0]);
  uint16_t* y = static_cast<uint16_t*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t word = __builtin_bit_cast(uint32_t, x[i]);
    const uint32_t rounded = (word + 0x7fffU + (word >> 16 & 1U)) >> 16;
    const uint32_t nan = word >> 16 | 0x40U;
    y[i] = static_cast<uint16_t>((word & 0x7fffffffU) > 0x7f800000U ? nan : rounded);
  }
}

// Rounds to bfloat16 and converts back to float.
void round_to_bfloat16(void* out, const void* const* in, int64_t count) {
  const float* x = static_cast<const float*>(in[0]);
  float* y = static_cast<float*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t word = __builtin_bit_cast(uint32_t, x[i]);
    const uint32_t rounded = word + 0x7fffU + (word >> 16 & 1U);
    const uint32_t nan = word | 0x400000U;
    y[i] = m::from_bits<float>(((word & 0x7fffffffU) > 0x7f800000U ? nan : rounded) & 0xffff0000U);
  }
}

// Converts by the exponent arithmetic of IEEE 754, without branches; see `Float16`.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000U) << 16;
  const uint32_t magnitude = half & 0x7fffU;
  const float denormal = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24F;
  const uint32_t rebias = magnitude >= 0x7c00U ? 224U << 23 : 112U << 23;
  const uint32_t normal = (magnitude << 13) + rebias;
  const uint32_t word = magnitude < 0x400U ? __builtin_bit_cast(uint32_t, denormal) : normal;
  return m::from_bits<float>(sign | word);
}

inline uint16_t float_to_half(float value) {
  const uint32_t word = __builtin_bit_cast(uint32_t, value);
  const uint32_t sign = word >> 16 & 0x8000U;
  const uint32_t magnitude = word & 0x7fffffffU;
  const uint32_t denormal = __builtin_bit_cast(uint32_t, m::from_bits<float>(magnitude) + 0.5F) - 0x3f000000U;
  const uint32_t normal = (magnitude + 0xfffU + (magnitude >> 13 & 1U) - 0x38000000U) >> 13;
  const uint32_t finite = magnitude < 0x38800000U ? denormal : normal;
  const uint32_t beyond = magnitude > 0x7f800000U ? 0x7e00U : 0x7c00U;
  return static_cast<uint16_t>(sign | (magnitude >= 0x477ff000U ? beyond : finite));
}

void half_to_float_loop(void* out, const void* const* in, int64_t count) {
  const uint16_t* x = static_cast<const uint16_t*>(in[0]);
  float* y = static_cast<float*>(out);
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  }
#endif
  for (; i < count; ++i) y[i] = half_to_float(x[i]);
}

void float_to_half_loop(void* out, const void* const* in, int64_t count) {
  const float* x = static_cast<const float*>(in[0]);
  uint16_t* y = static_cast<uint16_t*>(out);
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8) {
    const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), half);
  }
#endif
  for (; i < count; ++i) y[i] = float_to_half(x[i]);
}

// Rounds to float16 and converts back to float.
void round_to_half(void* out, const void* const* in, int64_t count) {
  const float* x = static_cast<const float*>(in[0]);
  float* y = static_cast<float*>(out);
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8) {
    const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(half));
  }
#endif
  for (; i < count; ++i) y[i] = half_to_float(float_to_half(x[i]));
}

template <class T>
void where_loop(void* out, const void* const* in, int64_t count) {
  const uint8_t* condition = static_cast<const uint8_t*>(in[0]);
  const T* a = static_cast<const T*>(in[1]);
  const T* b = static_cast<const T*>(in[2]);
  T* y = static_cast<T*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T left = a[i];
    const T right = b[i];
    y[i] = condition[i] != 0 ? left : right;
  }
}

constexpr int number(DType dtype) { return static_cast<int>(dtype); }

template <class From>
void fill_from(TileKernel* to) {
  to[number(DType::boolean)] = cast_to_bool<From>;
  to[number(DType::uint8)] = cast_loop<From, uint8_t>;
  to[number(DType::int8)] = cast_loop<From, int8_t>;
  to[number(DType::int16)] = cast_loop<From, int16_t>;
  to[number(DType::int32)] = cast_loop<From, int32_t>;
  to[number(DType::int64)] = cast_loop<From, int64_t>;
  to[number(DType::float32)] = cast_loop<From, float>;
  to[number(DType::float64)] = cast_loop<From, double>;
}

}  // namespace

// 16-bit floats are converted only from and to float32.
void fill_cast(KernelSet& set) {
  fill_from<uint8_t>(set.cast[number(DType::boolean)]);
  fill_from<uint8_t>(set.cast[number(DType::uint8)]);
  fill_from<int8_t>(set.cast[number(DType::int8)]);
  fill_from<int16_t>(set.cast[number(DType::int16)]);
  fill_from<int32_t>(set.cast[number(DType::int32)]);
  fill_from<int64_t>(set.cast[number(DType::int64)]);
  fill_from<float>(set.cast[number(DType::float32)]);
  fill_from<double>(set.cast[number(DType::float64)]);
  set.cast[number(DType::float16)][number(DType::float32)] = half_to_float_loop;
  set.cast[number(DType::float32)][number(DType::float16)] = float_to_half_loop;
  set.cast[number(DType::bfloat16)][number(DType::float32)] = bfloat16_to_float;
  set.cast[number(DType::float32)][number(DType::bfloat16)] = float_to_bfloat16;
  set.round_float16 = round_to_half;
  set.round_bfloat16 = round_to_bfloat16;
  set.where[0] = where_loop<uint8_t>;
  set.where[1] = where_loop<uint16_t>;
  set.where[2] = where_loop<uint32_t>;
  set.where[3] = where_loop<uint64_t>;
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
