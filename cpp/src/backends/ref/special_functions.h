// Special functions that the standard library lacks, by their definitions.
#pragma once

#include <cmath>
#include <limits>

namespace pydl::backends::ref::special {

inline double lgamma(double x) { return std::lgamma(x); }

/// Newton's method with the error of the complement, which keeps its digits where erf is near 1.
inline double erfinv(double x) {
  const double a = std::fabs(x);
  if (!(a < 1)) return a == 1 ? x * std::numeric_limits<double>::infinity() : std::nan("");
  // An approximation (Winitzki, 2008) to begin with.
  const double logarithm = std::log((1 - a) * (1 + a));
  const double term = 2 / (3.14159265358979323846 * 0.147) + logarithm / 2;
  double y = std::sqrt(std::sqrt(term * term - logarithm / 0.147) - term);
  for (int i = 0; i < 6; ++i) {
    const double excess = a < 0.5 ? std::erf(y) - a : (1 - a) - std::erfc(y);
    const double step = excess * std::sqrt(3.14159265358979323846) / 2 * std::exp(y * y);
    y -= step / (1 + y * step);
  }
  return std::copysign(y, x);
}

/// The sum of (x + k)^-s, k = 0, 1, ...; the terms that are left out are an integral, with two corrections.
inline double hurwitz_zeta(double s, double x) {
  double sum = 0;
  for (int k = 0; k < 200; ++k, x += 1) sum += std::pow(x, -s);
  const double power = std::pow(x, -s);
  return sum + power * x / (s - 1) + power / 2 + s * power / x / 12 - s * (s + 1) * (s + 2) * power / x / x / x / 720;
}

inline double digamma(double x) {
  if (x == 0) return std::copysign(std::numeric_limits<double>::infinity(), -x);
  if (x == std::numeric_limits<double>::infinity()) return x;
  const double rest = x - std::nearbyint(x);
  if (x < 0 && !(rest != 0)) return std::nan("");
  if (x < 0) return digamma(1 - x) - 3.14159265358979323846 / std::tan(3.14159265358979323846 * rest);
  double sum = 0;
  for (; x < 200; x += 1) sum += 1 / x;
  return std::log(x) - 1 / (2 * x) - 1 / (12 * x * x) + 1 / (120 * x * x * x * x) - sum;
}

inline double polygamma(double n, double x) {
  if (!(n >= 0 && n <= 170 && std::trunc(n) == n && x == x)) return std::nan("");
  if (n == 0) return digamma(x);
  const double sign = std::fmod(n, 2) == 0 ? -1 : 1;
  const double rest = x - std::nearbyint(x);
  double zeta = std::numeric_limits<double>::infinity();
  if (x > 0) {
    zeta = x < zeta ? hurwitz_zeta(n + 1, x) : 0;
  } else if (rest != 0) {
    const double above = rest > 0 ? rest : 1 + rest;
    const double below = rest < 0 ? -rest : 1 - rest;
    zeta = hurwitz_zeta(n + 1, above) + sign * (hurwitz_zeta(n + 1, below) - hurwitz_zeta(n + 1, 1 - x));
  }
  return sign * std::tgamma(n + 1) * zeta;
}

}  // namespace pydl::backends::ref::special
