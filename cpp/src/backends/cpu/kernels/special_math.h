// Functions beyond vector_math.h: inverse hyperbolic, error and gamma functions. For float, formulas that would lose
// digits are computed in double, without branches and calls, so that loops over them vectorise; their errors are then
// below one unit in the last position of a float.
#pragma once

#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

namespace m {

constexpr double pi = 3.14159265358979323846;
constexpr double ln2 = 0.69314718055994530942;

inline double wide_from_bits(uint64_t bits) { return __builtin_bit_cast(double, bits); }
inline uint64_t wide_bits(double x) { return __builtin_bit_cast(uint64_t, x); }
inline float not_a_number() { return __builtin_nanf(""); }

// c[0] + c[1] x + c[2] x^2 + ...
template <int count>
inline double polynomial(const double (&c)[count], double x) {
  double y = c[count - 1];
#pragma GCC unroll 32
  for (int i = count - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}

// log(x) of a normal, positive, finite x, for floats: without the digits that only a double has.
inline double wide_log(double x) {
  const uint64_t bits = wide_bits(x);
  // An integer below 2^52 in the low bits of this number is added to it.
  const double exponent = wide_from_bits((bits >> 52) | 0x4330000000000000U) - (0x1p52 + 1023.0);
  const double mantissa = wide_from_bits((bits & 0x000fffffffffffffU) | 0x3ff0000000000000U);
  const bool large = mantissa > 1.4142135623730951;
  const double reduced = large ? mantissa * 0.5 : mantissa;
  const double e = large ? exponent + 1.0 : exponent;
  const double s = (reduced - 1.0) / (reduced + 1.0);
  const double z = s * s;
  constexpr double terms[] = {1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17};
  return e * ln2 + 2.0 * s * (1.0 + z * polynomial(terms, z));
}
// log(1 + u) for u > -1.
inline double wide_log1p(double u) {
  const double y = 1.0 + u;
  return wide_log(y) + (u - (y - 1.0)) / y;
}
// exp(x) for x <= 700, also NaN; below -700 it is that of -700, which is 0 as a float.
inline double wide_exp(double x) {
  const double low = x < -700.0 ? -700.0 : x;
  const double shifted = low * 1.4426950408889634 + 0x1.8p52;
  const double n = shifted - 0x1.8p52;
  const double r = low - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10;
  constexpr double terms[] = {1.0,       1.0,        1.0 / 2,     1.0 / 6,      1.0 / 24,     1.0 / 120,
                              1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800};
  const double scale = wide_from_bits((wide_bits(shifted) << 52) + 0x3ff0000000000000U);
  return polynomial(terms, r) * scale;
}

// --- exponential and inverse hyperbolic functions ----------------------------------------------------------------

inline float exp2(float x) {
  const float low = x < -150.0F ? -150.0F : x;
  const float clamped = low > 129.0F ? 129.0F : low;
  const float shifted = clamped + rounder;
  const float r = (clamped - (shifted - rounder)) * 0.693147182F;
  const int32_t n = bits_of(shifted) - rounder_bits;
  const int32_t half = n >> 1;
  return (expm1_reduced(r) + 1.0F) * power_of_two<float>(half) * power_of_two<float>(n - half);
}
inline double exp2(double x) { return __builtin_exp2(x); }

inline float asinh(float x) {
  const double a = magnitude(x);
  const double finite = a > 4e38 ? 0.0 : a;
  const double y = wide_log1p(finite + finite * finite / (1.0 + __builtin_sqrt(1.0 + finite * finite)));
  return with_sign_of(a > 4e38 ? infinity : static_cast<float>(y), x);
}
inline double asinh(double x) { return __builtin_asinh(x); }

inline float acosh(float x) {
  const double t = static_cast<double>(x) - 1.0;
  const bool inside = (t >= 0.0) & (t < 4e38);
  const double usual = inside ? t : 0.0;
  const auto y = static_cast<float>(wide_log1p(usual + __builtin_sqrt(usual * (usual + 2.0))));
  return inside ? y : (x > 1.0F ? x : not_a_number());
}
inline double acosh(double x) { return __builtin_acosh(x); }

inline float atanh(float x) {
  const double a = magnitude(x);
  const double usual = a < 1.0 ? a : 0.0;
  const auto y = static_cast<float>(0.5 * wide_log1p(2.0 * usual / (1.0 - usual)));
  return a < 1.0 ? with_sign_of(y, x) : (a == 1.0 ? with_sign_of(infinity, x) : not_a_number());
}
inline double atanh(double x) { return __builtin_atanh(x); }

// --- logarithms and sums of logarithms ---------------------------------------------------------------------------

inline float wide_log_of(float x) {
  const bool usual = (x > 0.0F) & (x < infinity);
  return logarithm_cases(x, static_cast<float>(wide_log(usual ? x : 1.0F)));
}

inline float logit(float x) {
  const bool inside = (x > 0.0F) & (x < 1.0F);
  const double p = inside ? x : 0.5F;
  const float edge = x == 0.0F ? -infinity : (x == 1.0F ? infinity : not_a_number());
  return inside ? static_cast<float>(wide_log(p / (1.0 - p))) : edge;
}
// Near 1/2 the quotient is near 1, and 2 x - 1 is exact.
inline double logit(double x) { return x > 0.25 && x < 0.75 ? log1p((2.0 * x - 1.0) / (1.0 - x)) : log(x / (1.0 - x)); }

inline float logaddexp(float a, float b) {
  const float larger = a > b ? a : b;
  const double difference = a == b ? 0.0 : static_cast<double>(a) - static_cast<double>(b);
  const double y = static_cast<double>(larger) + wide_log1p(wide_exp(-__builtin_fabs(difference)));
  return (a != a) | (b != b) ? a + b : static_cast<float>(y);
}
inline double logaddexp(double a, double b) {
  const double difference = a == b ? 0.0 : a - b;
  return a != a || b != b ? a + b : (a > b ? a : b) + log1p(exp(-__builtin_fabs(difference)));
}

inline float xlogy(float a, float b) { return (a == 0.0F) & (b == b) ? 0.0F : a * wide_log_of(b); }
inline double xlogy(double a, double b) { return a == 0.0 && b == b ? 0.0 : a * log(b); }

// --- error functions ---------------------------------------------------------------------------------------------

inline float erfc(float x) {
  const double a = magnitude(x);
  const double near = a > 11.0 ? 11.0 : a;
  const double t = 1.0 / (1.0 + 0.5 * near);
  // erfc(a) exp(a^2) / t around the middle of the values of t.
  constexpr double terms[] = {0.56701729477701755,   0.77540991863099188,   0.58605625274403986,  0.087638640645183886,
                              -0.20253347109559428,  -0.053518856743172094, 0.11385129948843482,  0.003067548501289573,
                              -0.074498204332591338, 0.033554801452544329,  0.035623884631275328, -0.047402869991164994,
                              0.0030026327192101034, 0.029862367870318582,  -0.017133887240877064};
  const double y = wide_exp(-near * near) * t * polynomial(terms, t - 0.57692307692307692308);
  return x != x ? x : static_cast<float>(x < 0.0F ? 2.0 - y : y);
}
inline double erfc(double x) { return __builtin_erfc(x); }

// The inverse of the normal distribution function (Wichura, 1988, algorithm AS 241), where p = (1 + x) / 2.
inline double erfinv_of_usual(double x, double logarithm_of_tail) {
  const double q = 0.5 * x;
  const double near = 0.180625 - q * q;
  constexpr double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                          1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                          3.3430575583588128105e4, 2.5090809287301226727e3};
  constexpr double b[] = {1.0,
                          4.2313330701600911252e1,
                          6.8718700749205790830e2,
                          5.3941960214247511077e3,
                          2.1213794301586595867e4,
                          3.9307895800092710610e4,
                          2.8729085735721942674e4,
                          5.2264952788528545610e3};
  constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                          3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                          2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double d[] = {1.0,
                          2.05319162663775882187e0,
                          1.67638483018380384940e0,
                          6.89767334985100004550e-1,
                          1.48103976427480074590e-1,
                          1.51986665636164571966e-2,
                          5.47593808499534494600e-4,
                          1.05075007164441684324e-9};
  constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                          2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                          2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double f[] = {1.0,
                          5.99832206555887937690e-1,
                          1.36929880922735805310e-1,
                          1.48753612908506148525e-2,
                          7.86869131145613259100e-4,
                          1.84631831751005468180e-5,
                          1.42151175831644588870e-7,
                          2.04426310338993978564e-15};
  const double r = __builtin_sqrt(-logarithm_of_tail);
  const bool central = near >= 0.0;
  const bool middle = r <= 5.0;
  const double s = r - (middle ? 1.6 : 5.0);
  const double tail = middle ? polynomial(c, s) / polynomial(d, s) : polynomial(e, s) / polynomial(f, s);
  const double quantile = central ? q * polynomial(a, near) / polynomial(b, near) : __builtin_copysign(tail, x);
  return quantile * 0.70710678118654752440;
}
// With the digits of a float: x times a function of w = -log(1 - x^2), whose polynomials are interpolated between
// Chebyshev's nodes.
inline float erfinv(float x) {
  const double a = magnitude(x);
  const bool inside = a < 1.0;
  const double usual = inside ? static_cast<double>(x) : 0.0;
  const double w = -wide_log((1.0 - usual) * (1.0 + usual));
  constexpr double near[] = {1.6536545627563555,      0.24015817863051125,    -0.0060336715866021384,
                             -0.00074069140519172113, 0.00018673533426106752, -1.3891928577049984e-05,
                             -1.3661197550278381e-06, 4.2693554329650321e-07, -2.889956394335277e-08,
                             -4.7476815183163455e-09, 1.0309429388325607e-09, 5.5000811826670801e-12,
                             -1.2383878629549643e-11};
  constexpr double far[] = {3.1341615322158272,     1.0057691286861665,      0.0048435932066025859,
                            -0.0032931071112732319, 0.0021033758004712537,   -0.0014180951360037845,
                            0.0008326763990243385,  -0.00034995897860841938, 4.6055899066013694e-05,
                            6.4076143733542566e-05, -3.594189898755817e-05};
  const double ratio = w < 6.25 ? polynomial(near, w - 3.125) : polynomial(far, __builtin_sqrt(w) - 3.3);
  return inside ? static_cast<float>(usual * ratio) : (a == 1.0 ? with_sign_of(infinity, x) : not_a_number());
}
// One step of Halley's method corrects the last digits.
inline double erfinv(double x) {
  const double a = __builtin_fabs(x);
  if (!(a < 1.0)) return a == 1.0 ? x * static_cast<double>(infinity) : __builtin_nan("");
  const double y = __builtin_fabs(erfinv_of_usual(x, __builtin_log(0.5 - 0.5 * a)));
  const double excess = a > 0.5 ? (1.0 - a) - __builtin_erfc(y) : __builtin_erf(y) - a;
  const double step = excess * 0.88622692545275801365 * __builtin_exp(y * y);
  return __builtin_copysign(y - step / (1.0 + y * step), x);
}

// --- gamma functions ---------------------------------------------------------------------------------------------

// For x > 0.
inline float lgamma(float x) {
  const double wide = x;
  const double finite = x < infinity ? wide : 4.0;
  const double logarithm = wide_log(finite);
  const double z = finite < 1.0 ? finite + 1.0 : finite;
  // Between 1 and 3: what remains of it when its zeros are divided out.
  constexpr double terms[] = {0.42278433509846714,    -0.10031730153001821,    0.032965000552131662,
                              -0.012384199088411982,  0.0049986444619814756,   -0.0021080354202493845,
                              0.00091533129637269563, -0.00040629521082443139, 0.00018283370421635631,
                              -8.1197536861007935e-5, 3.7261659239814129e-5,   -2.1069867673657714e-5,
                              9.8513177050791825e-6,  -4.8921460447012432e-7,  2.0345105471389777e-7,
                              -2.4494311160743121e-6, 1.1660443077717805e-6};
  const double near = z > 3.0 ? 3.0 : z;
  const double small = (near - 1.0) * (near - 2.0) * polynomial(terms, near - 2.0);
  const double inverse = 1.0 / finite;
  constexpr double series[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360};
  const double large =
      (finite - 0.5) * logarithm - finite + 0.91893853320467274178 + inverse * polynomial(series, inverse * inverse);
  const double y = z > 3.0 ? large : small + (finite < 1.0 ? -logarithm : 0.0);
  return x < infinity ? static_cast<float>(y) : x;
}
// The C library's, for all numbers.
inline double lgamma(double x) { return __builtin_lgamma(flushed(x)); }

constexpr double digamma_root = 1.4616321449683622;
constexpr double digamma_root_rest = 9.5499954299656977e-17;
constexpr double digamma_series[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                                     1.0 / 132, -691.0 / 32760, 1.0 / 12,  -3617.0 / 8160};

// For x > 0: an asymptotic series, from 8 on.
inline float digamma(float x) {
  const double wide = x < infinity ? x : 8.0F;
  const bool small = wide < 8.0;
  const double t = small ? wide + 8.0 : wide;
  const double w = 1.0 / (t * t);
  const double y = wide_log(t) - 0.5 / t - w * polynomial(digamma_series, w);
  // The sum of 1 / (x + k) for k = 0 .. 7, by pairs that are equally far from the middle.
  const double near = small ? wide : 1.0;
  const double q = near * (near + 7.0);
  const double sum =
      (2.0 * near + 7.0) * ((2.0 * q + 6.0) / (q * (q + 6.0)) + (2.0 * q + 22.0) / ((q + 10.0) * (q + 12.0)));
  return x < infinity ? static_cast<float>(small ? y - sum : y) : x;
}

// For x > 0. Between 1 and 2 the zero is divided out, so that values near it keep their digits.
inline double digamma_of_positive(double x) {
  constexpr double terms[] = {
      0.95105587603183288,    -0.4236274212814606,     0.24054248424078698,    -0.14840492305388091,
      0.094988724452890382,   -0.061922133275488312,   0.040760833940846083,   -0.026975796659787055,
      0.017907248317313296,   -0.011908220105959716,   0.007927021796868154,   -0.0052799372555327083,
      0.0035181065638024723,  -0.0023454947397380835,  0.0015633696313653505,  -0.0010364584817312838,
      0.00069092557612829864, -0.00048595039220036256, 0.00032395945401345198, -0.00014480643368061613,
      9.6536462614100617e-5,  -0.00017821885488559232, 0.00011881232908510335};
  if (x >= 10.0) {
    const double w = 1.0 / x / x;
    return __builtin_log(x) - 0.5 / x - w * polynomial(digamma_series, w);
  }
  double sum = 0.0;
  if (x < 1.0) {
    sum = -1.0 / x;
    x += 1.0;
  }
  for (; x > 2.0; sum += 1.0 / x) x -= 1.0;
  return ((x - digamma_root) - digamma_root_rest) * polynomial(terms, x - 1.5) + sum;
}
inline double digamma(double argument) {
  const double x = flushed(argument);
  if (x == 0.0) return __builtin_copysign(static_cast<double>(infinity), -x);
  if (x > 0.0) return x < static_cast<double>(infinity) ? digamma_of_positive(x) : x;
  const double rest = x - __builtin_rint(x);
  if (!(rest != 0.0)) return __builtin_nan("");
  return digamma_of_positive(1.0 - x) - pi / __builtin_tan(pi * rest);
}

// Hurwitz's zeta function, the sum of (x + k)^-s for k = 0, 1, ..., for whole s >= 2 and x > 0: terms up to a number
// where the formula of Euler and Maclaurin gives the rest.
inline double hurwitz_zeta(double s, double x) {
  double sum = 0.0;
  for (const double far = 10.0 + 0.5 * s; x < far; x += 1.0) {
    const double term = __builtin_pow(x, -s);
    sum += term;
    if (term <= sum * 1e-18) return sum;
  }
  const double power = __builtin_pow(x, -s);
  sum += power * x / (s - 1.0) + 0.5 * power;
  // Bernoulli's numbers B(2 j) divided by (2 j)!.
  constexpr double weights[] = {1.0 / 12,
                                -1.0 / 720,
                                1.0 / 30240,
                                -1.0 / 1209600,
                                1.0 / 47900160,
                                -691.0 / 1307674368000.0,
                                1.0 / 74724249600.0,
                                -3617.0 / 10670622842880000.0};
  double factor = power * s / x;
  for (int j = 0; j < 8; ++j) {
    sum += weights[j] * factor;
    factor *= (s + 2.0 * j + 1.0) * (s + 2.0 * j + 2.0) / (x * x);
  }
  return sum;
}
// Where x is negative, the terms are those on both sides of a pole. The factorial of a larger n would be infinite.
inline double polygamma(double n, double argument) {
  const double x = flushed(argument);
  if (!(n >= 0.0 && n <= 170.0 && __builtin_trunc(n) == n && x == x)) return __builtin_nan("");
  if (n == 0.0) return digamma(x);
  const bool odd = __builtin_fmod(n, 2.0) != 0.0;
  const double s = n + 1.0;
  const double rest = x - __builtin_rint(x);
  double zeta = static_cast<double>(infinity);
  if (x > 0.0) {
    zeta = x < zeta ? hurwitz_zeta(s, x) : 0.0;
  } else if (rest != 0.0) {
    const double below = rest < 0.0 ? -rest : 1.0 - rest;
    const double sign = odd ? 1.0 : -1.0;
    zeta = hurwitz_zeta(s, rest < 0.0 ? 1.0 + rest : rest) + sign * (hurwitz_zeta(s, below) - hurwitz_zeta(s, 1.0 - x));
  }
  return (odd ? 1.0 : -1.0) * __builtin_tgamma(s) * zeta;
}
// The derivative of digamma, for finite x > 0, with the digits of a float: an asymptotic series, from 8 on.
inline double trigamma(double x) {
  const bool small = x < 8.0;
  const double inverse = 1.0 / (small ? x + 8.0 : x);
  const double w = inverse * inverse;
  constexpr double series[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6};
  const double y = inverse + w * (0.5 + inverse * polynomial(series, w));
  // The sum of (x + k)^-2 for k = 0 .. 7, by pairs that are equally far from the middle, two of them over one divisor.
  const double near = small ? x : 1.0;
  const double q = near * (near + 7.0);
  const double s = (2.0 * near + 7.0) * (2.0 * near + 7.0);
  const double a = q * q;
  const double b = (q + 6.0) * (q + 6.0);
  const double c = (q + 10.0) * (q + 10.0);
  const double d = (q + 12.0) * (q + 12.0);
  const double first = ((s - 2.0 * q) * b + (s - 2.0 * q - 12.0) * a) / (a * b);
  const double second = ((s - 2.0 * q - 20.0) * d + (s - 2.0 * q - 24.0) * c) / (c * d);
  return small ? y + (first + second) : y;
}
inline float polygamma(float n, float x) {
  return static_cast<float>(polygamma(static_cast<double>(n), static_cast<double>(x)));
}

// --- others ------------------------------------------------------------------------------------------------------

inline float hypot(float a, float b) {
  const bool infinite = (magnitude(a) == infinity) | (magnitude(b) == infinity);
  const double wide_a = a;
  const double wide_b = b;
  return infinite ? infinity : static_cast<float>(__builtin_sqrt(wide_a * wide_a + wide_b * wide_b));
}
inline double hypot(double a, double b) { return __builtin_hypot(a, b); }

inline float copysign(float a, float b) { return with_sign_of(a, b); }
inline double copysign(double a, double b) { return __builtin_copysign(a, b); }
inline bool signbit(float x) { return bits_of(x) < 0; }
inline bool signbit(double x) { return static_cast<int64_t>(wide_bits(x)) < 0; }

// The distance to the nearest integer is exact, and so is the sine's zero at each of them.
inline float sinc(float x) {
  const double wide = x;
  const double whole = __builtin_rint(wide);
  const double r = pi * (wide - whole);
  const double z = r * r;
  constexpr double terms[] = {1.0,          -1.0 / 6,        1.0 / 120,          -1.0 / 5040,
                              1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800.0, -1.0 / 1307674368000.0};
  const double sine = r * polynomial(terms, z);
  const bool odd = whole - 2.0 * __builtin_floor(whole * 0.5) != 0.0;
  const double y = (odd ? -sine : sine) / (pi * wide);
  return x == 0.0F ? 1.0F : static_cast<float>(y);
}
inline double sinc(double x) {
  if (x == 0.0) return 1.0;
  const double whole = __builtin_rint(x);
  const double sine = __builtin_sin(pi * (x - whole));
  const bool odd = whole - 2.0 * __builtin_floor(whole * 0.5) != 0.0;
  return (odd ? -sine : sine) / (pi * x);
}

}  // namespace m

}  // namespace

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
