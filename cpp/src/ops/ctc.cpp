// Connectionist temporal classification (Graves et al., 2006): the likelihood of label sequences without alignment.
#include "op/attrs/ctc.h"
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
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

void require_lengths(const char* argument, const BufferSpec& lengths, int64_t batch) {
  if (lengths.dtype == DType::int64 && lengths.shape == Dims{batch}) return;
  throw ValueError(concat_text("ctc_loss: expected ", argument, " of int64 and shape (", batch, ",), got ",
                               lengths.dtype, " of shape ", lengths.shape));
}

// `operands` begin with the log-probabilities.
void require_operands(const Attrs& attrs, std::span<const BufferSpec> operands) {
  const BufferSpec& log_probs = operands[0];
  const BufferSpec& targets = operands[1];
  require_floating("ctc_loss", log_probs);
  if (log_probs.shape.rank() != 3) {
    throw ValueError(concat_text("ctc_loss: expected log_probs of shape (T, N, C), got ", log_probs.shape));
  }
  const int64_t blank = op::from_attrs<op::CtcAttrs>(attrs).blank;
  if (blank < 0 || blank >= log_probs.shape[2]) {
    throw ValueError(concat_text("ctc_loss: blank ", blank, " is outside the ", log_probs.shape[2], " classes"));
  }
  const int64_t batch = log_probs.shape[1];
  const bool fits = targets.shape.rank() == 1 || (targets.shape.rank() == 2 && targets.shape[0] == batch);
  if (!fits || targets.dtype != DType::int64) {
    throw ValueError(concat_text("ctc_loss: expected targets of int64 and shape (", batch,
                                 ", S), or 1-dimensional and joined, got ", targets.dtype, " of shape ",
                                 targets.shape));
  }
  require_lengths("input_lengths", operands[2], batch);
  require_lengths("target_lengths", operands[3], batch);
}

void infer_ctc_loss(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_operands(attrs, inputs);
  *output = row_major(inputs[0].dtype, {inputs[0].shape[1]});
}

void infer_ctc_loss_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_operands(attrs, inputs.subspan(1));
  require_same_dtype("ctc_loss_backward", inputs[0], inputs[1]);
  const Dims expected = {inputs[1].shape[1]};
  if (inputs[0].shape != expected) {
    throw ValueError(
        concat_text("ctc_loss_backward: expected a gradient of shape ", expected, ", got ", inputs[0].shape));
  }
  *output = row_major(inputs[1].dtype, inputs[1].shape);
}

Gradients ctc_loss_gradients(const BackwardContext& c) {
  return {op::apply(OpId::ctc_loss_backward, c.attrs(), {c.gradient, c.input(0), c.input(1), c.input(2), c.input(3)}),
          {},
          {},
          {}};
}

// Linear in g. A gradient for the log-probabilities would require the covariances of paths.
Gradients ctc_loss_backward_gradients(const BackwardContext& c) {
  if (c.needs(1)) {
    throw Error("ctc_loss: the derivative of its gradient for log_probs, a second derivative, is not available");
  }
  const Tensor slope = op::apply(OpId::ctc_loss_backward, c.attrs(),
                                 {ones_like(c.input(0)), c.input(1), c.input(2), c.input(3), c.input(4)});
  return {sum(c.gradient * slope, std::vector<int64_t>{0, 2}), {}, {}, {}, {}};
}

}  // namespace

void define_ctc(Registry& registry) {
  constexpr uint32_t first_four = 15U;
  constexpr uint32_t first_five = 31U;
  // (log_probs (T, N, C), targets int64 (N, S) or all joined, input_lengths int64 (N), target_lengths int64 (N)) ->
  // (losses (N)) {blank integer; zero_infinity bool: 0 instead of infinity if no path is long enough}; op/ctc_batch.h
  // reads and checks the lengths and targets
  registry.declare(OpId::ctc_loss, {
                                       .doc = "Negative log-likelihood of label sequences, summed over alignments.",
                                       .inputs = {"log_probs", "targets", "input_lengths", "target_lengths"},
                                       .results = {"losses"},
                                       .attributes = op::fields_of<op::CtcAttrs>(),
                                       .traits = flag(op::Trait::checks_values),
                                       .infer = infer_ctc_loss,
                                       .backward = ctc_loss_gradients,
                                       .saves_inputs = first_four,
                                   });
  // (g (N), log_probs, targets, input_lengths, target_lengths) -> (y (T, N, C)) {same attributes}
  registry.declare(OpId::ctc_loss_backward,
                   {
                       .doc = "Gradient of ctc_loss for the log-probabilities: minus how often each class is passed.",
                       .inputs = {"g", "log_probs", "targets", "input_lengths", "target_lengths"},
                       .attributes = op::fields_of<op::CtcAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_ctc_loss_backward,
                       .backward = ctc_loss_backward_gradients,
                       .saves_inputs = first_five,
                   });
}

}  // namespace ops

namespace {

Tensor whole_numbers(const char* argument, const Tensor& x) {
  if (!is_integer(x.dtype())) {
    throw TypeError(concat_text("ctc_loss: expected ", argument, " of integers, got ", x.dtype()));
  }
  return astype(x, DType::int64);
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, bool zero_infinity) try {
  return op::apply(OpId::ctc_loss, op::to_attrs(op::CtcAttrs{blank, zero_infinity}),
                   {widened(log_probs), whole_numbers("targets", targets),
                    whole_numbers("input_lengths", input_lengths), whole_numbers("target_lengths", target_lengths)});
} catch (const Error&) {
  core::rethrow_as("ctc_loss");
}

Tensor ctc_loss_backward(const Tensor& g, const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                         const Tensor& target_lengths, int64_t blank, bool zero_infinity) try {
  return op::apply(OpId::ctc_loss_backward, op::to_attrs(op::CtcAttrs{blank, zero_infinity}),
                   {g, log_probs, whole_numbers("targets", targets), whole_numbers("input_lengths", input_lengths),
                    whole_numbers("target_lengths", target_lengths)});
} catch (const Error&) {
  core::rethrow_as("ctc_loss_backward");
}

}  // namespace pydl
