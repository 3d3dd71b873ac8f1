// Losses that are ops in their own right, because one kernel computes them without intermediate results.
#include "op/attrs/loss.h"
#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/autocast.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::CrossEntropyAttrs;
using op::Gradients;
using op::LossReduction;
using op::OpId;

namespace ops {

namespace {

// The shape of the loss for these logits.
Dims loss_shape(const CrossEntropyAttrs& attrs, const BufferSpec& logits) {
  if (attrs.reduction != LossReduction::none) return {};
  Dims shape = logits.shape;
  shape.erase(static_cast<int>(attrs.axis));
  return shape;
}

void require_target(const char* name, int64_t axis, const BufferSpec& logits, const BufferSpec& target) {
  require_floating(name, logits);
  Dims expected = logits.shape;
  expected.erase(require_axis(name, axis, logits.shape.rank()));
  if (target.dtype == DType::int64 && target.shape == expected) return;
  throw ValueError(concat_text(name, ": logits of shape ", logits.shape, " expect class indices, int64 of shape ",
                               expected, ", got ", target.dtype, " of shape ", target.shape));
}

void infer_cross_entropy(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const auto given = op::from_attrs<CrossEntropyAttrs>(attrs);
  require_target("softmax_cross_entropy", given.axis, inputs[0], inputs[1]);
  *output = row_major(inputs[0].dtype, loss_shape(given, inputs[0]));
}

void infer_cross_entropy_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output,
                                  int64_t*) {
  const char* name = "softmax_cross_entropy_backward";
  const auto given = op::from_attrs<CrossEntropyAttrs>(attrs);
  require_target(name, given.axis, inputs[1], inputs[2]);
  require_same_dtype(name, inputs[0], inputs[1]);
  const Dims expected = loss_shape(given, inputs[1]);
  if (inputs[0].shape != expected) {
    throw ValueError(concat_text(name, ": expected a gradient of shape ", expected, ", got ", inputs[0].shape));
  }
  *output = row_major(inputs[1].dtype, inputs[1].shape);
}

Gradients cross_entropy_gradients(const BackwardContext& c) {
  return {op::apply(OpId::softmax_cross_entropy_backward, c.attrs(), {c.gradient, c.input(0), c.input(1)}), {}};
}

// The weight of each row in the loss: g if the target counts, divided for the mean by the number of targets that count.
Tensor row_weights(const CrossEntropyAttrs& attrs, const Tensor& g, const Tensor& target) {
  const Tensor counted = astype(not_equal(target, attrs.ignore_index), g.dtype());
  const Tensor weights = counted * g;
  // If no target counts, all weights are 0.
  return attrs.reduction == LossReduction::mean ? gradient_over(weights, sum(counted)) : weights;
}

// The derivative of w (p - onehot), p = softmax(x), for an incoming gradient h: linear in g, and through p by the rule
// of softmax.
Gradients cross_entropy_backward_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<CrossEntropyAttrs>(c.attrs());
  const Tensor& h = c.gradient;
  const Tensor g = c.input(0);
  const Tensor logits = c.input(1);
  Gradients gradients(3);
  if (c.needs(0)) {
    const Tensor slope = op::apply(OpId::softmax_cross_entropy_backward, c.attrs(), {ones_like(g), logits, c.input(2)});
    gradients[0] =
        attrs.reduction == LossReduction::none ? sum(h * slope, std::vector<int64_t>{attrs.axis}) : sum(h * slope);
  }
  if (c.needs(1)) {
    const Tensor weights = expand_dims(row_weights(attrs, g, c.input(2)), attrs.axis);
    gradients[1] = weights * softmax_backward(h, softmax(logits, attrs.axis), attrs.axis);
  }
  return gradients;
}

}  // namespace

void define_loss(Registry& registry) {
  constexpr uint32_t first_two = 3U;
  constexpr uint32_t first_three = 7U;
  // (logits, target int64 with the shape of logits without axis) -> (loss: shape of target, or () if reduced) {axis,
  // ignore_index, reduction integer: 0 none, 1 mean over the targets that count, 2 sum}; a target that is out of range
  // and not ignore_index raises IndexError
  registry.declare(OpId::softmax_cross_entropy, {
                                                    .doc = "Negative log-softmax of logits at the target class.",
                                                    .inputs = {"logits", "target"},
                                                    .results = {"loss"},
                                                    .attributes = op::fields_of<CrossEntropyAttrs>(),
                                                    .traits = flag(op::Trait::checks_values),
                                                    .infer = infer_cross_entropy,
                                                    .backward = cross_entropy_gradients,
                                                    .saves_inputs = first_two,
                                                });
  // (g with the shape of the loss, logits, target) -> (y with the shape of logits) {same attributes}
  registry.declare(OpId::softmax_cross_entropy_backward,
                   {
                       .doc = "Gradient of softmax_cross_entropy for the logits: softmax minus one-hot.",
                       .inputs = {"g", "logits", "target"},
                       .attributes = op::fields_of<CrossEntropyAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_cross_entropy_backward,
                       .backward = cross_entropy_backward_gradients,
                       .saves_inputs = first_three,
                   });
}

}  // namespace ops

namespace {

Attrs cross_entropy_attrs(const char* name, const Tensor& logits, int64_t axis, int64_t ignore_index,
                          Reduction reduction) {
  return op::to_attrs(CrossEntropyAttrs{normalize_axis(name, axis, logits.rank()), ignore_index,
                                        static_cast<op::LossReduction>(reduction)});
}

Tensor class_indices(const Tensor& target) {
  if (!is_integer(target.dtype())) {
    throw TypeError(concat_text("softmax_cross_entropy: expected integers as class indices, got ", target.dtype()));
  }
  return astype(target, DType::int64);
}

}  // namespace

Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& target, int64_t axis, int64_t ignore_index,
                             Reduction reduction) try {
  const Attrs attrs = cross_entropy_attrs("softmax_cross_entropy", logits, axis, ignore_index, reduction);
  return op::apply(OpId::softmax_cross_entropy, attrs, {widened(logits), class_indices(target)});
} catch (const Error&) {
  core::rethrow_as("softmax_cross_entropy");
}

Tensor softmax_cross_entropy_backward(const Tensor& g, const Tensor& logits, const Tensor& target, int64_t axis,
                                      int64_t ignore_index, Reduction reduction) try {
  const Attrs attrs = cross_entropy_attrs("softmax_cross_entropy_backward", logits, axis, ignore_index, reduction);
  return op::apply(OpId::softmax_cross_entropy_backward, attrs, {g, logits, class_indices(target)});
} catch (const Error&) {
  core::rethrow_as("softmax_cross_entropy_backward");
}

}  // namespace pydl
