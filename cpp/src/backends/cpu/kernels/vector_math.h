// Mathematical functions without branches, so that loops over them vectorise. The polynomials are minimax fits, and
// errors are a few units in the last position.
#pragma once

#include <cstdint>

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Vectors as wide as the registers of the instruction set.
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
inline constexpr int64_t vector_length = vector_bytes / static_cast<int64_t>(sizeof(T));

// Unaligned load.
template <class T>
inline Vector<T> load(const T* from) {
  Vector<T> vector;
  __builtin_memcpy(&vector, from, sizeof(vector));
  return vector;
}
template <class T>
inline void store(T* to, Vector<T> vector) {
  __builtin_memcpy(to, &vector, sizeof(vector));
}
template <class T>
inline Vector<T> broadcast(T value) {
  return Vector<T>{} + value;
}

namespace m {

constexpr float infinity = __builtin_inff();

// The functions below take a float or a vector of floats.
template <class F>
struct IntegerOf {
  typedef int32_t type __attribute__((vector_size(sizeof(F))));
};
template <>
struct IntegerOf<float> {
  using type = int32_t;
};
template <class F>
using Integer = typename IntegerOf<F>::type;

template <class F>
inline Integer<F> bits_of(F x) {
  return __builtin_bit_cast(Integer<F>, x);
}
template <class F, class I>
inline F from_bits(I bits) {
  return __builtin_bit_cast(F, bits);
}
inline float magnitude(float x) { return from_bits<float>(bits_of(x) & 0x7fffffff); }
inline float with_sign_of(float magnitude, float sign) {
  return from_bits<float>((bits_of(magnitude) & 0x7fffffff) | (bits_of(sign) & static_cast<int32_t>(0x80000000)));
}

// Adding this number rounds to an integer, which then occupies the low bits.
constexpr float rounder = 0x1.8p23F;
constexpr int32_t rounder_bits = 0x4b400000;

// x = n ln 2 + r, |r| <= ln 2 / 2. The first part of ln 2 has few digits, so that its product with n is exact.
template <class F>
struct ExponentParts {
  F r;
  Integer<F> n;
};
template <class F>
inline ExponentParts<F> split_exponent(F x) {
  const F shifted = x * 1.44269504F + rounder;
  const F n = shifted - rounder;
  return {x - n * 0.693145752F - n * 1.42860677e-6F, bits_of(shifted) - rounder_bits};
}
// exp(r) - 1 for |r| <= ln 2 / 2.
template <class F>
inline F expm1_reduced(F r) {
  const F p = (((1.388239569e-3F * r + 8.367180834e-3F) * r + 0.04166722127F) * r + 0.1666653868F) * r + 0.4999999804F;
  return p * r * r + r;
}
// 2^n for -126 <= n <= 127.
template <class F>
inline F power_of_two(Integer<F> n) {
  return from_bits<F>((n + 127) << 23);
}

template <class F>
inline F exp(F x) {
  const F low = x < -104.0F ? -104.0F : x;
  const F clamped = low > 89.0F ? 89.0F : low;
  const ExponentParts<F> parts = split_exponent(clamped);
  const Integer<F> half = parts.n >> 1;
  // Scaled by two factors, because a single one would overflow before the result does.
  return (expm1_reduced(parts.r) + 1.0F) * power_of_two<F>(half) * power_of_two<F>(parts.n - half);
}

/// exp(x) for x <= 0; results that a float could only represent as denormals are flushed to zero.
template <class F>
inline F exp_of_negative(F x) {
  const F clamped = x < -87.0F ? -87.0F : x;
  const ExponentParts<F> parts = split_exponent(clamped);
  const F y = (expm1_reduced(parts.r) + 1.0F) * power_of_two<F>(parts.n);
  return x < -87.0F ? y * 0.0F : y;
}

inline float expm1(float x) {
  const float low = x < -20.0F ? -20.0F : x;
  const ExponentParts<float> parts = split_exponent(low > 89.0F ? 89.0F : low);
  const float scale = power_of_two<float>(parts.n - 1);
  return (expm1_reduced(parts.r) * scale + (scale - 0.5F)) * 2.0F;
}

// x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2); `rest` is log(1 + f) - f.
struct LogarithmParts {
  float e;
  float f;
  float rest;
};
inline LogarithmParts split_logarithm(float x) {
  const int32_t bits = bits_of(x);
  const int32_t e = (bits - 0x3f3504f3) >> 23;
  const float f = from_bits<float>(bits - (e << 23)) - 1.0F;
  float p = -0.0763566042F * f + 0.1276332914F;
  p = p * f - 0.131605814F;
  p = p * f + 0.1420155277F;
  p = p * f - 0.1662329848F;
  p = p * f + 0.200012334F;
  p = p * f - 0.2500082271F;
  p = p * f + 0.3333333166F;
  return {static_cast<float>(e), f, (p * f - 0.5F) * f * f};
}
// The result of any logarithm: y for positive finite x, and the special cases otherwise.
inline float logarithm_cases(float x, float y) {
  const float beside = x == 0.0F ? -infinity : __builtin_nanf("");
  return x > 0.0F ? (x < infinity ? y : x) : beside;
}
inline float log(float x) {
  const LogarithmParts parts = split_logarithm(x);
  return logarithm_cases(x, (parts.rest + parts.e * 1.42860677e-6F) + parts.f + parts.e * 0.693145752F);
}
inline float log2(float x) {
  const LogarithmParts parts = split_logarithm(x);
  return logarithm_cases(x, (parts.rest + parts.f) * 1.44269504F + parts.e);
}
inline float log10(float x) {
  const LogarithmParts parts = split_logarithm(x);
  return logarithm_cases(x, (parts.rest + parts.f) * 0.434294482F + parts.e * 0.301029996F);
}
inline float log1p(float x) {
  const float u = 1.0F + x;
  const float y = log(u);
  // What rounding 1 + x takes from the logarithm, to first order.
  const float lost = (x - (u - 1.0F)) / u;
  return u > 0.0F && u < infinity ? y + lost : y;
}

// x = n pi / 2 + r with |r| <= pi / 4, and n modulo 4. Computed in double, where n times the first part of pi / 2 is
// exact for |x| up to 2^20. These functions do not handle larger angles (see `usual_loop`).
struct AngleParts {
  float r;
  float quadrant;
};
inline AngleParts split_angle(float x) {
  constexpr double double_rounder = 0x1.8p52;
  const double wide = x;
  const double n = (wide * 0.63661977236758134308 + double_rounder) - double_rounder;
  const auto r = static_cast<float>((wide - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11);
  return {r, static_cast<float>(n - 4.0 * __builtin_floor(n * 0.25))};
}
// Sine and cosine for |r| <= pi / 4.
inline float sin_reduced(float r) {
  const float z = r * r;
  return ((-1.951463188e-4F * z + 8.332156054e-3F) * z - 0.1666665454F) * z * r + r;
}
inline float cos_reduced(float r) {
  const float z = r * r;
  return ((2.44324131e-5F * z - 1.388730987e-3F) * z + 0.04166664555F) * z * z + (1.0F - 0.5F * z);
}
inline float sin(float x) {
  const AngleParts parts = split_angle(x);
  const bool swapped = parts.quadrant == 1.0F || parts.quadrant == 3.0F;
  const float y = swapped ? cos_reduced(parts.r) : sin_reduced(parts.r);
  return parts.quadrant >= 2.0F ? -y : y;
}
inline float cos(float x) {
  const AngleParts parts = split_angle(x);
  const bool swapped = parts.quadrant == 1.0F || parts.quadrant == 3.0F;
  const float y = swapped ? sin_reduced(parts.r) : cos_reduced(parts.r);
  return parts.quadrant == 1.0F || parts.quadrant == 2.0F ? -y : y;
}
inline float tan(float x) {
  const AngleParts parts = split_angle(x);
  const bool swapped = parts.quadrant == 1.0F || parts.quadrant == 3.0F;
  const float s = sin_reduced(parts.r);
  const float c = cos_reduced(parts.r);
  return swapped ? -c / s : s / c;
}

constexpr float half_pi = 1.57079637F;
constexpr float half_pi_rest = -4.37113883e-8F;

// For 0 <= t <= 1.
inline float atan_reduced(float t) {
  const float z = t * t;
  float p = -1.793629657e-3F * z + 0.01091463779F;
  p = p * z - 0.03117789865F;
  p = p * z + 0.05795763931F;
  p = p * z - 0.08403452563F;
  p = p * z + 0.1095218639F;
  p = p * z - 0.1426424177F;
  p = p * z + 0.1999854829F;
  p = p * z - 0.3333329909F;
  return p * z * t + t;
}
inline float atan(float x) {
  const float a = magnitude(x);
  const bool steep = a > 1.0F;
  const float y = atan_reduced(steep ? 1.0F / a : a);
  return with_sign_of(steep ? half_pi - (y - half_pi_rest) : y, x);
}
inline float atan2(float y, float x) {
  const float ay = magnitude(y);
  const float ax = magnitude(x);
  const bool steep = ay > ax;
  const float large = steep ? ay : ax;
  const float small = steep ? ax : ay;
  const float ratio = large == 0.0F ? 0.0F : (small == infinity ? 1.0F : small / large);
  const float first = atan_reduced(ratio);
  const float upper = steep ? half_pi - (first - half_pi_rest) : first;
  const float angle = bits_of(x) < 0 ? 2.0F * half_pi - (upper - 2.0F * half_pi_rest) : upper;
  return x != x || y != y ? x + y : with_sign_of(angle, y);
}

// asin(a) for a <= 1/2, and asin(sqrt((1 - a) / 2)) for larger a; a >= 0.
inline float asin_reduced(float a) {
  const bool large = a > 0.5F;
  const float z = large ? (1.0F - a) * 0.5F : a * a;
  const float s = large ? __builtin_sqrtf(z) : a;
  float p = 0.04216630715F * z + 0.02417951427F;
  p = p * z + 0.0454703764F;
  p = p * z + 0.07495297635F;
  p = p * z + 0.1666675248F;
  return p * z * s + s;
}
inline float asin(float x) {
  const float a = magnitude(x);
  const float y = asin_reduced(a);
  return with_sign_of(a > 0.5F ? half_pi - (2.0F * y - half_pi_rest) : y, x);
}
inline float acos(float x) {
  const float a = magnitude(x);
  const float y = asin_reduced(a);
  const float outer = x < 0.0F ? 2.0F * half_pi - (2.0F * y - 2.0F * half_pi_rest) : 2.0F * y;
  return a > 0.5F ? outer : half_pi - (with_sign_of(y, x) - half_pi_rest);
}

inline float sinh(float x) {
  const float a = magnitude(x);
  const float e = expm1(a);
  const float half = exp(a * 0.5F);
  // Above 20 the second exponential is lost to rounding anyway, and exp(a) could overflow before half of it does.
  return with_sign_of(a > 20.0F ? (half * 0.5F) * half : 0.5F * (e + e / (e + 1.0F)), x);
}
inline float cosh(float x) {
  const float half = exp(magnitude(x) * 0.5F);
  return (half * 0.5F) * half + 0.5F / (half * half);
}
inline float tanh(float x) {
  const float twice = 2.0F * magnitude(x);
  const float e = expm1(twice > 40.0F ? 40.0F : twice);
  return with_sign_of(e / (e + 2.0F), x);
}
inline float erf(float x) {
  const float a = magnitude(x);
  const float z = a * a;
  float p = 7.853862657e-5F * z - 8.010194033e-4F;
  p = p * z + 5.188327733e-3F;
  p = p * z - 0.02685381196F;
  p = p * z + 0.1128358515F;
  p = p * z - 0.3761262582F;
  p = p * z + 1.128379166F;
  // The logarithm of erfc, for 1 <= a <= 4.
  const float t = a > 4.0F ? 4.0F : a;
  float q = 1.879714836e-4F * t - 2.964004268e-3F;
  q = q * t + 0.02190646964F;
  q = q * t - 0.1032561906F;
  q = q * t - 0.6379650107F;
  q = q * t - 1.127202271F;
  q = q * t - 3.124710498e-4F;
  return with_sign_of(a < 1.0F ? p * a : 1.0F - exp_of_negative(q), x);
}
inline float sigmoid(float x) { return 1.0F / (1.0F + exp(-x)); }
inline float softplus(float x) { return (x > 0.0F ? x : 0.0F) + log1p(exp(-magnitude(x))); }

inline float floor(float x) { return __builtin_floorf(x); }
inline float ceil(float x) { return __builtin_ceilf(x); }
inline float trunc(float x) { return __builtin_truncf(x); }
inline float round(float x) { return __builtin_rintf(x); }
inline float sqrt(float x) { return __builtin_sqrtf(x); }

// 2^(b log2 a), with the logarithm in double because its error is multiplied by b.
inline float power_of_positive(float a, float b) {
  const int32_t bits = bits_of(a);
  const int32_t e = (bits - 0x3f3504f3) >> 23;
  const double mantissa = from_bits<float>(bits - (e << 23));
  const double s = (mantissa - 1.0) / (mantissa + 1.0);
  const double z = s * s;
  double p = z * (1.0 / 13.0) + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  p = p * z + 1.0;
  const double exact = (s * p * 2.8853900817779268147 + static_cast<double>(e)) * static_cast<double>(b);
  const double low = exact < -200.0 ? -200.0 : exact;
  const double y = low > 200.0 ? 200.0 : low;
  const double n = (y + 0x1.8p52) - 0x1.8p52;
  const auto r = static_cast<float>(y - n);
  float q = 1.547630416e-4F * r + 1.340026958e-3F;
  q = q * r + 9.618003876e-3F;
  q = q * r + 0.05550327792F;
  q = q * r + 0.2402265135F;
  q = q * r + 0.6931472062F;
  const auto whole = static_cast<int32_t>(n);
  const int32_t half = whole >> 1;
  return (q * r + 1.0F) * power_of_two<float>(half) * power_of_two<float>(whole - half);
}
inline float pow(float a, float b) {
  // Bitwise operators, because GCC does not vectorise short-circuit expressions as long as these.
  const float size = magnitude(a);
  const bool whole = __builtin_truncf(b) == b;
  // Halving the smallest number flushes it to zero, which is even.
  const bool even = whole & (__builtin_truncf(b * 0.5F) == b * 0.5F);
  const bool at_limit = (size == 0.0F) | (size == infinity);
  const float limit = (b < 0.0F) == (size == 0.0F) ? infinity : 0.0F;
  const float finite = size == 1.0F ? 1.0F : power_of_positive(size, b);
  const float positive = at_limit ? limit : finite;
  const float odd = whole ? with_sign_of(positive, a) : __builtin_nanf("");
  const float negative = even | (at_limit & !whole) ? positive : odd;
  const float number = bits_of(a) < 0 ? negative : positive;
  const float result = (a != a) | (b != b) ? a + b : number;
  return (b == 0.0F) | (a == 1.0F) ? 1.0F : result;
}

// These call the C library, one element at a time. In threads that treat subnormal numbers as 0, some of its functions
// mistake them for other numbers, so `flushed` passes a 0 instead.
inline double flushed(double x) { return x == 0.0 ? __builtin_copysign(0.0, x) : x; }
inline double floor(double x) { return __builtin_floor(x); }
inline double ceil(double x) { return __builtin_ceil(x); }
inline double trunc(double x) { return __builtin_trunc(x); }
inline double round(double x) { return __builtin_rint(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
// Without branches, so that loops over it vectorise: as the one of floats, with the digits of a double.
inline double exp(double x) {
  const double low = x < -746.0 ? -746.0 : x;
  const double clamped = low > 710.0 ? 710.0 : low;
  const double shifted = clamped * 1.4426950408889634 + 0x1.8p52;
  const double n = shifted - 0x1.8p52;
  const double r = (clamped - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
  // The series of (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2.
  double p = 1.0 / 87178291200.0;
  p = p * r + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  const double y = 1.0 + (r + r * r * p);
  // Scaled by two factors, because a single one would overflow before the result does. The low bits of the shifted
  // numbers are integers, which are added to the exponent of 1.
  const double shifted_half = n * 0.5 + 0x1.8p52;
  const double shifted_rest = n - (shifted_half - 0x1.8p52) + 0x1.8p52;
  const auto power_of = [](double integer) {
    return __builtin_bit_cast(double, (__builtin_bit_cast(uint64_t, integer) << 52) + 0x3ff0000000000000U);
  };
  return y * power_of(shifted_half) * power_of(shifted_rest);
}
inline double expm1(double x) { return __builtin_expm1(x); }
inline double log1p(double x) { return __builtin_log1p(x); }
inline double log(double x) { return x == 0.0 ? -static_cast<double>(infinity) : __builtin_log(x); }
inline double log2(double x) { return x == 0.0 ? -static_cast<double>(infinity) : __builtin_log2(x); }
inline double log10(double x) { return x == 0.0 ? -static_cast<double>(infinity) : __builtin_log10(x); }
inline double sin(double x) { return __builtin_sin(x); }
inline double cos(double x) { return __builtin_cos(x); }
inline double tan(double x) { return __builtin_tan(x); }
inline double asin(double x) { return __builtin_asin(x); }
inline double acos(double x) { return __builtin_acos(x); }
inline double atan(double x) { return __builtin_atan(x); }
inline double atan2(double y, double x) { return __builtin_atan2(flushed(y), flushed(x)); }
inline double sinh(double x) { return __builtin_sinh(x); }
inline double cosh(double x) { return __builtin_cosh(x); }
inline double tanh(double x) { return __builtin_tanh(x); }
inline double erf(double x) { return __builtin_erf(x); }
inline double pow(double a, double b) { return __builtin_pow(flushed(a), flushed(b)); }
inline double exp_of_negative(double x) { return __builtin_exp(x); }
inline double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
inline double softplus(double x) { return (x > 0.0 ? x : 0.0) + log1p(exp(-__builtin_fabs(x))); }

}  // namespace m

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
