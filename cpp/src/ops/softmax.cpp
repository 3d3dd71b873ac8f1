// Normalised exponentials along one axis.
#include <cmath>
#include <limits>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/softmax.h"
#include "ops/composing.h"
#include "ops/families.h"
#include "pydl/autocast.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

template <OpId id>
void infer_softmax(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  require_axis(name, op::from_attrs<op::SoftmaxAttrs>(attrs).axis, inputs[0].shape.rank());
  for (const BufferSpec& input : inputs) {
    require_floating(name, input);
    require_same_dtype(name, inputs[0], input);
    if (input.shape != inputs[0].shape) {
      throw ValueError(concat_text(name, ": expected one shape, got ", inputs[0].shape, " and ", input.shape));
    }
  }
  *output = row_major(inputs[0].dtype, inputs[0].shape);
}

int64_t axis_of(const BackwardContext& c) { return op::from_attrs<op::SoftmaxAttrs>(c.attrs()).axis; }
Axes axes_of(const BackwardContext& c) { return std::vector<int64_t>{axis_of(c)}; }

Gradients softmax_gradients(const BackwardContext& c) { return {softmax_backward(c.gradient, c.result(), axis_of(c))}; }

// The derivative of y (g - s), s = sum(g y), for an incoming gradient h: for g it is softmax_backward again, for y the
// product rule.
Gradients softmax_backward_gradients(const BackwardContext& c) {
  const Tensor& h = c.gradient;
  const Tensor g = c.input(0);
  const Tensor y = c.input(1);
  Gradients gradients(2);
  gradients[0] = softmax_backward(h, y, axis_of(c));
  if (c.needs(1)) {
    const Tensor s = sum(g * y, axes_of(c), true);
    gradients[1] = h * (g - s) - g * sum(h * y, axes_of(c), true);
  }
  return gradients;
}

Gradients log_softmax_gradients(const BackwardContext& c) {
  return {log_softmax_backward(c.gradient, c.result(), axis_of(c))};
}

// The derivative of g - exp(y) sum(g).
Gradients log_softmax_backward_gradients(const BackwardContext& c) {
  const Tensor& h = c.gradient;
  const Tensor g = c.input(0);
  const Tensor p = exp(c.input(1));
  Gradients gradients(2);
  gradients[0] = h - sum(h * p, axes_of(c), true);
  if (c.needs(1)) gradients[1] = -(h * p * sum(g, axes_of(c), true));
  return gradients;
}

}  // namespace

void define_softmax(Registry& registry) {
  constexpr uint32_t both_inputs = 3U;
  // {axis integer}
  registry.declare(OpId::softmax, {
                                      .doc = "exp(x) normalised to sum 1 along an axis.",
                                      .inputs = {"x"},
                                      .attributes = op::fields_of<op::SoftmaxAttrs>(),
                                      .infer = infer_softmax<OpId::softmax>,
                                      .backward = softmax_gradients,
                                      .saves_results = 1U,
                                  });
  registry.declare(OpId::log_softmax, {
                                          .doc = "Logarithm of softmax, without overflow.",
                                          .inputs = {"x"},
                                          .attributes = op::fields_of<op::SoftmaxAttrs>(),
                                          .infer = infer_softmax<OpId::log_softmax>,
                                          .backward = log_softmax_gradients,
                                          .saves_results = 1U,
                                      });
  registry.declare(OpId::softmax_backward, {
                                               .doc = "Gradient of softmax: y * (g - sum(g * y)); inputs g, y.",
                                               .inputs = {"g", "y"},
                                               .attributes = op::fields_of<op::SoftmaxAttrs>(),
                                               .infer = infer_softmax<OpId::softmax_backward>,
                                               .backward = softmax_backward_gradients,
                                               .saves_inputs = both_inputs,
                                           });
  registry.declare(OpId::log_softmax_backward, {
                                                   .doc = "Gradient of log_softmax: g - exp(y) * sum(g); inputs g, y.",
                                                   .inputs = {"g", "y"},
                                                   .attributes = op::fields_of<op::SoftmaxAttrs>(),
                                                   .infer = infer_softmax<OpId::log_softmax_backward>,
                                                   .backward = log_softmax_backward_gradients,
                                                   .saves_inputs = both_inputs,
                                               });
}

}  // namespace ops

namespace {

Tensor apply_along(OpId id, int64_t axis, std::initializer_list<Tensor> inputs) {
  const int64_t position = normalize_axis(op::op_name(id), axis, inputs.begin()->rank());
  return op::apply(id, op::to_attrs(op::SoftmaxAttrs{position}), inputs);
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t axis) try {
  return apply_along(OpId::softmax, axis, {widened(x)});
} catch (const Error&) {
  core::rethrow_as("softmax");
}
Tensor log_softmax(const Tensor& x, int64_t axis) try {
  return apply_along(OpId::log_softmax, axis, {widened(x)});
} catch (const Error&) {
  core::rethrow_as("log_softmax");
}

Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t axis) try {
  return apply_along(OpId::softmax_backward, axis, {g, y});
} catch (const Error&) {
  core::rethrow_as("softmax_backward");
}

Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t axis) try {
  return apply_along(OpId::log_softmax_backward, axis, {g, y});
} catch (const Error&) {
  core::rethrow_as("log_softmax_backward");
}

Tensor logsumexp(const Tensor& x, const Axes& axes, bool keepdims) try {
  const Tensor values = ops::to_wide_floating(x);
  const DType dtype = ops::to_floating(x).dtype();
  if (x.size() == 0) {  // the logarithm of an empty sum
    return full(sum(x, axes, keepdims).shape(), -std::numeric_limits<double>::infinity(), dtype);
  }
  const Tensor kept = max(values, axes, true).detach();
  // If the maximum of a row is infinite, differences from it are meaningless, and the maximum is itself the result.
  const Tensor shift = where(isfinite(kept), kept, scalar_like(0, kept));
  const Tensor summed = log(sum(exp(values - shift), axes, true)) + shift;
  return astype(keepdims ? summed : reshape(summed, sum(shift, axes).shape()), dtype);
} catch (const Error&) {
  core::rethrow_as("logsumexp");
}

}  // namespace pydl
