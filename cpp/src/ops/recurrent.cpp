// Recurrent layers: one direction of one layer.
#include <algorithm>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/recurrent.h"
#include "op/attrs/view.h"
#include "op/recurrent_geometry.h"
#include "op/saturating.h"
#include "ops/families.h"
#include "ops/recurrent_composed.h"
#include "pydl/autograd.h"
#include "pydl/program.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;
using op::RecurrentGeometry;
using op::RecurrentResults;

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

// Offsets in the results must fit into int64.
void require_countable(const char* name, const RecurrentGeometry& g) {
  constexpr int64_t most = int64_t{1} << 56;
  int64_t elements = 0;
  const bool overflows = __builtin_mul_overflow(g.batch, g.hidden, &elements) ||
                         __builtin_mul_overflow(std::max<int64_t>(elements, 1), g.steps, &elements);
  if (!overflows && elements <= most && g.steps <= most && g.hidden <= most) return;
  throw ValueError(concat_text(name, ": ", g.steps, " steps of shape (", g.batch, ", ", g.hidden, ") are too many"));
}

void infer_recurrent(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
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
  const Dims state = {g.batch, g.hidden};
  const Dims states = {g.steps, g.batch, g.hidden};
  const Dims shapes[] = {
      states, state, g.is_lstm() ? state : Dims{0}, {g.steps, g.batch, g.saved_gates() * g.hidden}, states};
  const size_t count = op::count_recurrent_results(attrs, inputs.size());
  for (size_t i = 0; i < count; ++i) results[i] = row_major(x.dtype, shapes[i]);
}

void infer_recurrent_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const char* name = "recurrent_backward";
  const op::RecurrentBackwardInputs at = op::recurrent_backward_inputs(attrs);
  if (static_cast<int>(inputs.size()) != at.count) {
    throw TypeError(concat_text(name, ": expected ", at.count, " inputs, got ", inputs.size()));
  }
  const BufferSpec& output = inputs[0];
  require_floating(name, output);
  if (output.shape.rank() != 3) {
    throw ValueError(concat_text(name, ": expected output of shape (T, N, H), got ", output.shape));
  }
  const RecurrentGeometry g = op::recurrent_backward_geometry(attrs, inputs);
  require_countable(name, g);
  const auto check = [&](int input, const char* argument, const Dims& shape) {
    if (input < 0) return;
    require_same_dtype(name, output, inputs[static_cast<size_t>(input)]);
    require_shape(name, argument, inputs[static_cast<size_t>(input)], shape);
  };
  const Dims state = {g.batch, g.hidden};
  check(at.h0, "h0", state);
  check(at.w_hh, "w_hh", {g.gates() * g.hidden, g.hidden});
  check(at.gates, "gates", {g.steps, g.batch, g.saved_gates() * g.hidden});
  check(at.c0, "c0", state);
  check(at.cells, "cells", output.shape);
  check(at.dy, "dy", output.shape);
  check(at.dh, "dh", state);
  check(at.dc, "dc", state);
  if (at.lengths >= 0) require_lengths(name, inputs[static_cast<size_t>(at.lengths)], g.batch);
  results[0] = row_major(output.dtype, {g.steps, g.batch, g.gate_gradients() * g.hidden});
  results[1] = row_major(output.dtype, state);
  if (g.is_lstm()) results[2] = results[1];
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
  const int64_t shift = op::from_attrs<op::SequenceProductAttrs>(attrs).shift;
  if (shift < -1 || shift > 1) {
    throw ValueError(concat_text(name, ": expected a shift of -1, 0 or 1, got ", shift));
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

// --- the derivative ----------------------------------------------------------------------------------

Tensor columns(const Tensor& x, int64_t begin, int64_t count) {
  return slice(x, {0, begin}, {x.size(0), count}, {1, 1});
}

Tensor rows(const Tensor& x, int64_t begin, int64_t count) { return slice(x, {begin, 0}, {count, x.size(1)}, {1, 1}); }

Tensor as_matrix(const Tensor& x) { return reshape(x, {x.size(0) * x.size(1), x.size(2)}); }

// A tensor of its own with the history of x, also where `reshape` would return x itself.
Tensor view_of(const Tensor& x) { return op::apply(OpId::reshape, op::to_attrs(op::ShapeAttrs{x.shape()}), {x}); }

// The gradients of the inputs of a call of `recurrent`, from those of its results.
class RecurrentDerivative {
 public:
  explicit RecurrentDerivative(const BackwardContext& context)
      : c_(context),
        at_(op::recurrent_inputs(context.attrs())),
        attrs_(op::from_attrs<op::RecurrentAttrs>(context.attrs())) {
    const Dims& x = c_.input_shape(at_.x);
    const Dims& h0 = c_.input_shape(at_.h0);
    g_ = {attrs_.cell, attrs_.reset_after, attrs_.reverse, x[0], h0[0], h0[1]};
    if (attrs_.save_gates || g_.saved_gates() == 0) return;
    throw Error("backward: recurrent was called without save_gates, which its gradients need");
  }

  Gradients run() const { return grad_enabled() ? composed() : by_kernel(); }

 private:
  bool needs(int input) const { return input >= 0 && c_.needs(input); }
  Tensor lengths() const { return at_.lengths < 0 ? Tensor{} : c_.input(at_.lengths); }

  // Repeats the computation with differentiable ops, so that the result can be differentiated again. The inputs are
  // passed as views, because one of them may have been computed from another.
  Gradients composed() const {
    std::vector<Tensor> views(static_cast<size_t>(at_.count));
    std::vector<Tensor> wanted;
    for (int i = 0; i < at_.count; ++i) {
      if (i == at_.lengths) continue;
      Tensor& view = views[static_cast<size_t>(i)];
      view = view_of(c_.input(i));
      if (c_.needs(i)) wanted.push_back(view);
    }
    const auto given = [&](int input) { return input < 0 ? Tensor{} : views[static_cast<size_t>(input)]; };
    const RecurrentStates states =
        recurrent_composed(given(at_.x), given(at_.h0), given(at_.c0),
                           {given(at_.w_ih), given(at_.w_hh), given(at_.b_ih), given(at_.b_hh)}, lengths(),
                           {static_cast<RecurrentCell>(g_.cell), g_.reset_after, g_.reverse});
    std::vector<Tensor> outputs;
    std::vector<Tensor> weighting;
    const Tensor* results[] = {&states.output, &states.h, &states.c};
    for (size_t i = 0; i < std::size(results); ++i) {
      if (!gradient(i).defined() || !results[i]->requires_grad()) continue;
      outputs.push_back(*results[i]);
      weighting.push_back(gradient(i));
    }
    const std::vector<Tensor> found =
        grad(outputs, wanted, weighting, {.retain_graph = true, .create_graph = true, .allow_unused = true});
    Gradients gradients(views.size());
    size_t next = 0;
    for (int i = 0; i < at_.count; ++i) {
      if (c_.needs(i)) gradients[static_cast<size_t>(i)] = found[next++];
    }
    return gradients;
  }

  // The gradient of output, h or c.
  Tensor gradient(size_t result) const {
    return result < static_cast<size_t>(g_.is_lstm() ? 3 : 2) ? c_.gradients[result] : Tensor{};
  }

  std::vector<Tensor> run_backward() const {
    std::vector<Tensor> inputs = {c_.result(RecurrentResults::output), c_.input(at_.h0), c_.input(at_.w_hh)};
    if (g_.saved_gates() > 0) inputs.push_back(c_.result(RecurrentResults::gates));
    if (g_.is_lstm()) inputs.insert(inputs.end(), {c_.input(at_.c0), c_.result(RecurrentResults::cells)});
    if (at_.lengths >= 0) inputs.push_back(lengths());
    for (size_t i = 0; i < 3; ++i) {
      if (gradient(i).defined()) inputs.push_back(gradient(i));
    }
    const op::RecurrentBackwardAttrs attrs = {g_.cell,
                                              g_.reset_after,
                                              g_.reverse,
                                              at_.lengths >= 0,
                                              gradient(0).defined(),
                                              gradient(1).defined(),
                                              gradient(2).defined()};
    return op::apply_all(OpId::recurrent_backward, op::to_attrs(attrs), inputs);
  }

  // The sum over the steps of left (T N, A) transposed times right (T, N, B).
  Tensor product(const Tensor& left, const Tensor& right) const {
    if (at_.lengths < 0) return matmul(matrix_transpose(left), as_matrix(right));
    const Tensor none = zeros({g_.batch, right.size(2)}, right.dtype());
    return sequence_product(reshape(left, {g_.steps, g_.batch, left.size(1)}), right, lengths(), none, 0);
  }

  // The same with the states before the steps, which are h0 and the output but for its last step. The sum of two
  // products saves a copy of all these states behind each other.
  Tensor product_with_previous(const Tensor& left) const {
    const Tensor h0 = c_.input(at_.h0);
    const Tensor output = c_.result(RecurrentResults::output);
    if (at_.lengths >= 0) {
      return sequence_product(reshape(left, {g_.steps, g_.batch, left.size(1)}), output, lengths(), h0,
                              g_.reverse ? 1 : -1);
    }
    const int64_t starting = std::min<int64_t>(g_.steps, 1) * g_.batch;  // rows that begin with h0: none without steps
    const int64_t others = g_.steps * g_.batch - starting;
    const auto of_h0 = [&] {
      const Tensor first = rows(left, g_.reverse ? others : 0, starting);
      return matmul(matrix_transpose(first), rows(h0, 0, starting));
    };
    if (others == 0) return of_h0();
    const Tensor later = rows(left, g_.reverse ? 0 : starting, others);
    const Tensor states = rows(as_matrix(output), g_.reverse ? starting : 0, others);
    // The larger product comes first, because its kernel needs the most memory.
    const Tensor of_output = matmul(matrix_transpose(later), states);
    return add(of_output, of_h0());
  }

  // The gradient of the recurrent weights: each block of gate_gradients times the input of its gates.
  Tensor recurrent_weight_gradient(const Tensor& gate_gradients) const {
    const auto times_h = [&](int64_t begin, int64_t blocks) {
      return product_with_previous(columns(gate_gradients, begin * g_.hidden, blocks * g_.hidden));
    };
    if (!g_.is_gru()) return times_h(0, g_.gates());
    if (g_.reset_after) {
      const Tensor parts[] = {times_h(0, 2), times_h(3, 1)};
      return concat(parts);
    }
    const Tensor scaled =
        slice(c_.result(RecurrentResults::gates), {0, 0, 3 * g_.hidden}, {g_.steps, g_.batch, g_.hidden}, {1, 1, 1});
    const Tensor parts[] = {times_h(0, 2), product(columns(gate_gradients, 2 * g_.hidden, g_.hidden), scaled)};
    return concat(parts);
  }

  void add_bias_gradients(const Tensor& gate_gradients, Gradients& gradients) const {
    const Tensor sums = sum(gate_gradients, std::vector<int64_t>{0});
    const auto blocks = [&](int64_t begin, int64_t count) {
      return slice(sums, {begin * g_.hidden}, {count * g_.hidden}, {1});
    };
    Tensor& of_input = gradients[static_cast<size_t>(at_.b_ih)];
    Tensor& of_state = gradients[static_cast<size_t>(at_.b_hh)];
    of_input = blocks(0, g_.gates());
    of_state = of_input;
    if (g_.gate_gradients() > g_.gates()) {
      const Tensor parts[] = {blocks(0, 2), blocks(3, 1)};
      of_state = concat(parts);
    }
  }

  Gradients by_kernel() const {
    const std::vector<Tensor> found = run_backward();
    const Tensor gate_gradients = as_matrix(found[0]);
    const Tensor of_input = columns(gate_gradients, 0, g_.gates() * g_.hidden);
    Gradients gradients(static_cast<size_t>(at_.count));
    // This needs the most memory, so it comes first.
    if (needs(at_.w_hh)) gradients[3] = recurrent_weight_gradient(gate_gradients);
    if (needs(at_.x)) gradients[0] = reshape(matmul(of_input, c_.input(at_.w_ih)), c_.input_shape(at_.x));
    if (needs(at_.h0)) gradients[1] = found[1];
    if (needs(at_.w_ih)) gradients[2] = product(of_input, c_.input(at_.x));
    if (needs(at_.c0)) gradients[static_cast<size_t>(at_.c0)] = found[2];
    if (needs(at_.b_ih) || needs(at_.b_hh)) add_bias_gradients(gate_gradients, gradients);
    return gradients;
  }

  const BackwardContext& c_;
  op::RecurrentInputs at_;
  op::RecurrentAttrs attrs_;
  RecurrentGeometry g_;
};

Gradients recurrent_derivative(const BackwardContext& context) { return RecurrentDerivative(context).run(); }

// --- sequence_product --------------------------------------------------------------------------------

// Slices begin to end of the first axis.
Tensor steps_of(const Tensor& x, int64_t begin, int64_t end) {
  return slice(x, {begin, 0, 0}, {end - begin, x.size(1), x.size(2)}, {1, 1, 1});
}

// y = sum over n and t < lengths[n] of a[t, n] times s[t, n], where s are the rows of b, moved by `shift` steps, and
// `first` beyond the sequence.
Gradients sequence_product_gradients(const BackwardContext& c) {
  const int64_t shift = op::from_attrs<op::SequenceProductAttrs>(c.attrs()).shift;
  const Tensor a = c.input(0);
  const Tensor b = c.input(1);
  const int64_t steps = a.size(0);
  if (steps == 0) return {zeros_like(a), zeros_like(b), {}, zeros_like(c.input(3))};
  const Tensor first = expand_dims(c.input(3), 0);
  const Tensor counts = reshape(c.input(2), {1, a.size(1), 1});
  const Tensor step = reshape(arange(0, steps, 1, DType::int64), {steps, 1, 1});
  const Tensor zero = scalar_like(0, a);
  const Tensor empty = zeros({1, b.size(1), b.size(2)}, b.dtype());
  const Tensor is_inside = less(step, counts);
  const Tensor has_next = less(step + 1, counts);

  const auto moved = [&](const Tensor& before, const Tensor& part, const Tensor& after) {
    std::vector<Tensor> parts;
    for (const Tensor& tensor : {before, part, after}) {
      if (tensor.defined()) parts.push_back(tensor);
    }
    return concat(parts);
  };
  Tensor states = b;
  if (shift < 0) states = moved(first, steps_of(b, 0, steps - 1), {});
  if (shift > 0) states = where(has_next, moved({}, steps_of(b, 1, steps), empty), first);
  Gradients gradients(4);
  gradients[0] = where(is_inside, matmul(states, matrix_transpose(c.gradient)), zero);

  const Tensor of_states = matmul(where(is_inside, a, zero), c.gradient);
  if (shift == 0) {
    gradients[1] = of_states;
  } else if (shift < 0) {
    gradients[1] = moved({}, steps_of(of_states, 1, steps), empty);
    gradients[3] = reshape(steps_of(of_states, 0, 1), c.input_shape(3));
  } else {
    const Tensor of_next = where(has_next, of_states, zero);
    gradients[1] = moved(empty, steps_of(of_next, 0, steps - 1), {});
    gradients[3] = sum(of_states - of_next, std::vector<int64_t>{0});
  }
  return gradients;
}

// --- one call ----------------------------------------------------------------------------------------

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
  // States and gates of 16 bits would lose precision that the gradients need.
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

// Whether a call that reads these tensors has a history.
bool is_recorded(std::span<const Tensor> operands) {
  return grad_enabled() &&
         std::any_of(operands.begin(), operands.end(), [](const Tensor& operand) { return operand.requires_grad(); });
}

// A call of the op with operands in its order. Gates are saved where a gradient will be needed.
RecurrentStates run_recurrent(const std::vector<Tensor>& operands, const Tensor& lengths,
                              const RecurrentOptions& options) {
  const bool lstm = options.cell == RecurrentCell::lstm;
  std::vector<Tensor> inputs = operands;
  if (lengths.defined()) inputs.push_back(lengths);
  const op::RecurrentAttrs attrs = {static_cast<op::Cell>(options.cell), options.reset_after, options.reverse,
                                    operands.size() > (lstm ? 5U : 4U),  lengths.defined(),   is_recorded(operands)};
  const std::vector<Tensor> results = op::apply_all(OpId::recurrent, op::to_attrs(attrs), inputs);
  return {results[RecurrentResults::output], results[RecurrentResults::h],
          lstm ? results[RecurrentResults::c] : Tensor{}};
}

}  // namespace

void define_recurrent(Registry& registry) {
  // Recurrent layers: one direction of one layer. Sizes and the order of inputs and results are defined in
  // op/recurrent_geometry.h. x is row-major or (T, N, I) with any strides; lengths int64 (N) must be in 0 .. T,
  // otherwise IndexError is raised. Beyond its length, a row's output is 0, and its gates and cells are unspecified.
  // (x (T, N, I), h0 (N, H), w_ih (G H, I), w_hh (G H, H), c0?, b_ih?, b_hh?, lengths?) -> output (T, N, H), h (N, H),
  // c (N, H)?, gates (T, N, K H)?, cells (T, N, H)? {cell, reset_after, reverse, bias, lengths, save_gates bool}
  registry.declare(OpId::recurrent,
                   {
                       .doc = "States of an LSTM, GRU or simple recurrent layer over the steps of a sequence.",
                       .inputs = {"x", "h0", "w_ih", "w_hh", "c0?", "b_ih?", "b_hh?", "lengths?"},
                       .results = {"output", "h", "c", "gates", "cells"},
                       .attributes = op::fields_of<op::RecurrentAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .result_count = op::count_recurrent_results,
                       .infer = infer_recurrent,
                       .backward = recurrent_derivative,
                       .saves_inputs = 0xFF,
                       .saves_results = 1U << RecurrentResults::output | 1U << RecurrentResults::gates |
                                        1U << RecurrentResults::cells,
                       .flops = recurrent_flops,
                   });
  // (output (T, N, H), h0 (N, H), w_hh (G H, H), gates (T, N, K H)?, c0 (N, H)?, cells (T, N, H)?, lengths?,
  // dy (T, N, H)?, dh (N, H)?, dc (N, H)?) -> gate_gradients (T, N, S H), dh0 (N, H), dc0 (N, H)? {cell, reset_after,
  // reverse, lengths, dy, dh, dc bool}
  registry.declare(OpId::recurrent_backward,
                   {
                       .doc = "Gradients of recurrent for what goes into the gates, and for the first states.",
                       .inputs = {"output", "h0", "w_hh", "gates?", "c0?", "cells?", "lengths?", "dy?", "dh?", "dc?"},
                       .results = {"gate_gradients", "dh0", "dc0"},
                       .attributes = op::fields_of<op::RecurrentBackwardAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .result_count = op::count_recurrent_backward_results,
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
                       .backward = sequence_product_gradients,
                       .saves_inputs = 0xF,
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
  return ops::in_dtype(ops::run_recurrent(operands, ops::as_lengths(lengths), options),
                       ops::result_dtype(x, h0, weights));
} catch (const Error&) {
  core::rethrow_as("recurrent");
}

RecurrentGradients recurrent_backward(const RecurrentStates& gradients, const Tensor& x, const Tensor& h0,
                                      const Tensor& c0, const RecurrentWeights& weights, const Tensor& lengths,
                                      const RecurrentOptions& options) try {
  std::vector<Tensor> operands = ops::operands_of(x, h0, c0, weights, options);
  std::vector<Tensor> sources = operands;
  for (const Tensor* gradient : {&gradients.output, &gradients.h, &gradients.c}) {
    if (gradient->defined()) sources.push_back(*gradient);
  }
  const bool is_recorded = ops::is_recorded(sources);
  for (Tensor& operand : operands) {
    if (is_recorded && operand.requires_grad()) {
      operand = ops::view_of(operand);
    } else {
      operand = operand.detach();
      operand.set_requires_grad(true);
    }
  }
  const GradMode mode(true);
  const RecurrentStates states = ops::run_recurrent(operands, ops::as_lengths(lengths), options);
  std::vector<Tensor> outputs;
  std::vector<Tensor> weighting;
  const auto add = [&](const Tensor& output, const Tensor& gradient) {
    if (!gradient.defined()) return;
    outputs.push_back(output);
    weighting.push_back(astype(is_recorded ? gradient : gradient.detach(), output.dtype()));
  };
  add(states.output, gradients.output);
  add(states.h, gradients.h);
  add(states.c, gradients.c);
  std::vector<Tensor> found =
      grad(outputs, operands, weighting, {.retain_graph = is_recorded, .create_graph = is_recorded});
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
  return op::apply(OpId::sequence_product, op::to_attrs(op::SequenceProductAttrs{shift}), {a, b, lengths, first});
} catch (const Error&) {
  core::rethrow_as("sequence_product");
}

}  // namespace pydl
