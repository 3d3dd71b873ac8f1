// Logarithm, sine and cosine of numbers that random variates are made of. They have no branches, so that loops over
// them are compiled to vector instructions, and use only operations that are rounded exactly, so that kernels of every
// instruction set give the same numbers. Without inline functions that files could share, because kernels include this
// header, too. The polynomials interpolate at Chebyshev points; errors are below two units in the last position.
#pragma once

#include <cstdint>

namespace pydl::runtime {

namespace {

/// Of a positive number that is not subnormal.
[[maybe_unused]] inline double log_of_positive(double x) {
  // x = 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2). Adding 1024 keeps the exponent positive.
  constexpr uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
  constexpr uint64_t two_to_52 = 0x4330000000000000;
  const auto bits = __builtin_bit_cast(uint64_t, x);
  const uint64_t raised = (bits - sqrt_half + (uint64_t{1024} << 52)) >> 52;
  const double e = __builtin_bit_cast(double, raised | two_to_52) - (0x1p52 + 1024.0);
  const double f = __builtin_bit_cast(double, bits - ((raised - 1024) << 52)) - 1.0;
  // log(1 + f) = 2 atanh(s), where 2 s = f - s f.
  const double s = f / (2.0 + f);
  const double z = s * s;
  double p = 0.14616585424888623 * z + 0.15331710618210773;
  p = p * z + 0.18182889455674947;
  p = p * z + 0.22222211130259878;
  p = p * z + 0.2857142862600327;
  p = p * z + 0.39999999999899444;
  p = p * z + 0.666666666666667;
  const double half_square = 0.5 * f * f;
  // The first part of log(2) has few digits, so that its product with e is exact.
  const double rest = s * (half_square + p * z) + e * 1.9082149292705877e-10;
  return (f + (rest - half_square)) + e * 0.6931471803691238;
}

/// Sine and cosine of an angle.
struct Direction {
  double sine;
  double cosine;
};

/// For angles of -1/2 to 1/2 quarter turns.
[[maybe_unused]] inline Direction direction_near_zero(double quarters) {
  const double angle = quarters * 1.5707963267948966;
  const double z = angle * angle;
  double s = -7.586691094197958e-13 * z + 1.6058531516797758e-10;
  s = s * z - 2.5052106231802837e-08;
  s = s * z + 2.7557319219337312e-06;
  s = s * z - 0.00019841269841265063;
  s = s * z + 0.008333333333333331;
  s = s * z - 0.16666666666666666;
  double c = -1.1382623647474604e-11 * z + 2.087614614655861e-09;
  c = c * z - 2.7557317271145144e-07;
  c = c * z + 2.480158729876456e-05;
  c = c * z - 0.0013888888888887398;
  c = c * z + 0.041666666666666664;
  return {s * z * angle + angle, c * z * z + (1.0 - 0.5 * z)};
}

/// For angles of 0 to 4 quarter turns.
[[maybe_unused]] inline Direction direction(double quarters) {
  // Adding this number rounds to an integer.
  constexpr double rounder = 0x1.8p52;
  const double whole = (quarters + rounder) - rounder;
  const Direction near = direction_near_zero(quarters - whole);
  const bool odd = (whole == 1.0) | (whole == 3.0);
  const double cosine = odd ? near.sine : near.cosine;
  const double sine = odd ? near.cosine : near.sine;
  return {(whole == 2.0) | (whole == 3.0) ? -sine : sine, (whole == 1.0) | (whole == 2.0) ? -cosine : cosine};
}

/// A standard normal number of two that are uniform in [0, 1) (Box and Muller, 1958).
[[maybe_unused]] inline double normal_of_units(double first, double second) {
  return __builtin_sqrt(-2.0 * log_of_positive(1.0 - first)) * direction(4.0 * second).cosine;
}

/// Standard numbers of a distribution, of a number u that is uniform in [0, 1) and has 53 bits, so that 1 - u is exact.
[[maybe_unused]] inline double exponential_of_unit(double u) { return -log_of_positive(1.0 - u); }

/// A number of [0, 1) moved to (-1/2, 1/2), symmetrically.
[[maybe_unused]] inline double centred(double u) { return (u - 0.5) + 0x1p-54; }

[[maybe_unused]] inline double laplace_of_unit(double u) {
  const double c = centred(u);
  const double y = log_of_positive(1.0 - 2.0 * __builtin_fabs(c));
  return c < 0.0 ? y : -y;
}
[[maybe_unused]] inline double gumbel_of_unit(double u) {
  const double wait = exponential_of_unit(u);
  return -log_of_positive(wait > 0x1p-54 ? wait : 0x1p-54);
}
[[maybe_unused]] inline double cauchy_of_unit(double u) {
  constexpr double rounder = 0x1.8p52;
  const double quarters = 2.0 * centred(u);
  const double whole = (quarters + rounder) - rounder;
  const Direction near = direction_near_zero(quarters - whole);
  return whole == 0.0 ? near.sine / near.cosine : -near.cosine / near.sine;
}

}  // namespace

}  // namespace pydl::runtime
