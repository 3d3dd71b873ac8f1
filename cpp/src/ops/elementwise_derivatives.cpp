#include "ops/elementwise_derivatives.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "autograd/node.h"
#include "pydl/ops.h"
#include "pydl/special.h"

namespace pydl::ops {

namespace {

using op::BackwardContext;
using op::Gradients;
using op::OpId;

// Names for the inputs that a derivative saves.
constexpr uint32_t x_input = 1U;
constexpr uint32_t b_input = 2U;
constexpr uint32_t both_inputs = 3U;
constexpr uint32_t all_inputs = 7U;

// Derivatives multiply and divide the incoming gradient with these functions, so that 0 is never multiplied by infinity
// (ops.h).
Tensor times(const Tensor& gradient, const Tensor& slope) { return gradient_times(gradient, slope); }
Tensor over(const Tensor& gradient, const Tensor& divisor) { return gradient_over(gradient, divisor); }

// x if the condition holds, otherwise 0, whatever the value of x.
Tensor where_or_zero(const Tensor& condition, const Tensor& x) { return where(condition, x, scalar_like(0, x)); }

// 1 if a wins, 1/2 if both are equal.
Tensor winner_share(const Tensor& wins, const Tensor& ties, DType dtype) {
  return astype(wins, dtype) + astype(ties, dtype) * 0.5;
}

// The derivatives of the slopes of activations. Where these are constant, clipping keeps squares finite.
Tensor silu_second_derivative(const Tensor& x) {
  const Tensor near = clip(x, scalar_like(-800, x), scalar_like(800, x));
  const Tensor s = sigmoid(near);
  return s * (1.0 - s) * (near * (1.0 - s * 2.0) + 2.0);
}

Tensor gelu_second_derivative(const Tensor& x) {
  const Tensor square_of = square(clip(x, scalar_like(-40, x), scalar_like(40, x)));
  return exp(square_of * -0.5) * std::sqrt(0.5 / std::numbers::pi) * (2.0 - square_of);
}

// x * sigmoid(v) for a polynomial v; what is 0 far out is multiplied first.
Tensor gelu_tanh_second_derivative(const Tensor& x) {
  const double scale = 2.0 * std::sqrt(2.0 / std::numbers::pi);
  const Tensor near = clip(x, scalar_like(-20, x), scalar_like(20, x));
  const Tensor square_of = square(near);
  const Tensor s = sigmoid((near + near * square_of * 0.044715) * scale);
  const Tensor slope = (square_of * (3 * 0.044715) + 1.0) * scale;
  const Tensor first = s * (1.0 - s) * slope;
  const Tensor bend = s * (1.0 - s) * square_of * (6 * 0.044715 * scale);
  return first * 2.0 + first * slope * near * (1.0 - s * 2.0) + bend;
}

// Of `slope_times(a, b)`, which is gradient a times a slope at b.
template <Tensor (*slope_times)(const Tensor&, const Tensor&), Tensor (*slope_derivative)(const Tensor&)>
Gradients slope_gradients(const BackwardContext& c) {
  const Tensor x = c.input(1);
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = slope_times(c.gradient, x);
  if (c.needs(1)) gradients[1] = times(times(c.gradient, c.input(0)), slope_derivative(x));
  return gradients;
}

Tensor mish_derivative(const Tensor& x) {
  // Beyond 800 the result is constant; clipping keeps the products in second derivatives finite.
  const Tensor near = clip(x, scalar_like(-800, x), scalar_like(800, x));
  const Tensor t = tanh(softplus(near));
  return t + near * (1.0 - square(t)) * sigmoid(near);
}

// Factors 1 - x^2, which preserves its precision near 1.
Tensor asin_derivative(const Tensor& x) { return rsqrt((1.0 - x) * (x + 1.0)); }

Tensor softsign_gradient(const Tensor& g, const Tensor& x) {
  const Tensor divisor = abs(x) + 1.0;
  return over(over(g, divisor), divisor);
}

double largest(DType dtype) {
  switch (dtype) {
    case DType::float16: return 65504;
    case DType::bfloat16: return 0x1.FEp127;
    case DType::float64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

Gradients pow_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  Gradients gradients(2);
  if (c.needs(0)) {
    // If b = 0, the factor b makes the gradient 0, even if a = 0. An infinite factor would not leave a power that is 0
    // at 0.
    const Tensor factor = clip(b, scalar_like(-largest(b.dtype()), b), scalar_like(largest(b.dtype()), b));
    const Tensor zero_power = equal(b, scalar_like(0, b));
    const Tensor exponent = where(zero_power, scalar_like(1, b), factor) - 1.0;
    gradients[0] = where_or_zero(logical_not(zero_power), times(c.gradient, factor * pow(a, exponent)));
  }
  if (c.needs(1)) {
    // Powers of a negative base are real only for integer exponents, so there is no slope along the exponent.
    const Tensor without_slope = less_equal(a, scalar_like(0, a));
    const Tensor base = where(without_slope, scalar_like(1, a), a);
    const Tensor slope = where(without_slope, scalar_like(0, b), times(pow(base, b), log(base)));
    // What is not a number has no derivative that is one.
    const Tensor y = pow(a, b);
    const Tensor is_number = equal(y, y);
    gradients[1] = where(is_number, times(c.gradient, slope), times(c.gradient, y));
  }
  return gradients;
}

Gradients divide_gradients(const BackwardContext& c) {
  const Tensor b = c.input(1);
  Gradients gradients(2);
  const Tensor scaled = over(c.gradient, b);
  if (c.needs(0)) gradients[0] = scaled;
  if (c.needs(1)) gradients[1] = -times(scaled, c.input(0) / b);
  return gradients;
}

Gradients gradient_over_gradients(const BackwardContext& c) {
  const Tensor b = c.input(1);
  Gradients gradients(2);
  const Tensor scaled = over(c.gradient, b);
  if (c.needs(0)) gradients[0] = scaled;
  if (c.needs(1)) gradients[1] = -times(scaled, over(c.input(0), b));
  return gradients;
}

Gradients multiply_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = times(c.gradient, c.input(1));
  if (c.needs(1)) gradients[1] = times(c.gradient, c.input(0));
  return gradients;
}

// 0 at the origin, which has no angle, and infinitely far away. Both coordinates are first divided by the distance, so
// that no square is infinite or 0; the distance cancels out and is therefore treated as constant.
Gradients atan2_gradients(const BackwardContext& c) {
  const Tensor zero = scalar_like(0, c.input(0));
  const Tensor one = scalar_like(1, zero);
  const Tensor distance = maximum(abs(c.input(0)), abs(c.input(1))).detach();
  const Tensor without_slope = logical_or(equal(distance, zero), isinf(distance));
  const Tensor unit = where(without_slope, one, distance);
  const Tensor a = where(without_slope, zero, c.input(0)) / unit;
  const Tensor b = where(without_slope, one, c.input(1)) / unit;
  const Tensor scaled = over(over(where_or_zero(logical_not(without_slope), c.gradient), square(a) + square(b)), unit);
  return {times(scaled, b), -times(scaled, a)};
}

Gradients elu_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = elu_backward(c.gradient, a, c.input(1));
  if (c.needs(1)) {
    const Tensor zero = scalar_like(0, a);
    gradients[1] = where_or_zero(logical_not(greater(a, zero)), times(c.gradient, expm1(minimum(a, zero))));
  }
  return gradients;
}

// The slope, alpha * exp(x) where x is not positive, is its own derivative there.
Gradients elu_backward_gradients(const BackwardContext& c) {
  const Tensor x = c.input(1);
  const Tensor zero = scalar_like(0, x);
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = elu_backward(c.gradient, x, c.input(2));
  if (c.needs(1) || c.needs(2)) {
    const Tensor flat = logical_not(greater(x, zero));
    const Tensor share = where_or_zero(flat, times(times(c.gradient, c.input(0)), exp(minimum(x, zero))));
    if (c.needs(1)) gradients[1] = times(share, c.input(2));
    if (c.needs(2)) gradients[2] = share;
  }
  return gradients;
}

Gradients selu_backward_gradients(const BackwardContext& c) {
  const Tensor x = c.input(1);
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = selu_backward(c.gradient, x);
  if (c.needs(1)) {
    const Tensor flat = logical_not(greater(x, scalar_like(0, x)));
    gradients[1] = where_or_zero(flat, selu_backward(times(c.gradient, c.input(0)), x));
  }
  return gradients;
}

Gradients leaky_relu_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = leaky_relu_backward(c.gradient, a, c.input(1));
  if (c.needs(1)) {
    gradients[1] = where_or_zero(logical_not(greater(a, scalar_like(0, a))), times(c.gradient, a));
  }
  return gradients;
}

Gradients leaky_relu_backward_gradients(const BackwardContext& c) {
  const Tensor x = c.input(1);
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = leaky_relu_backward(c.gradient, x, c.input(2));
  if (c.needs(1)) gradients[1] = zeros_like(c.gradient);
  if (c.needs(2)) {
    gradients[2] = where_or_zero(logical_not(greater(x, scalar_like(0, x))), times(c.gradient, c.input(0)));
  }
  return gradients;
}

template <bool larger_wins>
Gradients extremum_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  const Tensor a_wins = larger_wins ? greater(a, b) : less(a, b);
  const Tensor share = winner_share(a_wins, equal(a, b), a.dtype());
  return {times(c.gradient, share), times(c.gradient, 1.0 - share)};
}

// Where the lower bound is above the upper one, the result is the upper one.
Gradients clip_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const Tensor below = less(x, c.input(1));
  const Tensor above = greater(x, c.input(2));
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = where_or_zero(logical_not(logical_or(below, above)), c.gradient);
  if (!c.needs(1) && !c.needs(2)) return gradients;
  const Tensor crossed = greater(c.input(1), c.input(2));
  if (c.needs(1)) gradients[1] = where_or_zero(logical_and(below, logical_not(crossed)), c.gradient);
  if (c.needs(2)) gradients[2] = where_or_zero(logical_or(above, crossed), c.gradient);
  return gradients;
}

Gradients where_gradients(const BackwardContext& c) {
  const Tensor condition = c.input(0);
  Gradients gradients(3);
  if (c.needs(1)) gradients[1] = where_or_zero(condition, c.gradient);
  if (c.needs(2)) gradients[2] = where_or_zero(logical_not(condition), c.gradient);
  return gradients;
}

// Not over sqrt(x * x + 1), whose square may be infinite.
Tensor asinh_gradient(const Tensor& g, const Tensor& x) { return over(g, hypot(x, scalar_like(1, x))); }

// (cos(pi x) - sinc(x)) / x. Near 0, where both terms cancel, its series, which is differentiable at 0 too.
Tensor sinc_derivative(const Tensor& x) {
  const Tensor zero = scalar_like(0, x);
  const Tensor one = scalar_like(1, x);
  const Tensor is_near = less(abs(x), scalar_like(0.25, x));
  const Tensor near = where(is_near, x, zero) * std::numbers::pi;
  const Tensor square_of = square(near);
  constexpr int terms = 9;
  Tensor series = zeros_like(x);
  for (int k = terms; k > 0; --k) {
    const double size = 2.0 * k / std::tgamma(2.0 * k + 2.0);
    series = series * square_of + (k % 2 == 0 ? size : -size);
  }
  // Twice a whole number less, the angle has the same cosine.
  const Tensor far = where(is_near, one, x);
  const Tensor angle = (far - round(far * 0.5) * 2.0) * std::numbers::pi;
  return where(is_near, near * series * std::numbers::pi, (cos(angle) - sinc(far)) / far);
}

// Not a number where the logit is none.
Tensor logit_divisor(const Tensor& x) {
  const Tensor inside = logical_and(greater_equal(x, scalar_like(0, x)), less_equal(x, scalar_like(1, x)));
  return where(inside, x * (1.0 - x), scalar_like(std::numeric_limits<double>::quiet_NaN(), x));
}

// 0 at the origin, where there is no direction.
Gradients hypot_gradients(const BackwardContext& c) {
  const Tensor y = c.result();
  const Tensor zero = scalar_like(0, y);
  const Tensor origin = equal(y, zero);
  const Tensor distance = where(origin, scalar_like(1, y), y);
  Gradients gradients(2);
  for (int i = 0; i < 2; ++i) {
    if (c.needs(i)) gradients[static_cast<size_t>(i)] = times(c.gradient, where(origin, zero, c.input(i)) / distance);
  }
  return gradients;
}

Gradients copysign_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor signs = sign(a) * copysign(scalar_like(1, a), c.input(1));
  return {times(c.gradient, signs), c.needs(1) ? zeros_like(c.gradient) : Tensor{}};
}

// Equal infinities share the gradient, as equal numbers do.
Gradients logaddexp_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  const Tensor same_infinity = logical_and(equal(a, b), isinf(a));
  const Tensor difference = where(same_infinity, scalar_like(0, a), a) - where(same_infinity, scalar_like(0, b), b);
  return {times(c.gradient, sigmoid(difference)), times(c.gradient, sigmoid(-difference))};
}

// Where a is 0, the function is 0 for every b, also for those that have no logarithm.
Gradients xlogy_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  const Tensor zero = scalar_like(0, a);
  Gradients gradients(2);
  if (c.needs(0)) {
    const Tensor without_slope = logical_and(equal(a, zero), less_equal(b, zero));
    const Tensor logarithm = log(where(without_slope, scalar_like(1, b), b));
    gradients[0] = times(c.gradient, logarithm);
  }
  if (c.needs(1)) gradients[1] = over(times(c.gradient, a), b);
  return gradients;
}

Gradients polygamma_gradients(const BackwardContext& c) {
  return {Tensor{}, times(c.gradient, polygamma(c.input(0) + 1.0, c.input(1)))};
}

Gradients fmod_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  gradients[0] = c.gradient;
  if (c.needs(1)) gradients[1] = -times(c.gradient, trunc(c.input(0) / c.input(1)));
  return gradients;
}

Gradients heaviside_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = zeros_like(c.gradient);
  if (c.needs(1)) gradients[1] = where_or_zero(equal(a, scalar_like(0, a)), c.gradient);
  return gradients;
}

Gradients hardshrink_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  const Tensor inside = logical_and(greater_equal(a, -b), less_equal(a, b));
  return {where_or_zero(logical_not(inside), c.gradient), c.needs(1) ? zeros_like(c.gradient) : Tensor{}};
}

Gradients softshrink_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  const Tensor inside = logical_and(greater_equal(a, -b), less_equal(a, b));
  const Tensor g = where_or_zero(logical_not(inside), c.gradient);
  return {g, c.needs(1) ? -times(g, sign(a)) : Tensor{}};
}

Gradients celu_gradients(const BackwardContext& c) {
  const Tensor a = c.input(0);
  const Tensor positive = greater(a, scalar_like(0, a));
  const Tensor exponent = minimum(a, scalar_like(0, a)) / c.input(1);
  const Tensor slope = exp(exponent);
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = where(positive, c.gradient, times(c.gradient, slope));
  if (c.needs(1)) {
    gradients[1] = where_or_zero(logical_not(positive), times(c.gradient, expm1(exponent) - times(exponent, slope)));
  }
  return gradients;
}

Gradients hardsigmoid_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const Tensor outside = logical_or(less_equal(x, scalar_like(-3, x)), greater_equal(x, scalar_like(3, x)));
  return {where_or_zero(logical_not(outside), c.gradient * (1.0 / 6))};
}

Gradients hardswish_backward_gradients(const BackwardContext& c) {
  const Tensor x = c.input(1);
  const Tensor outside = logical_or(less_equal(x, scalar_like(-3, x)), greater_equal(x, scalar_like(3, x)));
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = hardswish_backward(c.gradient, x);
  if (c.needs(1)) {
    gradients[1] = where_or_zero(logical_not(outside), times(c.gradient, c.input(0)) * (1.0 / 3));
  }
  return gradients;
}

Gradients lerp_gradients(const BackwardContext& c) {
  const Tensor weight = c.input(2);
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = times(c.gradient, 1.0 - weight);
  if (c.needs(1)) gradients[1] = times(c.gradient, weight);
  if (c.needs(2)) gradients[2] = times(c.gradient, c.input(1) - c.input(0));
  return gradients;
}

// Unlike `clip`, as in PyTorch: x has no gradient at the limits, and they have it there.
Gradients hardtanh_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const Tensor below = less_equal(x, c.input(1));
  const Tensor above = greater_equal(x, c.input(2));
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = where_or_zero(logical_not(logical_or(below, above)), c.gradient);
  if (c.needs(1)) gradients[1] = where_or_zero(below, c.gradient);
  if (c.needs(2)) gradients[2] = where_or_zero(logical_and(above, logical_not(below)), c.gradient);
  return gradients;
}

Gradients squared_difference_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = squared_difference_backward(c.gradient, c.input(0), c.input(1));
  if (c.needs(1)) gradients[1] = squared_difference_backward(c.gradient, c.input(1), c.input(0));
  return gradients;
}

Gradients squared_difference_backward_gradients(const BackwardContext& c) {
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = squared_difference_backward(c.gradient, c.input(1), c.input(2));
  if (c.needs(1) || c.needs(2)) {
    const Tensor g = times(c.gradient, c.input(0)) * 2.0;
    if (c.needs(1)) gradients[1] = g;
    if (c.needs(2)) gradients[2] = -g;
  }
  return gradients;
}

Gradients huber_gradients(const BackwardContext& c) {
  const Tensor difference = c.input(0) - c.input(1);
  const Tensor delta = c.input(2);
  Gradients gradients(3);
  if (c.needs(0) || c.needs(1)) {
    const Tensor g = times(c.gradient, clip(difference, -delta, delta));
    if (c.needs(0)) gradients[0] = g;
    if (c.needs(1)) gradients[1] = -g;
  }
  if (c.needs(2)) {
    const Tensor excess = abs(difference) - delta;
    gradients[2] = times(c.gradient, where_or_zero(greater(excess, scalar_like(0, excess)), excess));
  }
  return gradients;
}

// The gradients of piecewise constant functions.
Gradients zero_gradients(const BackwardContext& c) {
  Gradients gradients;
  for (int i = 0; i < c.input_count(); ++i) gradients.push_back(zeros_like(c.gradient));
  return gradients;
}

// One row of the table: `g` is the gradient, `x` the input and `y` the output, each read only if it was saved.
#define GRADIENT_OF_X(formula)                \
  [](const BackwardContext& c) -> Gradients { \
    const Tensor& g = c.gradient;             \
    const Tensor x = c.input(0);              \
    return {formula};                         \
  },                                          \
      x_input, false
#define GRADIENT_OF_Y(formula)                \
  [](const BackwardContext& c) -> Gradients { \
    const Tensor& g = c.gradient;             \
    const Tensor y = c.result();              \
    return {formula};                         \
  },                                          \
      0, true

}  // namespace

Derivative elementwise_derivative(OpId id) {
  switch (id) {
    case OpId::negative: return {[](const BackwardContext& c) -> Gradients { return {-c.gradient}; }};
    case OpId::abs: return {GRADIENT_OF_X(times(g, sign(x)))};
    case OpId::square: return {GRADIENT_OF_X(times(g, x * 2.0))};
    case OpId::relu: return {GRADIENT_OF_Y(relu_backward(g, y))};
    case OpId::relu6: return {GRADIENT_OF_Y(relu6_backward(g, y))};
    case OpId::reciprocal: return {GRADIENT_OF_Y(-times(g, square(y)))};
    case OpId::sqrt: return {GRADIENT_OF_Y(over(g * 0.5, y + 0.0))};
    case OpId::rsqrt: return {GRADIENT_OF_Y(times(g, y * square(y) * -0.5))};
    case OpId::exp: return {GRADIENT_OF_Y(times(g, y))};
    case OpId::expm1: return {GRADIENT_OF_Y(times(g, y + 1.0))};
    case OpId::log: return {GRADIENT_OF_X(over(g, x))};
    case OpId::log1p: return {GRADIENT_OF_X(over(g, x + 1.0))};
    case OpId::log2: return {GRADIENT_OF_X(over(g, x * std::numbers::ln2))};
    case OpId::log10: return {GRADIENT_OF_X(over(g, x * std::numbers::ln10))};
    case OpId::sin: return {GRADIENT_OF_X(times(g, cos(x)))};
    case OpId::cos: return {GRADIENT_OF_X(-times(g, sin(x)))};
    case OpId::tan: return {GRADIENT_OF_Y(times(g, square(y) + 1.0))};
    case OpId::asin: return {GRADIENT_OF_X(times(g, asin_derivative(x)))};
    case OpId::acos: return {GRADIENT_OF_X(-times(g, asin_derivative(x)))};
    case OpId::atan: return {GRADIENT_OF_X(over(g, square(x) + 1.0))};
    case OpId::sinh: return {GRADIENT_OF_X(times(g, cosh(x)))};
    case OpId::cosh: return {GRADIENT_OF_X(times(g, sinh(x)))};
    case OpId::tanh: return {GRADIENT_OF_Y(tanh_backward(g, y))};
    case OpId::erf: return {GRADIENT_OF_X(times(g, exp(-square(x)) * (2.0 / std::sqrt(std::numbers::pi))))};
    case OpId::sigmoid: return {GRADIENT_OF_Y(sigmoid_backward(g, y))};
    case OpId::softplus: return {GRADIENT_OF_X(times(g, sigmoid(x)))};
    case OpId::silu: return {GRADIENT_OF_X(silu_backward(g, x))};
    case OpId::gelu: return {GRADIENT_OF_X(gelu_backward(g, x))};
    case OpId::gelu_tanh: return {GRADIENT_OF_X(gelu_tanh_backward(g, x))};
    case OpId::softsign: return {GRADIENT_OF_X(softsign_gradient(g, x))};
    case OpId::selu: return {GRADIENT_OF_X(selu_backward(g, x))};
    case OpId::mish: return {GRADIENT_OF_X(times(g, mish_derivative(x)))};
    case OpId::exp2: return {GRADIENT_OF_Y(times(g, y * std::numbers::ln2))};
    case OpId::asinh: return {GRADIENT_OF_X(asinh_gradient(g, x))};
    case OpId::acosh: return {GRADIENT_OF_X(times(g, rsqrt(x - 1.0) * rsqrt(x + 1.0)))};
    case OpId::atanh: return {GRADIENT_OF_X(over(g, (1.0 - x) * (x + 1.0)))};
    case OpId::erfc: return {GRADIENT_OF_X(times(g, exp(-square(x)) * (-2.0 / std::sqrt(std::numbers::pi))))};
    case OpId::erfinv: return {GRADIENT_OF_Y(times(g, exp(square(y)) * (0.5 * std::sqrt(std::numbers::pi))))};
    case OpId::lgamma: return {GRADIENT_OF_X(times(g, digamma(x)))};
    case OpId::digamma: return {GRADIENT_OF_X(times(g, polygamma(scalar_like(1, x), x)))};
    case OpId::logit: return {GRADIENT_OF_X(over(g, logit_divisor(x)))};
    case OpId::sinc: return {GRADIENT_OF_X(times(g, sinc_derivative(x)))};
    case OpId::frac: return {[](const BackwardContext& c) -> Gradients { return {c.gradient}; }};
    case OpId::log_sigmoid: return {GRADIENT_OF_X(times(g, sigmoid(-x)))};
    case OpId::hardsigmoid: return {hardsigmoid_gradients, x_input};
    case OpId::hardswish: return {GRADIENT_OF_X(hardswish_backward(g, x))};
    case OpId::sign:
    case OpId::binary_step:
    case OpId::floor:
    case OpId::ceil:
    case OpId::round:
    case OpId::trunc:
    case OpId::floor_divide: return {zero_gradients};

    case OpId::add: return {[](const BackwardContext& c) -> Gradients { return {c.gradient, c.gradient}; }};
    case OpId::subtract:
      return {[](const BackwardContext& c) -> Gradients { return {c.gradient, c.needs(1) ? -c.gradient : Tensor{}}; }};
    case OpId::multiply:
    case OpId::gradient_times: return {multiply_gradients, both_inputs};
    case OpId::divide: return {divide_gradients, both_inputs};
    case OpId::gradient_over: return {gradient_over_gradients, both_inputs};
    case OpId::maximum: return {extremum_gradients<true>, both_inputs};
    case OpId::minimum: return {extremum_gradients<false>, both_inputs};
    case OpId::remainder:
      return {[](const BackwardContext& c) -> Gradients {
                return {c.gradient, -times(c.gradient, floor_divide(c.input(0), c.input(1)))};
              },
              both_inputs};
    case OpId::pow: return {pow_gradients, both_inputs};
    case OpId::atan2: return {atan2_gradients, both_inputs};
    case OpId::leaky_relu: return {leaky_relu_gradients, both_inputs};
    case OpId::elu: return {elu_gradients, both_inputs};
    case OpId::fmod: return {fmod_gradients, both_inputs};
    case OpId::heaviside: return {heaviside_gradients, x_input};
    case OpId::hypot: return {hypot_gradients, both_inputs, true};
    case OpId::copysign: return {copysign_gradients, both_inputs};
    case OpId::logaddexp: return {logaddexp_gradients, both_inputs};
    case OpId::xlogy: return {xlogy_gradients, both_inputs};
    case OpId::polygamma: return {polygamma_gradients, both_inputs};
    case OpId::hardshrink: return {hardshrink_gradients, both_inputs};
    case OpId::softshrink: return {softshrink_gradients, both_inputs};
    case OpId::celu: return {celu_gradients, both_inputs};
    case OpId::hardswish_backward: return {hardswish_backward_gradients, both_inputs};
    case OpId::silu_backward: return {slope_gradients<silu_backward, silu_second_derivative>, both_inputs};
    case OpId::gelu_backward: return {slope_gradients<gelu_backward, gelu_second_derivative>, both_inputs};
    case OpId::gelu_tanh_backward:
      return {slope_gradients<gelu_tanh_backward, gelu_tanh_second_derivative>, both_inputs};
    case OpId::lerp: return {lerp_gradients, all_inputs};
    case OpId::hardtanh: return {hardtanh_gradients, all_inputs};
    case OpId::huber: return {huber_gradients, all_inputs};
    case OpId::leaky_relu_backward: return {leaky_relu_backward_gradients, all_inputs};
    case OpId::elu_backward: return {elu_backward_gradients, all_inputs};
    case OpId::selu_backward: return {selu_backward_gradients, both_inputs};
    case OpId::squared_difference: return {squared_difference_gradients, both_inputs};
    case OpId::squared_difference_backward: return {squared_difference_backward_gradients, all_inputs};
    case OpId::relu_backward:
      return {[](const BackwardContext& c) -> Gradients {
                return {relu_backward(c.gradient, c.input(1)), c.needs(1) ? zeros_like(c.gradient) : Tensor{}};
              },
              b_input};
    case OpId::relu6_backward:
      return {[](const BackwardContext& c) -> Gradients {
                return {relu6_backward(c.gradient, c.input(1)), c.needs(1) ? zeros_like(c.gradient) : Tensor{}};
              },
              b_input};
    case OpId::sigmoid_backward:
      return {[](const BackwardContext& c) -> Gradients {
                const Tensor y = c.input(1);
                return {sigmoid_backward(c.gradient, y), times(times(c.gradient, c.input(0)), 1.0 - y * 2.0)};
              },
              both_inputs};
    case OpId::tanh_backward:
      return {[](const BackwardContext& c) -> Gradients {
                const Tensor y = c.input(1);
                return {tanh_backward(c.gradient, y), times(times(c.gradient, c.input(0)), y * -2.0)};
              },
              both_inputs};

    case OpId::cast:
      return {[](const BackwardContext& c) -> Gradients { return {astype(c.gradient, c.input_dtype(0))}; }};
    case OpId::copy: return {[](const BackwardContext& c) -> Gradients { return {c.gradient}; }};
    case OpId::where: return {where_gradients, x_input};
    case OpId::clip: return {clip_gradients, all_inputs};
    default: return {};
  }
}

}  // namespace pydl::ops
