// Recurrent networks with several layers and directions.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

// The state at position `index` in a stack of states.
Tensor state_at(const Tensor& states, size_t index) {
  const auto i = static_cast<int64_t>(index);
  return reshape(slice(states, {i, 0, 0}, {1, states.size(1), states.size(2)}, {1, 1, 1}),
                 {states.size(1), states.size(2)});
}

void require_states(const char* name, const char* argument, const Tensor& states, size_t count, const Tensor& x) {
  const bool fits = states.defined() && states.rank() == 3 && states.size(0) == static_cast<int64_t>(count) &&
                    states.size(1) == x.size(1);
  if (fits) return;
  throw ValueError(concat_text(name, ": expected ", argument, " of shape (", count, ", ", x.size(1), ", units), got ",
                               states.defined() ? concat_text(states.shape()) : std::string("none")));
}

RecurrentStates run_layers(const char* name, const Tensor& x, const Tensor& h0, const Tensor& c0,
                           std::span<const RecurrentWeights> weights, const Tensor& lengths,
                           const RecurrentLayersOptions& options, RecurrentOptions cell) {
  if (x.rank() != 3) throw ValueError(concat_text(name, ": expected x of shape (T, N, I), got ", x.shape()));
  const size_t directions = options.bidirectional ? 2 : 1;
  if (weights.empty() || weights.size() % directions != 0) {
    throw ValueError(concat_text(name, ": expected weights for every layer and direction, got ", weights.size()));
  }
  const bool lstm = cell.cell == RecurrentCell::lstm;
  require_states(name, "h0", h0, weights.size(), x);
  if (lstm) require_states(name, "c0", c0, weights.size(), x);
  Generator& generator = options.generator != nullptr ? *options.generator : default_generator();
  std::vector<Tensor> h;
  std::vector<Tensor> c;
  Tensor input = x;
  for (size_t i = 0; i < weights.size(); i += directions) {
    if (i > 0) input = dropout(input, options.dropout, options.training, generator);
    std::vector<Tensor> outputs;
    for (size_t direction = 0; direction < directions; ++direction) {
      cell.reverse = direction == 1;
      const size_t position = i + direction;
      const RecurrentStates states = recurrent(input, state_at(h0, position), lstm ? state_at(c0, position) : Tensor{},
                                               weights[position], lengths, cell);
      outputs.push_back(states.output);
      h.push_back(states.h);
      if (lstm) c.push_back(states.c);
    }
    input = directions == 1 ? outputs[0] : concat(outputs, 2);
  }
  return {input, stack(h), lstm ? stack(c) : Tensor{}};
}

}  // namespace

RecurrentStates lstm(const Tensor& x, const Tensor& h0, const Tensor& c0, std::span<const RecurrentWeights> weights,
                     const Tensor& lengths, const RecurrentLayersOptions& options) try {
  return run_layers("lstm", x, h0, c0, weights, lengths, options, {.cell = RecurrentCell::lstm});
} catch (const Error&) {
  core::rethrow_as("lstm");
}

RecurrentStates gru(const Tensor& x, const Tensor& h0, std::span<const RecurrentWeights> weights, const Tensor& lengths,
                    const RecurrentLayersOptions& options, bool reset_after) try {
  return run_layers("gru", x, h0, {}, weights, lengths, options,
                    {.cell = RecurrentCell::gru, .reset_after = reset_after});
} catch (const Error&) {
  core::rethrow_as("gru");
}

RecurrentStates rnn(const Tensor& x, const Tensor& h0, std::span<const RecurrentWeights> weights, const Tensor& lengths,
                    const RecurrentLayersOptions& options, bool relu) try {
  return run_layers("rnn", x, h0, {}, weights, lengths, options,
                    {.cell = relu ? RecurrentCell::rnn_relu : RecurrentCell::rnn_tanh});
} catch (const Error&) {
  core::rethrow_as("rnn");
}

}  // namespace pydl::nn
