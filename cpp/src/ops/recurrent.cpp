// Recurrent layers: one direction of one layer.
//
// The results share one buffer, the tape, parts of which the derivative reads (op/recurrent_geometry.h). If they were
// recorded as slices of the tape, each would produce a gradient of the tape's size; therefore the states are recorded
// as one function.
#include <algorithm>

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/recurrent.h"
#include "op/recurrent_geometry.h"
#include "op/saturating.h"
#include "ops/families.h"
#include "ops/recurrent_composed.h"
#include "pydl/autograd.h"
#include "pydl/program.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;
using op::RecurrentGeometry;

namespace ops {

namespace {

static_assert(static_cast<int>(op::Cell::lstm) == static_cast<int>(RecurrentCell::lstm) &&
              static_cast<int>(op::Cell::gru) == static_cast<int>(RecurrentCell::gru) &&
              static_cast<int>(op::Cell::rnn_tanh) == static_cast<int>(RecurrentCell::rnn_tanh) &&
              static_cast<int>(op::Cell::rnn_relu) == static_cast<int>(RecurrentCell::rnn_relu));

void require_shape(const char* name, const char* argument, const BufferSpec& spec, const Dims& expected) {
  if (spec.shape == expected) return;
  throw ValueError(concat_text(name, ": expected ", argument, " of shape ", expected, ", got ", spec.shape));
}

void require_lengths(const char* name, const BufferSpec& lengths, int64_t batch) {
  require_shape(name, "lengths", lengths, {batch});
  if (lengths.dtype == DType::int64) return;
  throw TypeError(concat_text(name, ": expected lengths of int64, got ", lengths.dtype));
}

// Offsets in the tape must fit into int64.
void require_countable(const char* name, const RecurrentGeometry& g) {
  constexpr int64_t most = int64_t{1} << 56;
  int64_t elements = 0;
  const bool overflows = __builtin_mul_overflow(g.batch, g.hidden, &elements) ||
                         __builtin_mul_overflow(std::max<int64_t>(elements, 1), g.steps, &elements);
  if (!overflows && elements <= most && g.steps <= most && g.hidden <= most) return;
  throw ValueError(concat_text(name, ": ", g.steps, " steps of shape (", g.batch, ", ", g.hidden, ") are too many"));
}

void infer_recurrent(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "recurrent";
  const op::RecurrentInputs at = op::recurrent_inputs(attrs);
  if (static_cast<int>(inputs.size()) != at.count) {
    throw TypeError(concat_text(name, ": expected ", at.count, " inputs, got ", inputs.size()));
  }
  const BufferSpec& x = inputs[0];
  require_floating(name, x);
  if (x.shape.rank() != 3) throw ValueError(concat_text(name, ": expected x of shape (T, N, I), got ", x.shape));
  if (inputs[1].shape.rank() != 2) {
    throw ValueError(concat_text(name, ": expected h0 of shape (N, H), got ", inputs[1].shape));
  }
  const RecurrentGeometry g = op::recurrent_geometry(attrs, inputs);
  require_countable(name, g);
  const int64_t rows = g.gates() * g.hidden;
  const auto check = [&](int input, const char* argument, const Dims& shape) {
    if (input < 0) return;
    require_same_dtype(name, x, inputs[static_cast<size_t>(input)]);
    require_shape(name, argument, inputs[static_cast<size_t>(input)], shape);
  };
  check(at.h0, "h0", {x.shape[1], g.hidden});
  check(at.w_ih, "w_ih", {rows, x.shape[2]});
  check(at.w_hh, "w_hh", {rows, g.hidden});
  check(at.c0, "c0", inputs[1].shape);
  check(at.b_ih, "b_ih", {rows});
  check(at.b_hh, "b_hh", {rows});
  if (at.lengths >= 0) require_lengths(name, inputs[static_cast<size_t>(at.lengths)], g.batch);
  *output = row_major(x.dtype, {g.result_size(attrs.flag("tape"))});
}

void infer_recurrent_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "recurrent_backward";
  const op::RecurrentBackwardInputs at = op::recurrent_backward_inputs(attrs);
  if (static_cast<int>(inputs.size()) != at.count) {
    throw TypeError(concat_text(name, ": expected ", at.count, " inputs, got ", inputs.size()));
  }
  const BufferSpec& tape = inputs[0];
  require_floating(name, tape);
  if (inputs[1].shape.rank() != 2) {
    throw ValueError(concat_text(name, ": expected h0 of shape (N, H), got ", inputs[1].shape));
  }
  require_sizes(name, {attrs.integer("steps")});
  const RecurrentGeometry g = op::recurrent_backward_geometry(attrs, inputs);
  require_countable(name, g);
  const auto check = [&](int input, const char* argument, const Dims& shape) {
    if (input < 0) return;
    require_same_dtype(name, tape, inputs[static_cast<size_t>(input)]);
    require_shape(name, argument, inputs[static_cast<size_t>(input)], shape);
  };
  check(at.tape, "a tape", {g.result_size(true)});
  check(at.w_hh, "w_hh", {g.gates() * g.hidden, g.hidden});
  check(at.dy, "dy", {g.steps, g.batch, g.hidden});
  check(at.dh, "dh", {g.batch, g.hidden});
  check(at.dc, "dc", {g.batch, g.hidden});
  if (at.lengths >= 0) require_lengths(name, inputs[static_cast<size_t>(at.lengths)], g.batch);
  *output = row_major(tape.dtype, {g.gradient_size()});
}

void infer_sequence_product(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "sequence_product";
  const BufferSpec& a = inputs[0];
  const BufferSpec& b = inputs[1];
  require_floating(name, a);
  require_same_dtype(name, a, b);
  require_same_dtype(name, a, inputs[3]);
  const bool fit = a.shape.rank() == 3 && b.shape.rank() == 3 && a.shape[0] == b.shape[0] && a.shape[1] == b.shape[1];
  if (!fit) {
    throw ValueError(concat_text(name, ": expected shapes (T, N, A) and (T, N, B), got ", a.shape, " and ", b.shape));
  }
  if (attrs.integer("shift") < -1 || attrs.integer("shift") > 1) {
    throw ValueError(concat_text(name, ": expected a shift of -1, 0 or 1, got ", attrs.integer("shift")));
  }
  require_lengths(name, inputs[2], a.shape[1]);
  require_shape(name, "first", inputs[3], {b.shape[1], b.shape[2]});
  *output = row_major(a.dtype, {a.shape[2], b.shape[2]});
}

int64_t recurrent_flops(const Attrs& attrs, std::span<const BufferSpec> inputs, const BufferSpec&) {
  const RecurrentGeometry g = op::recurrent_geometry(attrs, inputs);
  return op::saturating_product({2, g.steps, g.batch, g.gates(), g.hidden, g.hidden + inputs[0].shape[2]});
}

int64_t recurrent_backward_flops(const Attrs& attrs, std::span<const BufferSpec> inputs, const BufferSpec&) {
  const RecurrentGeometry g = op::recurrent_backward_geometry(attrs, inputs);
  return op::saturating_product({2, g.steps, g.batch, g.gates(), g.hidden, g.hidden});
}

int64_t sequence_product_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec& output) {
  return op::saturating_product({2, inputs[0].shape[0], inputs[0].shape[1], element_count(output.shape)});
}

// --- one call, and its derivative -------------------------------------------------------------------

Tensor part(const Tensor& flat, int64_t offset, const Dims& shape) {
  return reshape(slice(flat, {offset}, {element_count(shape)}, {1}), shape);
}

Tensor columns(const Tensor& x, int64_t begin, int64_t count) {
  return slice(x, {0, begin}, {x.size(0), count}, {1, 1});
}

// A call of `recurrent` with its operands in the order of the op, and its derivative.
class RecurrentCall {
 public:
  RecurrentCall(std::vector<Tensor> operands, Tensor lengths, const RecurrentOptions& options)
      : operands_(std::move(operands)), lengths_(std::move(lengths)), options_(options) {
    has_bias_ = operands_.size() > (is_lstm() ? 5U : 4U);
    for (const Tensor& operand : operands_) versions_.push_back(operand.version());
  }

  const std::vector<Tensor>& operands() const { return operands_; }

  /// Runs the call without recording history.
  RecurrentStates run(bool tape) {
    const GradMode mode(false);
    std::vector<Tensor> inputs = operands_;
    if (lengths_.defined()) inputs.push_back(lengths_);
    Attrs attrs = common_attrs();
    attrs.add("bias", has_bias_);
    attrs.add("tape", tape);
    tape_ = op::apply(OpId::recurrent, attrs, inputs);
    const RecurrentGeometry g = geometry();
    // The final states are copies, so that keeping them does not keep the tape.
    const Dims state = {g.batch, g.hidden};
    RecurrentStates states = {part(tape_, g.new_states(), {g.steps, g.batch, g.hidden}),
                              copy(part(tape_, g.final_h(), state))};
    if (is_lstm()) states.c = copy(part(tape_, g.final_c(), state));
    if (!tape) tape_ = {};
    return states;
  }

  /// The gradients of the operands that are marked in `needs`.
  std::vector<Tensor> gradients(const RecurrentStates& given, const std::vector<bool>& needs) const {
    std::vector<Tensor> results(operands_.size());
    if (!given.output.defined() && !given.h.defined() && !given.c.defined()) return results;
    check_versions();
    return grad_enabled() ? composed_gradients(given, needs) : kernel_gradients(given, needs);
  }

 private:
  bool is_lstm() const { return options_.cell == RecurrentCell::lstm; }
  size_t bias_index() const { return is_lstm() ? 5 : 4; }

  Attrs common_attrs() const {
    return {{"cell", op::to_value(static_cast<op::Cell>(options_.cell))},
            {"reset_after", options_.reset_after},
            {"reverse", options_.reverse},
            {"lengths", lengths_.defined()}};
  }

  RecurrentGeometry geometry() const {
    return {static_cast<op::Cell>(options_.cell),
            options_.reset_after,
            options_.reverse,
            operands_[0].size(0),
            operands_[1].size(0),
            operands_[1].size(1)};
  }

  void check_versions() const {
    for (size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i].version() == versions_[i]) continue;
      throw Error(concat_text("backward: recurrent still needs its input of shape ", operands_[i].shape(),
                              ", which was overwritten in place since"));
    }
  }

  // Repeats the computation with differentiable ops, so that the result can be differentiated again. The operands are
  // passed as views, because one of them may have been computed from another.
  std::vector<Tensor> composed_gradients(const RecurrentStates& given, const std::vector<bool>& needs) const {
    std::vector<Tensor> views;
    std::vector<Tensor> wanted;
    for (size_t i = 0; i < operands_.size(); ++i) {
      views.push_back(op::apply(OpId::reshape, {{"shape", operands_[i].shape()}}, {operands_[i]}));
      if (needs[i]) wanted.push_back(views[i]);
    }
    RecurrentWeights weights = {views[2], views[3]};
    if (has_bias_) {
      weights.b_ih = views[bias_index()];
      weights.b_hh = views[bias_index() + 1];
    }
    const RecurrentStates states =
        recurrent_composed(views[0], views[1], is_lstm() ? views[4] : Tensor{}, weights, lengths_, options_);
    std::vector<Tensor> outputs;
    std::vector<Tensor> weighting;
    const auto add = [&](const Tensor& output, const Tensor& gradient) {
      if (!gradient.defined() || !output.requires_grad()) return;
      outputs.push_back(output);
      weighting.push_back(gradient);
    };
    add(states.output, given.output);
    add(states.h, given.h);
    add(states.c, given.c);
    const std::vector<Tensor> found =
        grad(outputs, wanted, weighting, {.retain_graph = true, .create_graph = true, .allow_unused = true});
    std::vector<Tensor> results(operands_.size());
    size_t next = 0;
    for (size_t i = 0; i < operands_.size(); ++i) {
      if (needs[i]) results[i] = found[next++];
    }
    return results;
  }

  Tensor run_backward(const RecurrentStates& given) const {
    std::vector<Tensor> inputs = {tape_, operands_[1], operands_[3]};
    if (lengths_.defined()) inputs.push_back(lengths_);
    Attrs attrs = common_attrs();
    attrs.add("dy", given.output.defined());
    attrs.add("dh", given.h.defined());
    attrs.add("dc", given.c.defined());
    attrs.add("steps", operands_[0].size(0));
    for (const Tensor& gradient : {given.output, given.h, given.c}) {
      if (gradient.defined()) inputs.push_back(gradient);
    }
    return op::apply(OpId::recurrent_backward, attrs, inputs);
  }

  // gate_gradients (T N, S) transposed times rows (T, N, B) of the steps that count; `shift` and `first` are those of
  // sequence_product.
  Tensor product(const Tensor& gate_gradients, const Tensor& rows, int64_t shift, const Tensor& first) const {
    if (!lengths_.defined())
      return matmul(matrix_transpose(gate_gradients), reshape(rows, {gate_gradients.size(0), rows.size(2)}));
    const RecurrentGeometry g = geometry();
    return sequence_product(reshape(gate_gradients, {g.steps, g.batch, gate_gradients.size(1)}), rows, lengths_, first,
                            shift);
  }

  // The gradient of the recurrent weights: each block of gate_gradients times the input of its gates.
  Tensor recurrent_weight_gradient(const Tensor& gate_gradients) const {
    const RecurrentGeometry g = geometry();
    const Tensor& h0 = operands_[1];
    const Dims states = {g.steps, g.batch, g.hidden};
    const auto times_h = [&](int64_t begin, int64_t blocks) {
      const Tensor left = columns(gate_gradients, begin * g.hidden, blocks * g.hidden);
      if (!lengths_.defined()) return product(left, part(tape_, g.previous_states(), states), 0, h0);
      return product(left, part(tape_, g.new_states(), states), g.reverse ? 1 : -1, h0);
    };
    if (!g.is_gru()) return times_h(0, g.gates());
    if (g.reset_after) {
      const Tensor parts[] = {times_h(0, 2), times_h(3, 1)};
      return concat(parts);
    }
    const Tensor kept = part(tape_, g.kept_offset(), {g.steps, g.batch, 4 * g.hidden});
    const Tensor scaled = slice(kept, {0, 0, 3 * g.hidden}, states, {1, 1, 1});
    const Tensor parts[] = {times_h(0, 2), product(columns(gate_gradients, 2 * g.hidden, g.hidden), scaled, 0, h0)};
    return concat(parts);
  }

  std::vector<Tensor> kernel_gradients(const RecurrentStates& given, const std::vector<bool>& needs) const {
    const RecurrentGeometry g = geometry();
    const Tensor flat = run_backward(given);
    const Tensor gate_gradients = part(flat, 0, {g.steps * g.batch, g.gate_gradients() * g.hidden});
    const int64_t width = g.gates() * g.hidden;
    const Tensor of_input = columns(gate_gradients, 0, width);
    const Tensor& x = operands_[0];
    std::vector<Tensor> results(operands_.size());
    if (needs[0]) results[0] = reshape(matmul(of_input, operands_[2]), x.shape());
    if (needs[1]) results[1] = part(flat, g.first_h_gradient(), {g.batch, g.hidden});
    if (needs[2]) {
      const Tensor none = lengths_.defined() ? zeros({g.batch, x.size(2)}, x.dtype()) : Tensor{};
      results[2] = product(of_input, x, 0, none);
    }
    if (needs[3]) results[3] = recurrent_weight_gradient(gate_gradients);
    if (is_lstm() && needs[4]) results[4] = part(flat, g.first_c_gradient(), {g.batch, g.hidden});
    if (!has_bias_) return results;
    const size_t bias = bias_index();
    if (!needs[bias] && !needs[bias + 1]) return results;
    const Tensor sums = sum(gate_gradients, std::vector<int64_t>{0});
    const auto blocks = [&](int64_t begin, int64_t count) {
      return slice(sums, {begin * g.hidden}, {count * g.hidden}, {1});
    };
    results[bias] = blocks(0, g.gates());
    results[bias + 1] = results[bias];
    if (g.gate_gradients() > g.gates()) {
      const Tensor parts[] = {blocks(0, 2), blocks(3, 1)};
      results[bias + 1] = concat(parts);
    }
    return results;
  }

  std::vector<Tensor> operands_;
  std::vector<uint32_t> versions_;
  Tensor lengths_;
  RecurrentOptions options_;
  bool has_bias_;
  Tensor tape_;
};

// The operands, converted to one dtype, in the order of the op.
std::vector<Tensor> operands_of(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                                const RecurrentOptions& options) {
  const bool lstm = options.cell == RecurrentCell::lstm;
  std::vector<Tensor> operands = {x, h0, weights.w_ih, weights.w_hh};
  if (lstm != c0.defined()) {
    throw ValueError(concat_text("recurrent: expected ", lstm ? "c0 for an LSTM" : "no c0 but for an LSTM"));
  }
  if (weights.b_ih.defined() != weights.b_hh.defined()) throw ValueError("recurrent: expected both biases, or none");
  if (lstm) operands.push_back(c0);
  if (weights.b_ih.defined()) operands.insert(operands.end(), {weights.b_ih, weights.b_hh});
  DType dtype = x.dtype();
  for (const Tensor& operand : operands) dtype = promote(dtype, operand.dtype());
  // A 16-bit tape would lose precision that the gradients need.
  if (item_size(dtype) == 2) dtype = DType::float32;
  for (Tensor& operand : operands) operand = astype(operand, dtype);
  return operands;
}

// The dtype of the results.
DType result_dtype(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights) {
  return promote(promote(x.dtype(), h0.dtype()), weights.w_hh.dtype());
}

RecurrentStates in_dtype(const RecurrentStates& states, DType dtype) {
  return {astype(states.output, dtype), astype(states.h, dtype),
          states.c.defined() ? astype(states.c, dtype) : Tensor{}};
}

Tensor as_lengths(const Tensor& lengths) {
  if (!lengths.defined() || lengths.dtype() == DType::int64) return lengths;
  if (!is_integer(lengths.dtype())) {
    throw TypeError(concat_text("recurrent: expected lengths of an integer dtype, got ", lengths.dtype()));
  }
  return astype(lengths, DType::int64);
}

// Checks lengths as the kernel does, if there is one. A trace has no elements to check: there, rows that are too long
// count all steps.
void check_lengths(const Tensor& lengths, int64_t steps) {
  if (!lengths.defined() || is_traced(lengths)) return;
  const Tensor counts = contiguous(lengths);
  for (int64_t n = 0; n < counts.size(); ++n) {
    const int64_t length = counts.data<int64_t>()[n];
    if (length >= 0 && length <= steps) continue;
    throw IndexError(concat_text("recurrent: length ", length, " of sequence ", n, " is outside 0 to ", steps));
  }
}

std::vector<bool> needs_of(const std::vector<Tensor>& operands) {
  std::vector<bool> needs;
  for (const Tensor& operand : operands) needs.push_back(operand.requires_grad());
  return needs;
}

}  // namespace

void define_recurrent(Registry& registry) {
  // Recurrent layers: one direction of one layer. Sizes, parts of the flat results and the order of inputs are defined
  // in op/recurrent_geometry.h. x is row-major or (T, N, I) with any strides; lengths int64 (N) must be in 0 .. T,
  // otherwise IndexError is raised. Beyond its length, a row's states are 0 and its other parts of the result are
  // unspecified.
  // (x (T, N, I), h0 (N, H), w_ih (G H, I), w_hh (G H, H), c0?, b_ih?, b_hh?, lengths?) -> flat {cell integer,
  // reset_after, reverse, bias, lengths, tape bool}
  registry.declare(OpId::recurrent,
                   {
                       .doc = "States of an LSTM, GRU or simple recurrent layer over the steps of a sequence.",
                       .inputs = {"x", "h0", "w_ih", "w_hh", "c0?", "b_ih?", "b_hh?", "lengths?"},
                       .attributes = op::fields_of<op::RecurrentAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_recurrent,
                       .flops = recurrent_flops,
                   });
  // (tape: the result of recurrent, h0, w_hh, lengths?, dy (T, N, H)?, dh (N, H)?, dc (N, H)?) -> flat {cell,
  // reset_after, reverse, lengths, dy, dh, dc bool, steps integer: T}
  registry.declare(OpId::recurrent_backward,
                   {
                       .doc = "Gradients of recurrent for what goes into the gates, and for the first states.",
                       .inputs = {"tape", "h0", "w_hh", "lengths?", "dy?", "dh?", "dc?"},
                       .attributes = op::fields_of<op::RecurrentBackwardAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_recurrent_backward,
                       .flops = recurrent_backward_flops,
                   });
  // (a (T, N, A), b (T, N, B), lengths int64 (N), first (N, B)) -> (A, B) {shift integer: 0, -1 or 1}: the sum over n
  // and t < lengths[n] of the outer product of a[t, n] and b[t + shift, n], or first[n] if t + shift is outside the
  // sequence
  registry.declare(OpId::sequence_product,
                   {
                       .doc = "Product of two batches of sequences, summed over the steps that are part of them.",
                       .inputs = {"a", "b", "lengths", "first"},
                       .attributes = op::fields_of<op::SequenceProductAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_sequence_product,
                       .flops = sequence_product_flops,
                   });
}

}  // namespace ops

RecurrentStates recurrent(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                          const Tensor& lengths, const RecurrentOptions& options) try {
  const std::vector<Tensor> operands = ops::operands_of(x, h0, c0, weights, options);
  if (weights.w_hr.defined()) {
    const Tensor counts = ops::as_lengths(lengths);
    ops::check_lengths(counts, x.size(0));
    return ops::recurrent_composed(x, h0, c0, weights, counts, options);
  }
  ops::RecurrentCall call(operands, ops::as_lengths(lengths), options);
  const std::vector<bool> needs = ops::needs_of(operands);
  const bool records = grad_enabled() && std::find(needs.begin(), needs.end(), true) != needs.end();
  const RecurrentStates states = call.run(records);
  const DType dtype = ops::result_dtype(x, h0, weights);
  if (!records) return ops::in_dtype(states, dtype);
  std::vector<Tensor> outputs = {states.output, states.h};
  if (states.c.defined()) outputs.push_back(states.c);
  outputs = record_function(operands, outputs, [call, needs](std::span<const Tensor> given) {
    return call.gradients({given[0], given[1], given.size() > 2 ? given[2] : Tensor{}}, needs);
  });
  return ops::in_dtype({outputs[0], outputs[1], outputs.size() > 2 ? outputs[2] : Tensor{}}, dtype);
} catch (const Error&) {
  core::rethrow_as("recurrent");
}

RecurrentGradients recurrent_backward(const RecurrentStates& gradients, const Tensor& x, const Tensor& h0,
                                      const Tensor& c0, const RecurrentWeights& weights, const Tensor& lengths,
                                      const RecurrentOptions& options) try {
  ops::RecurrentCall call(ops::operands_of(x, h0, c0, weights, options), ops::as_lengths(lengths), options);
  call.run(true);
  const GradMode mode(false);
  const DType dtype = call.operands()[0].dtype();
  const auto cast = [&](const Tensor& gradient) { return gradient.defined() ? astype(gradient, dtype) : gradient; };
  std::vector<Tensor> found = call.gradients({cast(gradients.output), cast(gradients.h), cast(gradients.c)},
                                             std::vector<bool>(call.operands().size(), true));
  for (Tensor& gradient : found) gradient = astype(gradient, ops::result_dtype(x, h0, weights));
  RecurrentGradients results = {found[0], found[1], {}, {found[2], found[3]}};
  size_t next = 4;
  if (c0.defined()) results.c0 = found[next++];
  if (weights.b_ih.defined()) {
    results.weights.b_ih = found[next];
    results.weights.b_hh = found[next + 1];
  }
  return results;
} catch (const Error&) {
  core::rethrow_as("recurrent_backward");
}

Tensor sequence_product(const Tensor& a, const Tensor& b, const Tensor& lengths, const Tensor& first,
                        int64_t shift) try {
  return op::apply(OpId::sequence_product, {{"shift", shift}}, {a, b, lengths, first});
} catch (const Error&) {
  core::rethrow_as("sequence_product");
}

}  // namespace pydl
