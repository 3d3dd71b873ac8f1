// Activation functions and their slopes, without branches, so that loops over them vectorise.
#pragma once

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

namespace m {

// exp(-x^2 / 2), and the normal distribution's probability of less than -|x|, which is the same exponential times a
// polynomial of 1 / (1 + 0.45 |x|).
struct NormalParts {
  float exponential;
  float tail;
};
inline NormalParts normal_parts(float x) {
  const float t = 1.0F / (magnitude(x) * 0.45F + 1.0F);
  float p = 0.03365756139F * t - 0.2014617173F;
  p = p * t + 0.483474043F;
  p = p * t - 0.5438933565F;
  p = p * t + 0.2118763028F;
  p = p * t + 0.003469286271F;
  p = p * t + 0.1549091344F;
  p = p * t + 0.1783997289F;
  p = p * t + 0.1795690052F;
  const float exponential = exp_of_negative(x * x * -0.5F);
  return {exponential, p * t * exponential};
}
inline float gelu(float x) {
  const float tail = normal_parts(x).tail;
  return x * (x > 0.0F ? 1.0F - tail : tail);
}
inline float gelu_slope(float x) {
  // Beyond 14 the slope is constant.
  const float low = x < -14.0F ? -14.0F : x;
  const float near = low > 14.0F ? 14.0F : low;
  const NormalParts parts = normal_parts(near);
  return (x > 0.0F ? 1.0F - parts.tail : parts.tail) + near * parts.exponential * 0.398942280F;
}
inline double gelu(double x) { return x * 0.5 * (1.0 + erf(x * 0.70710678118654752440)); }
inline double gelu_slope(double x) {
  const double low = x < -40.0 ? -40.0 : x;
  const double near = low > 40.0 ? 40.0 : low;
  return 0.5 * (1.0 + erf(near * 0.70710678118654752440)) + near * exp(near * near * -0.5) * 0.39894228040143267794;
}

inline double magnitude(double x) { return __builtin_fabs(x); }

// The logistic function of v, and its derivative. exp(-|v|) neither overflows nor cancels.
template <class T>
struct LogisticParts {
  T value;
  T derivative;
};
template <class T>
inline LogisticParts<T> logistic_parts(T v) {
  const T e = exp_of_negative(-magnitude(v));
  const T r = 1 / (1 + e);
  return {v > 0 ? r : e * r, e * r * r};
}
template <class T>
inline T silu_slope(T x) {
  // Infinities would not leave a derivative that is 0 at 0.
  const T low = x < T(-800) ? T(-800) : x;
  const LogisticParts<T> parts = logistic_parts(x);
  return parts.value + (low > T(800) ? T(800) : low) * parts.derivative;
}
template <class T>
inline T gelu_tanh_slope(T x) {
  // Beyond 20 the slope is constant, and its square might be infinite.
  const T low = x < T(-20) ? T(-20) : x;
  const T near = low > T(20) ? T(20) : low;
  const T squared = near * near;
  const T scale = T(1.59576912160573071176);
  const LogisticParts<T> parts = logistic_parts(scale * (near + T(0.044715) * near * squared));
  return parts.value + near * parts.derivative * scale * (T(3 * 0.044715) * squared + 1);
}

}  // namespace m

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
