#include "ops/recurrent_composed.h"
#include "core/named.h"

namespace pydl {

namespace ops {

namespace {

// The columns of block `index`, where each block has `units` columns.
Tensor block(const Tensor& x, int64_t index, int64_t units) {
  return slice(x, {0, index * units}, {x.size(0), units}, {1, 1});
}

Tensor row_of(const Tensor& x, int64_t t) {
  return reshape(slice(x, {t, 0, 0}, {1, x.size(1), x.size(2)}, {1, 1, 1}), {x.size(1), x.size(2)});
}

RecurrentStates lstm_step(const Tensor& a, const RecurrentStates& before, const RecurrentWeights& weights) {
  const Tensor sums = a + linear(before.h, weights.w_hh, weights.b_hh);
  const int64_t units = sums.size(1) / 4;
  const Tensor c =
      sigmoid(block(sums, 1, units)) * before.c + sigmoid(block(sums, 0, units)) * tanh(block(sums, 2, units));
  Tensor h = sigmoid(block(sums, 3, units)) * tanh(c);
  if (weights.w_hr.defined()) h = linear(h, weights.w_hr);
  return {{}, h, c};
}

RecurrentStates gru_step(const Tensor& a, const RecurrentStates& before, const RecurrentWeights& weights,
                         bool reset_after) {
  const int64_t units = before.h.size(1);
  const Tensor b = linear(before.h, weights.w_hh, weights.b_hh);
  const Tensor r = sigmoid(block(a, 0, units) + block(b, 0, units));
  const Tensor z = sigmoid(block(a, 1, units) + block(b, 1, units));
  const Tensor candidate =
      reset_after ? r * block(b, 2, units) : block(linear(r * before.h, weights.w_hh, weights.b_hh), 2, units);
  const Tensor n = tanh(block(a, 2, units) + candidate);
  return {{}, n + z * (before.h - n)};
}

RecurrentStates step(const Tensor& a, const RecurrentStates& before, const RecurrentWeights& weights,
                     const RecurrentOptions& options) {
  if (options.cell == RecurrentCell::lstm) return lstm_step(a, before, weights);
  if (options.cell == RecurrentCell::gru) return gru_step(a, before, weights, options.reset_after);
  const Tensor sums = a + linear(before.h, weights.w_hh, weights.b_hh);
  return {{}, options.cell == RecurrentCell::rnn_relu ? relu(sums) : tanh(sums)};
}

}  // namespace

RecurrentStates recurrent_composed(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                                   const Tensor& lengths, const RecurrentOptions& options) {
  const Tensor projected = linear(x, weights.w_ih, weights.b_ih);
  const int64_t steps = x.size(0);
  std::vector<Tensor> outputs(static_cast<size_t>(steps));
  RecurrentStates state = {{}, h0, c0};
  for (int64_t s = 0; s < steps; ++s) {
    const int64_t t = options.reverse ? steps - 1 - s : s;
    RecurrentStates next = step(row_of(projected, t), state, weights, options);
    Tensor& output = outputs[static_cast<size_t>(t)];
    output = next.h;
    if (lengths.defined()) {
      const Tensor active = reshape(greater(lengths, t), {lengths.size(0), 1});
      output = where(active, next.h, zeros_like(next.h));
      next.h = where(active, next.h, state.h);
      if (next.c.defined()) next.c = where(active, next.c, state.c);
    }
    state = next;
  }
  return {stack(outputs), state.h, state.c};
}

}  // namespace ops

RecurrentStates recurrent_step(const Tensor& x, const RecurrentStates& before, const RecurrentWeights& weights,
                               const RecurrentOptions& options) try {
  const Tensor sums = linear(x, weights.w_ih, weights.b_ih);
  RecurrentStates after = ops::step(sums, before, weights, options);
  after.output = after.h;
  return after;
} catch (const Error&) {
  core::rethrow_as("recurrent_step");
}

}  // namespace pydl
