// Householder reflections.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace pydl::cpu {

inline double dot(const double* a, const double* b, int64_t count) {
  double sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int64_t lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

inline void add_scaled(double* to, double factor, const double* from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

// The reflection I - tau v t(v) that maps x to (first, 0, 0, ...). v, whose first element is 1, replaces x.
struct Reflection {
  double tau;
  double first;
};

inline Reflection reflect(double* x, int64_t count) {
  // A scale at which squares are in range. Infinities and NaN are in it, too.
  double rest = 0;
  for (int64_t i = 1; i < count; ++i) rest += std::abs(x[i]);
  const double given = x[0];
  x[0] = 1;
  if (rest == 0) return {0, given};
  double sum = 0;
  for (int64_t i = 1; i < count; ++i) sum += (x[i] / rest) * (x[i] / rest);
  const double first = -std::copysign(std::hypot(given, rest * std::sqrt(sum)), given);
  for (int64_t i = 1; i < count; ++i) x[i] /= given - first;
  return {(first - given) / first, first};
}

}  // namespace pydl::cpu
