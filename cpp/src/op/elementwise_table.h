// The elementwise ops, one line each: kind, name, doc, formula. Everything else about them is derived from the line:
// shape and dtype rule, `ref` and `cpu` kernels, the public function, its binding and its documentation.
//
// Formulas refer to their operands as x (unary), a, b (binary) or a, b, c (ternary), all of one type T (float, double,
// int32_t or int64_t; 16-bit floats are computed in float, small integers in int32_t), and to `m`, the math functions
// of the provider (a namespace of functions overloaded for float and double). They must not contain branches with side
// effects, so that compilers can vectorise them.
//
// Kinds:
//   UNARY          any number -> same dtype                BINARY         two of one dtype -> same dtype
//   UNARY_FLOAT    floating -> same (integers: float32)    BINARY_FLOAT   likewise
//   UNARY_TEST     any -> bool                             COMPARE        any two of one dtype -> bool
//   UNARY_INTEGER  integer -> same dtype                   BINARY_INTEGER two integers of one dtype -> same dtype
//                                                          LOGICAL        two bools -> bool
//                                                          TERNARY_FLOAT  three floating of one dtype -> same dtype
#pragma once

// clang-format off
#define PYDL_ELEMENTWISE_TABLE(ROW)                                                                                    \
  ROW(UNARY, negative, "Numerical negative: -x.", -x)                                                                  \
  ROW(UNARY, abs, "Absolute value.", (x <= T(0) ? T(0) - x : x))                                                       \
  ROW(UNARY, sign, "-1, 0 or 1 by the sign of x.",                                                                     \
      (x > T(0) ? T(1) : (x < T(0) ? T(-1) : (x == T(0) ? T(0) : x))))                                                 \
  ROW(UNARY, square, "x * x.", x* x)                                                                                   \
  ROW(UNARY, relu, "Rectified linear unit: the larger of x and 0.", (x < T(0) ? T(0) : x))                             \
  ROW(UNARY, relu6, "The larger of x and 0, but at most 6 (Howard et al., 2017).",                                     \
      (x < T(0) ? T(0) : (x > T(6) ? T(6) : x)))                                                                       \
  ROW(UNARY, binary_step, "1 where x >= 0, else 0; its derivative is 0.", (x >= T(0) ? T(1) : T(0)))                   \
  ROW(UNARY_FLOAT, floor, "The largest integer not above x.", m::floor(x))                                             \
  ROW(UNARY_FLOAT, ceil, "The smallest integer not below x.", m::ceil(x))                                              \
  ROW(UNARY_FLOAT, round, "The nearest integer; halves go to the even one.", m::round(x))                              \
  ROW(UNARY_FLOAT, trunc, "x without its fraction.", m::trunc(x))                                                      \
  ROW(UNARY_FLOAT, reciprocal, "1 / x.", T(1) / x)                                                                     \
  ROW(UNARY_FLOAT, sqrt, "Square root.", m::sqrt(x))                                                                   \
  ROW(UNARY_FLOAT, rsqrt, "1 / sqrt(x).", T(1) / m::sqrt(x))                                                           \
  ROW(UNARY_FLOAT, exp, "e to the power x.", m::exp(x))                                                                \
  ROW(UNARY_FLOAT, expm1, "exp(x) - 1, exact for small x.", m::expm1(x))                                               \
  ROW(UNARY_FLOAT, log, "Natural logarithm.", m::log(x))                                                               \
  ROW(UNARY_FLOAT, log1p, "log(1 + x), exact for small x.", m::log1p(x))                                               \
  ROW(UNARY_FLOAT, log2, "Logarithm to base 2.", m::log2(x))                                                           \
  ROW(UNARY_FLOAT, log10, "Logarithm to base 10.", m::log10(x))                                                        \
  ROW(UNARY_FLOAT, sin, "Sine of x in radians.", m::sin(x))                                                            \
  ROW(UNARY_FLOAT, cos, "Cosine of x in radians.", m::cos(x))                                                          \
  ROW(UNARY_FLOAT, tan, "Tangent of x in radians.", m::tan(x))                                                         \
  ROW(UNARY_FLOAT, asin, "Inverse sine, in radians.", m::asin(x))                                                      \
  ROW(UNARY_FLOAT, acos, "Inverse cosine, in radians.", m::acos(x))                                                    \
  ROW(UNARY_FLOAT, atan, "Inverse tangent, in radians.", m::atan(x))                                                   \
  ROW(UNARY_FLOAT, sinh, "Hyperbolic sine.", m::sinh(x))                                                               \
  ROW(UNARY_FLOAT, cosh, "Hyperbolic cosine.", m::cosh(x))                                                             \
  ROW(UNARY_FLOAT, tanh, "Hyperbolic tangent.", m::tanh(x))                                                            \
  ROW(UNARY_FLOAT, erf, "Error function.", m::erf(x))                                                                  \
  ROW(UNARY_FLOAT, sigmoid, "Logistic function: 1 / (1 + exp(-x)).", m::sigmoid(x))                                    \
  ROW(UNARY_FLOAT, softplus, "log(1 + exp(x)), without overflow.", m::softplus(x))                                     \
  ROW(UNARY_FLOAT, silu, "Sigmoid-weighted linear unit, or swish: x * sigmoid(x).", x* m::sigmoid(x))                  \
  ROW(UNARY_FLOAT, gelu, "Gaussian error linear unit: x * Phi(x), Phi by the error function (Hendrycks and Gimpel, "   \
      "2016).", m::gelu(x))                                                                                            \
  ROW(UNARY_FLOAT, gelu_tanh, "Gaussian error linear unit, by the hyperbolic-tangent approximation.",                  \
      x* m::sigmoid(T(1.59576912160573071176) * (x + T(0.044715) * x * x * x)))                                        \
  ROW(UNARY_FLOAT, softsign, "x / (1 + |x|).", x / (T(1) + (x < T(0) ? -x : x)))                                       \
  ROW(UNARY_FLOAT, selu, "Scaled exponential linear unit (Klambauer et al., 2017).",                                   \
      T(1.0507009873554805) * (x > T(0) ? x : T(1.6732632423543772) * m::expm1(x)))                                    \
  ROW(UNARY_FLOAT, mish, "x * tanh(softplus(x)) (Misra, 2019).", x* m::tanh(m::softplus(x)))                           \
  ROW(UNARY_FLOAT, exp2, "2 to the power x.", m::exp2(x))                                                              \
  ROW(UNARY_FLOAT, asinh, "Inverse hyperbolic sine.", m::asinh(x))                                                     \
  ROW(UNARY_FLOAT, acosh, "Inverse hyperbolic cosine.", m::acosh(x))                                                   \
  ROW(UNARY_FLOAT, atanh, "Inverse hyperbolic tangent.", m::atanh(x))                                                  \
  ROW(UNARY_FLOAT, erfc, "Complementary error function: 1 - erf(x), exact for large x.", m::erfc(x))                   \
  ROW(UNARY_FLOAT, erfinv, "Inverse error function.", m::erfinv(x))                                                    \
  ROW(UNARY_FLOAT, lgamma, "Logarithm of the absolute value of the gamma function.", m::lgamma(x))                     \
  ROW(UNARY_FLOAT, digamma, "Derivative of the logarithm of the gamma function.", m::digamma(x))                       \
  ROW(UNARY_FLOAT, logit, "log(x / (1 - x)), the inverse of `sigmoid`.", m::logit(x))                                  \
  ROW(UNARY_FLOAT, sinc, "sin(pi x) / (pi x), 1 at 0.", m::sinc(x))                                                    \
  ROW(UNARY_FLOAT, frac, "The fraction of x, with its sign: x - trunc(x).", x - m::trunc(x))                           \
  ROW(UNARY_FLOAT, log_sigmoid, "Logarithm of `sigmoid`, without overflow.", -m::softplus(-x))                         \
  ROW(UNARY_FLOAT, hardsigmoid, "(x + 3) / 6, limited to [0, 1].",                                                     \
      (x <= T(-3) ? T(0) : (x >= T(3) ? T(1) : (x + T(3)) / T(6))))                                                    \
  ROW(UNARY_FLOAT, hardswish, "x * hardsigmoid(x) (Howard et al., 2019).",                                             \
      (x <= T(-3) ? T(0) : (x >= T(3) ? x : x * (x + T(3)) / T(6))))                                                   \
  ROW(UNARY_TEST, isnan, "Whether x is not a number.", x != x)                                                         \
  ROW(UNARY_TEST, isinf, "Whether x is infinite.", (x == x) && !((x - x) == (x - x)))                                  \
  ROW(UNARY_TEST, isfinite, "Whether x is neither infinite nor NaN.", (x - x) == (x - x))                              \
  ROW(UNARY_TEST, signbit, "Whether the sign of x is negative, as it is for -0.0.", m::signbit(x))                     \
  ROW(UNARY_TEST, logical_not, "Whether x is zero (false).", x == T(0))                                                \
  ROW(BINARY, add, "a + b.", a + b)                                                                                    \
  ROW(BINARY, subtract, "a - b.", a - b)                                                                               \
  ROW(BINARY, multiply, "a * b.", a* b)                                                                                \
  ROW(BINARY, maximum, "The larger; NaN wins.", ((a > b) || (a != a) ? a : b))                                         \
  ROW(BINARY, minimum, "The smaller; NaN wins.", ((a < b) || (a != a) ? a : b))                                        \
  ROW(BINARY, floor_divide, "floor(a / b); integer division by zero gives 0.", m::floor_divide(a, b))                  \
  ROW(BINARY, remainder, "a - floor(a / b) * b, with the sign of b; integer division by zero gives 0.",                \
      m::remainder(a, b))                                                                                              \
  ROW(BINARY, pow, "a to the power b; of integers, a negative power gives 0 unless |a| is 1.", m::pow(a, b))           \
  ROW(BINARY, fmod, "a - trunc(a / b) * b, with the sign of a; integer division by zero gives 0.", m::fmod(a, b))      \
  ROW(BINARY, heaviside, "0 where a is negative, 1 where it is positive, b where it is 0.",                            \
      (a < T(0) ? T(0) : (a > T(0) ? T(1) : (a == T(0) ? b : a))))                                                     \
  ROW(BINARY, relu_backward, "Gradient a where the output b of `relu` is positive or not a number, else 0.",           \
      (b <= T(0) ? T(0) : a))                                                                                          \
  ROW(BINARY, relu6_backward, "Gradient a, but 0 where the output b of `relu6` is at most 0 or at least 6.",           \
      ((b <= T(0)) | (b >= T(6)) ? T(0) : a))                                                                          \
  ROW(BINARY_FLOAT, divide, "a / b; of integers, in float32.", a / b)                                                  \
  ROW(BINARY_FLOAT, atan2, "Angle of the point (b, a), in radians.", m::atan2(a, b))                                   \
  ROW(BINARY_FLOAT, leaky_relu, "a where positive, else b * a.", (a < T(0) ? a * b : a))                               \
  ROW(BINARY_FLOAT, elu, "a where positive, else b * (exp(a) - 1) (Clevert et al., 2015).",                            \
      (a > T(0) ? a : b * m::expm1(a)))                                                                                \
  ROW(BINARY_FLOAT, hypot, "sqrt(a * a + b * b), without overflow.", m::hypot(a, b))                                   \
  ROW(BINARY_FLOAT, copysign, "The magnitude of a with the sign of b.", m::copysign(a, b))                             \
  ROW(BINARY_FLOAT, logaddexp, "log(exp(a) + exp(b)), without overflow.", m::logaddexp(a, b))                          \
  ROW(BINARY_FLOAT, xlogy, "a * log(b), 0 where a is 0 and b is a number.", m::xlogy(a, b))                            \
  ROW(BINARY_FLOAT, polygamma, "Derivative number a of `digamma` at b, a a whole number from 0 to 170.",               \
      m::polygamma(a, b))                                                                                              \
  ROW(BINARY_FLOAT, hardshrink, "a, but 0 where it is within [-b, b].", ((a >= -b) & (a <= b) ? T(0) : a))             \
  ROW(BINARY_FLOAT, softshrink, "a moved towards 0 by b, 0 where it is within [-b, b].",                               \
      (a > b ? a - b : (a < -b ? a + b : (a == a ? T(0) : a))))                                                        \
  ROW(BINARY_FLOAT, celu, "a where positive, else b * (exp(a / b) - 1) (Barron, 2017).",                               \
      (a > T(0) ? a : b * m::expm1(a / b)))                                                                            \
  ROW(BINARY_FLOAT, hardswish_backward, "Gradient a times the slope of `hardswish` at b.",                             \
      (b <= T(-3) ? T(0) : (b >= T(3) ? a : a * (b / T(3) + T(0.5)))))                                                 \
  ROW(BINARY_FLOAT, sigmoid_backward, "Gradient a times b * (1 - b), b the output of `sigmoid`.",                      \
      m::gradient_times(a, b*(T(1) - b)))                                                                              \
  ROW(BINARY_FLOAT, tanh_backward, "Gradient a times 1 - b * b, b the output of `tanh`.",                              \
      m::gradient_times(a, T(1) - b * b))                                                                              \
  ROW(BINARY_FLOAT, squared_difference, "(a - b)^2.", (a - b) * (a - b))                                               \
  ROW(BINARY_FLOAT, silu_backward, "Gradient a times the slope of `silu` at b.",                                       \
      m::gradient_times(a, m::silu_slope(b)))                                                                          \
  ROW(BINARY_FLOAT, gelu_backward, "Gradient a times the slope of `gelu` at b.",                                       \
      m::gradient_times(a, m::gelu_slope(b)))                                                                          \
  ROW(BINARY_FLOAT, gelu_tanh_backward, "Gradient a times the slope of `gelu_tanh` at b.",                             \
      m::gradient_times(a, m::gelu_tanh_slope(b)))                                                                     \
  ROW(BINARY_FLOAT, selu_backward, "Gradient a times the slope of `selu` at b.",                                       \
      m::gradient_times(a, T(1.0507009873554805) * (b > T(0) ? T(1) : T(1.6732632423543772) * m::exp(b))))             \
  ROW(BINARY_FLOAT, gradient_times, "Gradient a times slope b; 0 where one of them is 0, but for an a that is not a "  \
      "number.", m::gradient_times(a, b))                                                                              \
  ROW(BINARY_FLOAT, gradient_over, "Gradient a divided by b; 0 where a is 0, whatever b is.",                          \
      (a == T(0) ? T(0) : a / b))                                                                                      \
  ROW(TERNARY_FLOAT, lerp, "a + c * (b - a).", (c < T(0.5) ? a + c * (b - a) : b - (b - a) * (T(1) - c)))              \
  ROW(TERNARY_FLOAT, hardtanh, "a limited to [b, c].", (a <= b ? b : (a >= c ? c : a)))                                \
  ROW(TERNARY_FLOAT, huber, "(a - b)^2 / 2 where |a - b| is at most c, else c * (|a - b| - c / 2) (Huber, 1964).",     \
      m::huber(a - b, c))                                                                                              \
  ROW(TERNARY_FLOAT, leaky_relu_backward, "Gradient a where b is positive, else a times c.",                           \
      (b > T(0) ? a : m::gradient_times(a, c)))                                                                        \
  ROW(TERNARY_FLOAT, elu_backward, "Gradient a where b is positive, else a times c * exp(b).",                         \
      (b > T(0) ? a : m::gradient_times(a, c * m::exp(b))))                                                            \
  ROW(TERNARY_FLOAT, squared_difference_backward, "Gradient a times 2 * (b - c), the slope of `squared_difference`.",  \
      m::gradient_times(a, (b - c) * T(2)))                                                                            \
  ROW(COMPARE, equal, "Whether a == b.", a == b)                                                                       \
  ROW(COMPARE, not_equal, "Whether a != b.", a != b)                                                                   \
  ROW(COMPARE, less, "Whether a < b.", a < b)                                                                          \
  ROW(COMPARE, less_equal, "Whether a <= b.", a <= b)                                                                  \
  ROW(COMPARE, greater, "Whether a > b.", a > b)                                                                       \
  ROW(COMPARE, greater_equal, "Whether a >= b.", a >= b)                                                               \
  ROW(UNARY_INTEGER, bitwise_invert, "Every bit of an integer turned; of bools, not.", static_cast<T>(~x))             \
  ROW(BINARY_INTEGER, bitwise_and, "Bits that are set in both; of bools, and.", static_cast<T>(a & b))                 \
  ROW(BINARY_INTEGER, bitwise_or, "Bits that are set in either; of bools, or.", static_cast<T>(a | b))                 \
  ROW(BINARY_INTEGER, bitwise_xor, "Bits that are set in exactly one; of bools, exclusive or.",                        \
      static_cast<T>(a ^ b))                                                                                           \
  ROW(BINARY_INTEGER, bitwise_left_shift, "a times 2**b, by bits; 0 for b as large as the integer is wide.",           \
      m::left_shift(a, b))                                                                                             \
  ROW(BINARY_INTEGER, bitwise_right_shift, "a / 2**b, rounded down; 0 or -1 for b as large as the integer is wide.",   \
      m::right_shift(a, b))                                                                                            \
  ROW(LOGICAL, logical_and, "Whether both are true.", (a != 0) & (b != 0))                                             \
  ROW(LOGICAL, logical_or, "Whether either is true.", (a != 0) | (b != 0))                                             \
  ROW(LOGICAL, logical_xor, "Whether exactly one is true.", (a != 0) != (b != 0))
// clang-format on
