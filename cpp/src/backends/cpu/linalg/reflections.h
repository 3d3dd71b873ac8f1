// Householder reflections.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "backends/cpu/linalg/kernel_table.h"

namespace pydl::cpu {

// The reflection I - tau v t(v) that maps x to (first, 0, 0, ...). v, whose first element is 1, replaces x.
struct Reflection {
  double tau;
  double first;
};

// For numbers whose squares are out of range. Infinities and NaN pass through.
template <class T>
Reflection reflect_scaled(T* x, int64_t count) {
  double rest = 0;
  for (int64_t i = 1; i < count; ++i) rest += std::abs(static_cast<double>(x[i]));
  const auto given = static_cast<double>(x[0]);
  x[0] = 1;
  if (rest == 0) return {0, given};
  double sum = 0;
  for (int64_t i = 1; i < count; ++i) sum += (x[i] / rest) * (x[i] / rest);
  const double first = -std::copysign(std::hypot(given, rest * std::sqrt(sum)), given);
  for (int64_t i = 1; i < count; ++i) x[i] = static_cast<T>(x[i] / (given - first));
  return {(first - given) / first, first};
}

inline bool has_usual_square(double square) { return square > 1e-250 && square < 1e250; }

template <class T>
Reflection reflect(T* x, int64_t count) {
  const SpectralKernels<T>& inner = spectral_kernels<T>();
  const double rest = inner.dot(x + 1, x + 1, count - 1);
  const auto given = static_cast<double>(x[0]);
  const double square = given * given + rest;
  if (!has_usual_square(rest) || !has_usual_square(square)) return reflect_scaled(x, count);
  const double first = -std::copysign(std::sqrt(square), given);
  inner.scale(x + 1, 1 / (given - first), count - 1);
  x[0] = 1;
  return {(first - given) / first, first};
}

// The same with the last element in place of the first.
template <class T>
Reflection reflect_to_last(T* x, int64_t count) {
  const SpectralKernels<T>& inner = spectral_kernels<T>();
  const double rest = inner.dot(x, x, count - 1);
  const auto given = static_cast<double>(x[count - 1]);
  const double square = given * given + rest;
  if (!has_usual_square(rest) || !has_usual_square(square)) {
    std::reverse(x, x + count);
    const Reflection reflection = reflect_scaled(x, count);
    std::reverse(x, x + count);
    return reflection;
  }
  const double first = -std::copysign(std::sqrt(square), given);
  inner.scale(x, 1 / (given - first), count - 1);
  x[count - 1] = 1;
  return {(first - given) / first, first};
}

}  // namespace pydl::cpu
