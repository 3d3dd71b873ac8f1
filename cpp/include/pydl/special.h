// Elementwise functions beyond those of ops.h: special functions, activations, and what NumPy has for numbers in
// general. They broadcast, and promote dtypes by `promote`; functions of real numbers convert integers to float32.
#pragma once

#include <optional>

#include "pydl/export.h"
#include "pydl/random.h"
#include "pydl/tensor.h"

namespace pydl {

// --- one function per row of the elementwise table (op/elementwise_table.h) ----------------------------------------
PYDL_API Tensor exp2(const Tensor& x);
PYDL_API Tensor asinh(const Tensor& x);
PYDL_API Tensor acosh(const Tensor& x);
PYDL_API Tensor atanh(const Tensor& x);
PYDL_API Tensor erfc(const Tensor& x);
PYDL_API Tensor erfinv(const Tensor& x);
PYDL_API Tensor lgamma(const Tensor& x);
PYDL_API Tensor digamma(const Tensor& x);
PYDL_API Tensor logit(const Tensor& x);
PYDL_API Tensor sinc(const Tensor& x);
PYDL_API Tensor frac(const Tensor& x);
PYDL_API Tensor log_sigmoid(const Tensor& x);
PYDL_API Tensor hardsigmoid(const Tensor& x);
PYDL_API Tensor hardswish(const Tensor& x);
PYDL_API Tensor signbit(const Tensor& x);
PYDL_API Tensor fmod(const Tensor& a, const Tensor& b);
PYDL_API Tensor heaviside(const Tensor& a, const Tensor& at_zero);
PYDL_API Tensor hypot(const Tensor& a, const Tensor& b);
PYDL_API Tensor copysign(const Tensor& a, const Tensor& sign);
/// log(exp(a) + exp(b)). Equal numbers share the gradient, and so do equal infinities, as the limit along a = b.
PYDL_API Tensor logaddexp(const Tensor& a, const Tensor& b);
PYDL_API Tensor xlogy(const Tensor& a, const Tensor& b);
/// The order n is a whole number from 0 to 170, and receives no gradient; other orders give NaN.
PYDL_API Tensor polygamma(const Tensor& n, const Tensor& x);
PYDL_API Tensor hardshrink(const Tensor& x, const Tensor& bound);
PYDL_API Tensor softshrink(const Tensor& x, const Tensor& bound);
PYDL_API Tensor celu(const Tensor& x, const Tensor& alpha);
PYDL_API Tensor hardswish_backward(const Tensor& gradient, const Tensor& x);
PYDL_API Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight);
/// Its gradient is 0 at both limits, where that of `clip` is 1.
PYDL_API Tensor hardtanh(const Tensor& x, const Tensor& low, const Tensor& high);

// --- composed of others ------------------------------------------------------------------------------------------
/// x itself; refuses bools, which have no sign.
PYDL_API Tensor positive(const Tensor& x);
/// The next number of the dtype after a towards b; b where they are equal. The gradient for a is that of a itself.
PYDL_API Tensor nextafter(const Tensor& a, const Tensor& b);
/// a to the power b in float64.
PYDL_API Tensor float_power(const Tensor& a, const Tensor& b);
PYDL_API Tensor deg2rad(const Tensor& x);
PYDL_API Tensor rad2deg(const Tensor& x);
/// x with numbers instead of NaN and infinities; without `positive` and `negative`, the largest and the
/// smallest number of the dtype. Integers are unchanged.
PYDL_API Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> positive = {},
                           std::optional<double> negative = {});
/// Whether |a - b| <= atol + rtol |b|, or both are the same infinity, or with `equal_nan` both are not a number.
PYDL_API Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                        bool equal_nan = false);
/// Whether this holds for all elements. Reads them, so compiled functions use `all(isclose(a, b))`.
PYDL_API bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                       bool equal_nan = false);
/// Modified Bessel functions of the first kind, of orders 0 and 1; i0e and i1e are exp(-|x|) times them.
PYDL_API Tensor i0(const Tensor& x);
PYDL_API Tensor i0e(const Tensor& x);
PYDL_API Tensor i1(const Tensor& x);
PYDL_API Tensor i1e(const Tensor& x);
/// The probability that a standard normal number is at most x.
PYDL_API Tensor ndtr(const Tensor& x);
/// x - tanh(x).
PYDL_API Tensor tanhshrink(const Tensor& x);
/// x where it is larger than `threshold`, else `value`.
PYDL_API Tensor threshold(const Tensor& x, const Tensor& threshold, const Tensor& value);
/// The first half along an axis, times the sigmoid of the second half (Dauphin et al., 2017).
PYDL_API Tensor glu(const Tensor& x, int64_t axis = -1);
/// x where positive, else weight * x, with one weight for all or one per channel of x (N, C, ...) (He et al., 2015).
PYDL_API Tensor prelu(const Tensor& x, const Tensor& weight);
/// x where positive, else x times a slope: random between `lower` and `upper` in training, otherwise their mean (Xu et
/// al., 2015).
PYDL_API Tensor rrelu(const Tensor& x, double lower = 1.0 / 8, double upper = 1.0 / 3, bool training = false,
                      Generator& generator = default_generator());

}  // namespace pydl
