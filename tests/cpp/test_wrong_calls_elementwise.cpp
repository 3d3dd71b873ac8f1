// Wrong calls of the functions of pydl/special.h.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

TEST(unary_functions) {
  const Tensor bools = zeros({2}, DType::boolean);
  REFUSED(pydl::exp2(none));
  REFUSED(pydl::asinh(none));
  REFUSED(pydl::acosh(none));
  REFUSED(pydl::atanh(none));
  REFUSED(pydl::erfc(none));
  REFUSED(erfinv(none));
  REFUSED(pydl::lgamma(none));
  REFUSED(digamma(none));
  REFUSED(logit(none));
  REFUSED(sinc(none));
  REFUSED(frac(none));
  REFUSED(log_sigmoid(none));
  REFUSED(hardsigmoid(none));
  REFUSED(hardswish(none));
  REFUSED(pydl::signbit(none));
  REFUSED(positive(none));
  REFUSED(positive(bools));
  REFUSED(deg2rad(none));
  REFUSED(rad2deg(none));
  REFUSED(nan_to_num(none));
  REFUSED(tanhshrink(none));
  REFUSED(i0(none));
  REFUSED(i0e(none));
  REFUSED(i1(none));
  REFUSED(i1e(none));
  REFUSED(ndtr(none));
}

TEST(binary_functions) {
  const Tensor x = ones({2});
  const Tensor other = ones({3});
  REFUSED(pydl::fmod(x, other));
  REFUSED(heaviside(x, other));
  REFUSED(pydl::hypot(x, other));
  REFUSED(pydl::copysign(x, other));
  REFUSED(logaddexp(x, other));
  REFUSED(xlogy(x, other));
  REFUSED(polygamma(x, other));
  REFUSED(hardshrink(x, other));
  REFUSED(softshrink(x, other));
  REFUSED(celu(x, other));
  REFUSED(hardswish_backward(x, other));
  REFUSED(pydl::nextafter(x, other));
  REFUSED(float_power(x, other));
  REFUSED(isclose(x, other));
  REFUSED(allclose(x, other));
  REFUSED(pydl::fmod(x, none));
  REFUSED(pydl::nextafter(none, x));
  REFUSED(float_power(none, x));
  REFUSED(isclose(none, x));
  REFUSED(allclose(x, none));
}

TEST(functions_with_parameters) {
  const Tensor x = ones({2});
  const Tensor other = ones({3});
  REFUSED(lerp(x, other, x));
  REFUSED(lerp(x, x, none));
  REFUSED(hardtanh(x, other, x));
  REFUSED(hardtanh(x, x, none));
  REFUSED(leaky_relu_backward(x, other, x));
  REFUSED(leaky_relu_backward(x, x, none));
  REFUSED(elu_backward(x, other, x));
  REFUSED(elu_backward(x, x, none));
  REFUSED(huber(x, other, x));
  REFUSED(huber(x, x, none));
  REFUSED(squared_difference_backward(x, other, x));
  REFUSED(squared_difference_backward(x, x, none));
  REFUSED(threshold(x, other, x));
  REFUSED(threshold(x, none, x));
  REFUSED(glu(none));
  REFUSED(glu(x, 1));
  REFUSED(glu(other));
  REFUSED(prelu(x, other));
  REFUSED(prelu(none, x));
  REFUSED(prelu(x, ones({1, 2})));
  REFUSED(rrelu(none));
  REFUSED(rrelu(x, 2, 1));
}
