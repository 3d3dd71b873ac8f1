// Recurrent layers whose weights are stored in a ParamSet under PyTorch's names.
#include <cmath>

#include "nn/layer_names.h"
#include "pydl/layers.h"

namespace pydl::nn {

namespace {

std::string suffix_of(int64_t layer, bool reverse) { return concat_text("_l", layer, reverse ? "_reverse" : ""); }

void check(const std::string& label, bool lstm, int64_t inputs, int64_t units, const RecurrentInit& init) {
  if (inputs < 1 || units < 1 || init.layers < 1) {
    throw ValueError(concat_text(label, ": expected numbers of inputs, units and layers of at least 1, got ",
                                 Dims{inputs, units, init.layers}));
  }
  if (init.projection < 0 || init.projection >= units || (init.projection > 0 && !lstm)) {
    throw ValueError(concat_text(label, ": expected a projection ",
                                 lstm ? concat_text("smaller than ", units, " units") : "with an LSTM only", ", got ",
                                 init.projection));
  }
}

void init_recurrent(ParamSet& params, const std::string& prefix, const char* kind, int64_t gates, int64_t inputs,
                    int64_t units, const RecurrentInit& init, Generator& generator) {
  check(label_of(prefix, kind), gates == 4, inputs, units, init);
  const int64_t outputs = init.projection > 0 ? init.projection : units;
  const int64_t directions = init.bidirectional ? 2 : 1;
  for (int64_t position = 0; position < init.layers * directions; ++position) {
    const int64_t layer = position / directions;
    const std::string suffix = suffix_of(layer, position % directions == 1);
    const auto add = [&](const char* name, const Dims& shape) {
      add_parameter(params, name_in(prefix, name + suffix), default_bias(shape, units, init.dtype, generator));
    };
    add("weight_ih", {gates * units, layer == 0 ? inputs : directions * outputs});
    add("weight_hh", {gates * units, outputs});
    if (init.bias) {
      add("bias_ih", {gates * units});
      add("bias_hh", {gates * units});
    }
    if (init.projection > 0) add("weight_hr", {init.projection, units});
  }
}

// The weights found for all layers, and whether they are bidirectional.
struct FoundWeights {
  std::vector<RecurrentWeights> weights;
  bool bidirectional = false;
  int64_t units = 0;    // H
  int64_t outputs = 0;  // size of each direction's output: P with a projection
};

FoundWeights find_weights(const ParamSet& params, const std::string& prefix) {
  const auto all_of = [&](const std::string& suffix) {
    return RecurrentWeights{.w_ih = parameter(params, name_in(prefix, "weight_ih" + suffix)),
                            .w_hh = parameter(params, name_in(prefix, "weight_hh" + suffix)),
                            .b_ih = find_or_none(params, name_in(prefix, "bias_ih" + suffix)),
                            .b_hh = find_or_none(params, name_in(prefix, "bias_hh" + suffix)),
                            .w_hr = find_or_none(params, name_in(prefix, "weight_hr" + suffix))};
  };
  FoundWeights found;
  found.bidirectional = params.find(name_in(prefix, "weight_ih_l0_reverse")) != nullptr;
  for (int64_t layer = 0; layer == 0 || params.find(name_in(prefix, "weight_ih" + suffix_of(layer, false))); ++layer) {
    found.weights.push_back(all_of(suffix_of(layer, false)));
    if (found.bidirectional) found.weights.push_back(all_of(suffix_of(layer, true)));
  }
  const RecurrentWeights& first = found.weights[0];
  found.outputs = first.w_hh.size(-1);
  found.units = first.w_hr.defined() ? first.w_hr.size(-1) : found.outputs;
  return found;
}

// Returns x in the shape (T, N, I).
Tensor time_major(const std::string& label, const Tensor& x, const FoundWeights& found, bool batch_first) {
  const int64_t inputs = found.weights[0].w_ih.size(-1);
  if (x.rank() != 3 || x.size(2) != inputs) {
    throw ValueError(concat_text(label, ": expected input of shape ", batch_first ? "(N, T, " : "(T, N, ", inputs,
                                 "), got ", x.shape()));
  }
  if (x.size(batch_first ? 1 : 0) == 0) {
    throw ValueError(concat_text(label, ": expected at least one time step, got ", x.shape()));
  }
  const int64_t axes[] = {1, 0, 2};
  return batch_first ? permute_dims(x, axes) : x;
}

// Calls `run(x, h0, c0, found, options)` with the arguments that follow from the options.
template <class Run>
RecurrentStates run_layers(const ParamSet& params, const std::string& prefix, const char* kind, const Tensor& x,
                           const SequenceOptions& options, const Run& run) {
  const std::string label = label_of(prefix, kind);
  const FoundWeights found = find_weights(params, prefix);
  const Tensor steps = time_major(label, x, found, options.batch_first);
  const auto count = static_cast<int64_t>(found.weights.size());
  const auto state = [&](const Tensor& given, int64_t units) {
    return given.defined() ? given : zeros({count, steps.size(1), units}, x.dtype());
  };
  RecurrentStates states = in_layer(label, [&] {
    return run(steps, state(options.h0, found.outputs), state(options.c0, found.units), found.weights,
               RecurrentLayersOptions{.bidirectional = found.bidirectional,
                                      .dropout = options.dropout,
                                      .training = options.training,
                                      .generator = options.generator});
  });
  const int64_t axes[] = {1, 0, 2};
  if (options.batch_first) states.output = permute_dims(states.output, axes);
  return states;
}

void refuse_cell_state(const std::string& prefix, const char* kind, const SequenceOptions& options) {
  if (options.c0.defined()) throw ValueError(concat_text(label_of(prefix, kind), ": c0 is of an LSTM"));
}

}  // namespace

void init_lstm(ParamSet& params, const std::string& prefix, int64_t inputs, int64_t units, const RecurrentInit& init,
               Generator& generator) {
  init_recurrent(params, prefix, "lstm", 4, inputs, units, init, generator);
}

void init_gru(ParamSet& params, const std::string& prefix, int64_t inputs, int64_t units, const RecurrentInit& init,
              Generator& generator) {
  init_recurrent(params, prefix, "gru", 3, inputs, units, init, generator);
}

void init_rnn(ParamSet& params, const std::string& prefix, int64_t inputs, int64_t units, const RecurrentInit& init,
              Generator& generator) {
  init_recurrent(params, prefix, "rnn", 1, inputs, units, init, generator);
}

RecurrentStates lstm(const ParamSet& params, const std::string& prefix, const Tensor& x,
                     const SequenceOptions& options) {
  return run_layers(
      params, prefix, "lstm", x, options,
      [&](const Tensor& steps, const Tensor& h0, const Tensor& c0, const auto& weights,
          const RecurrentLayersOptions& layers) { return lstm(steps, h0, c0, weights, options.lengths, layers); });
}

RecurrentStates gru(const ParamSet& params, const std::string& prefix, const Tensor& x, const SequenceOptions& options,
                    bool reset_after) {
  refuse_cell_state(prefix, "gru", options);
  return run_layers(params, prefix, "gru", x, options,
                    [&](const Tensor& steps, const Tensor& h0, const Tensor&, const auto& weights,
                        const RecurrentLayersOptions& layers) {
                      return gru(steps, h0, weights, options.lengths, layers, reset_after);
                    });
}

RecurrentStates rnn(const ParamSet& params, const std::string& prefix, const Tensor& x, const SequenceOptions& options,
                    bool relu) {
  refuse_cell_state(prefix, "rnn", options);
  return run_layers(
      params, prefix, "rnn", x, options,
      [&](const Tensor& steps, const Tensor& h0, const Tensor&, const auto& weights,
          const RecurrentLayersOptions& layers) { return rnn(steps, h0, weights, options.lengths, layers, relu); });
}

}  // namespace pydl::nn
