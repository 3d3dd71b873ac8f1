// Elementwise functions that are composed of others, and `nextafter`, which steps through the numbers of each dtype.
#include "pydl/special.h"

#include <cmath>
#include <numbers>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/special.h"
#include "ops/families.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl {

using op::OpId;

namespace ops {

namespace {

void infer_nextafter(const op::Attrs&, std::span<const op::BufferSpec> inputs, op::BufferSpec* result, int64_t*) {
  require_floating("nextafter", inputs[0]);
  require_same_dtype("nextafter", inputs[0], inputs[1]);
  if (inputs[0].shape != inputs[1].shape) {
    throw ValueError(concat_text("nextafter: shapes ", inputs[0].shape, " and ", inputs[1].shape, " differ"));
  }
  *result = {inputs[0].dtype, inputs[0].shape, output_strides(inputs, inputs[0].shape)};
}

op::Gradients nextafter_gradients(const op::BackwardContext& c) {
  return {c.gradient, c.needs(1) ? zeros_like(c.gradient) : Tensor{}};
}

void infer_replace(const op::Attrs&, std::span<const op::BufferSpec> inputs, op::BufferSpec* result, int64_t*) {
  require_floating("replace_nonfinite", inputs[0]);
  *result = row_major(inputs[0].dtype, inputs[0].shape);
}

op::Gradients replace_gradients(const op::BackwardContext& c) {
  return {where(isfinite(c.input(0)), c.gradient, scalar_like(0, c.gradient))};
}

}  // namespace

void define_special(Registry& registry) {
  registry.declare(OpId::nextafter, {
                                        .doc = "The next number of the dtype after a towards b.",
                                        .inputs = {"a", "b"},
                                        .infer = infer_nextafter,
                                        .backward = nextafter_gradients,
                                    });
  registry.declare(OpId::replace_nonfinite, {
                                                .doc = "x with numbers instead of NaN and infinities.",
                                                .inputs = {"x"},
                                                .attributes = op::fields_of<op::ReplaceNonfiniteAttrs>(),
                                                .infer = infer_replace,
                                                .backward = replace_gradients,
                                                .saves_inputs = 1U,
                                            });
}

}  // namespace ops

namespace {

Tensor as_real(const Tensor& x) { return is_floating(x.dtype()) ? x : astype(x, DType::float32); }

double largest_of(DType dtype) {
  switch (dtype) {
    case DType::float16: return 65504;
    case DType::bfloat16: return 0x1.FEp127;
    case DType::float64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

}  // namespace

Tensor positive(const Tensor& x) try {
  if (x.dtype() == DType::boolean) throw TypeError("positive: bool has no arithmetic; use astype");
  return x;
} catch (const Error&) {
  core::rethrow_as("positive");
}

Tensor nextafter(const Tensor& a, const Tensor& b) try {
  DType dtype = promote(a.dtype(), b.dtype());
  if (!is_floating(dtype)) dtype = DType::float32;
  const Dims shape = broadcast_shapes("nextafter", a.shape(), b.shape());
  return op::apply(OpId::nextafter, {}, {broadcast_to(astype(a, dtype), shape), broadcast_to(astype(b, dtype), shape)});
} catch (const Error&) {
  core::rethrow_as("nextafter");
}

Tensor float_power(const Tensor& a, const Tensor& b) try {
  return pow(astype(a, DType::float64), astype(b, DType::float64));
} catch (const Error&) {
  core::rethrow_as("float_power");
}

Tensor deg2rad(const Tensor& x) try { return as_real(x) * (std::numbers::pi / 180); } catch (const Error&) {
  core::rethrow_as("deg2rad");
}

Tensor rad2deg(const Tensor& x) try { return as_real(x) * (180 / std::numbers::pi); } catch (const Error&) {
  core::rethrow_as("rad2deg");
}

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> positive, std::optional<double> negative) try {
  if (!is_floating(x.dtype())) return x;
  const double largest = largest_of(x.dtype());
  // Compiled functions fuse the comparisons with what follows.
  if (!is_tracing()) {
    const op::ReplaceNonfiniteAttrs attrs = {nan, positive.value_or(largest), negative.value_or(-largest)};
    return op::apply(OpId::replace_nonfinite, op::to_attrs(attrs), {x});
  }
  const Tensor infinite = isinf(x);
  const Tensor instead = where(greater(x, scalar_like(0, x)), scalar_like(positive.value_or(largest), x),
                               scalar_like(negative.value_or(-largest), x));
  return where(isnan(x), scalar_like(nan, x), where(infinite, instead, x));
} catch (const Error&) {
  core::rethrow_as("nan_to_num");
}

// Integers are compared in float64, where nearly all of them are exact.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) try {
  DType dtype = promote(a.dtype(), b.dtype());
  if (!is_floating(dtype)) dtype = DType::float64;
  const Tensor left = astype(a, dtype);
  const Tensor right = astype(b, dtype);
  const Tensor near = less_equal(abs(left - right), abs(right) * rtol + atol);
  // Beside an infinity every difference is small.
  const Tensor close = logical_or(equal(left, right), logical_and(near, isfinite(right)));
  return equal_nan ? logical_or(close, logical_and(isnan(left), isnan(right))) : close;
} catch (const Error&) {
  core::rethrow_as("isclose");
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) try {
  return all(isclose(a, b, rtol, atol, equal_nan)).item() != 0;
} catch (const Error&) {
  core::rethrow_as("allclose");
}

Tensor ndtr(const Tensor& x) try {
  return erfc(as_real(x) * (-0.5 * std::numbers::sqrt2)) * 0.5;
} catch (const Error&) {
  core::rethrow_as("ndtr");
}

Tensor tanhshrink(const Tensor& x) try {
  const Tensor real = as_real(x);
  return real - tanh(real);
} catch (const Error&) {
  core::rethrow_as("tanhshrink");
}

// What is not a number is kept.
Tensor threshold(const Tensor& x, const Tensor& threshold, const Tensor& value) try {
  return where(less_equal(x, threshold), value, x);
} catch (const Error&) {
  core::rethrow_as("threshold");
}

Tensor glu(const Tensor& x, int64_t axis) try {
  const int normal = normalize_axis("axis", axis, x.rank());
  const int64_t size = x.shape()[normal];
  if (size % 2 != 0) {
    throw ValueError(concat_text("glu: axis ", normal, " must have an even size to be halved, got ", size));
  }
  const std::vector<Tensor> halves = split(as_real(x), {size / 2, size / 2}, normal);
  return halves[0] * sigmoid(halves[1]);
} catch (const Error&) {
  core::rethrow_as("glu");
}

Tensor prelu(const Tensor& x, const Tensor& weight) try {
  if (weight.rank() > 1) {
    throw ValueError(concat_text("prelu: expected a weight of rank 0 or 1, got shape ", weight.shape()));
  }
  if (weight.size() == 1) return leaky_relu(x, reshape(weight, {}));
  const int64_t channels = x.rank() > 1 ? x.shape()[1] : 1;
  if (weight.size() != channels) {
    throw ValueError(concat_text("prelu: expected one weight, or one for each of ", channels,
                                 " channels of x, got weight of shape ", weight.shape(), " and x of shape ",
                                 x.shape()));
  }
  Dims shape = Dims::filled(x.rank() - 1, 1);
  shape[0] = channels;
  return leaky_relu(x, reshape(weight, shape));
} catch (const Error&) {
  core::rethrow_as("prelu");
}

Tensor rrelu(const Tensor& x, double lower, double upper, bool training, Generator& generator) try {
  if (!(lower <= upper)) {
    throw ValueError(concat_text("rrelu: expected lower <= upper, got ", lower, " and ", upper));
  }
  const Tensor real = as_real(x);
  if (!training || lower == upper) return leaky_relu(real, scalar_like((lower + upper) / 2, real));
  return leaky_relu(real, uniform(real.shape(), lower, upper, real.dtype(), generator));
} catch (const Error&) {
  core::rethrow_as("rrelu");
}

}  // namespace pydl
