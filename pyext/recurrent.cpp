// Recurrent layers: the ops, and the functions that the layers call.
#include "bindings.h"
#include "casters.h"
#include "pydl/nn.h"

namespace pydl::python {

namespace {

using Optional = std::optional<Tensor>;
using WeightList = std::vector<Tensor>;

Tensor given(const Optional& tensor) { return tensor.value_or(Tensor{}); }

RecurrentOptions options_of(const std::string& cell, bool reset_after, bool reverse) {
  const std::pair<const char*, RecurrentCell> cells[] = {{"lstm", RecurrentCell::lstm},
                                                         {"gru", RecurrentCell::gru},
                                                         {"rnn_tanh", RecurrentCell::rnn_tanh},
                                                         {"rnn_relu", RecurrentCell::rnn_relu}};
  for (const auto& [name, value] : cells) {
    if (cell == name) return {value, reset_after, reverse};
  }
  throw ValueError(concat_text("recurrent: expected cell 'lstm', 'gru', 'rnn_tanh' or 'rnn_relu', got '", cell, "'"));
}

// w_ih, w_hh, then both biases or none, then optionally a projection.
RecurrentWeights weights_of(const WeightList& list) {
  if (list.size() < 2 || list.size() > 5) {
    throw ValueError(
        concat_text("recurrent: expected 2 to 5 weights (w_ih, w_hh, b_ih, b_hh, w_hr), got ", list.size()));
  }
  RecurrentWeights weights = {list[0], list[1]};
  if (list.size() >= 4) {
    weights.b_ih = list[2];
    weights.b_hh = list[3];
  }
  if (list.size() % 2 == 1) weights.w_hr = list.back();
  return weights;
}

std::vector<RecurrentWeights> weights_of(const std::vector<WeightList>& lists) {
  std::vector<RecurrentWeights> weights;
  for (const WeightList& list : lists) weights.push_back(weights_of(list));
  return weights;
}

// The work, in elements, that determines whether to release the interpreter's lock.
int64_t work_of(const Tensor& x, const WeightList& weights) {
  return x.size() + (weights.empty() ? 0 : weights[0].size());
}

Optional optional(const Tensor& tensor) { return tensor.defined() ? Optional(tensor) : std::nullopt; }

std::tuple<Tensor, Tensor, Optional> run_recurrent(const Tensor& x, const Tensor& h0, const Optional& c0,
                                                   const WeightList& weights, const Optional& lengths,
                                                   const std::string& cell, bool reset_after, bool reverse) {
  const RecurrentOptions options = options_of(cell, reset_after, reverse);
  const RecurrentStates states = compute(
      work_of(x, weights), [&] { return recurrent(x, h0, given(c0), weights_of(weights), given(lengths), options); });
  return {states.output, states.h, optional(states.c)};
}

std::tuple<Tensor, Optional> run_step(const Tensor& x, const Tensor& h, const Optional& c, const WeightList& weights,
                                      const std::string& cell, bool reset_after) {
  const RecurrentOptions options = options_of(cell, reset_after, false);
  const RecurrentStates after =
      compute(work_of(x, weights), [&] { return recurrent_step(x, {{}, h, given(c)}, weights_of(weights), options); });
  return {after.h, optional(after.c)};
}

std::vector<Optional> run_recurrent_backward(const std::vector<Optional>& gradients, const Tensor& x, const Tensor& h0,
                                             const Optional& c0, const WeightList& weights, const Optional& lengths,
                                             const std::string& cell, bool reset_after, bool reverse) {
  const RecurrentOptions options = options_of(cell, reset_after, reverse);
  const auto gradient = [&](size_t i) { return i < gradients.size() ? given(gradients[i]) : Tensor{}; };
  const RecurrentGradients found = compute(work_of(x, weights), [&] {
    return recurrent_backward({gradient(0), gradient(1), gradient(2)}, x, h0, given(c0), weights_of(weights),
                              given(lengths), options);
  });
  std::vector<Optional> results;
  for (const Tensor& tensor :
       {found.x, found.h0, found.c0, found.weights.w_ih, found.weights.w_hh, found.weights.b_ih, found.weights.b_hh}) {
    results.push_back(optional(tensor));
  }
  return results;
}

void define_ops(py::module_& module) {
  module.def(
      "recurrent", run_recurrent, py::arg("x"), py::arg("h0"), py::arg("c0"), py::arg("weights"),
      py::arg("lengths") = py::none(), py::arg("cell") = "lstm", py::arg("reset_after") = true,
      py::arg("reverse") = false,
      "One direction of one recurrent layer over x (T, N, I): output (T, N, H), final h (N, H), and final c or "
      "None.\n\n"
      "Parameters\n----------\nx : Tensor, shape (T, N, I)\nh0 : Tensor, shape (N, H)\nc0 : Tensor, shape (N, H), or "
      "None\n    For an LSTM.\nweights : list of Tensor\n    w_ih (G H, I), w_hh (G H, H), optionally b_ih and b_hh (G "
      "H), "
      "and optionally a projection w_hr (P, H) of an LSTM.\nlengths : Tensor of integers, shape (N,), optional\n"
      "cell : {'lstm', 'gru', 'rnn_tanh', 'rnn_relu'}\nreset_after, reverse : bool\n\n"
      "Examples\n--------\n>>> import pydl\n>>> w = pydl.ones((1, 1))\n"
      ">>> y, h, _ = pydl._core.recurrent(pydl.ones((3, 1, 1)), pydl.zeros((1, 1)), None, [w, w], cell='rnn_relu')\n"
      ">>> y.reshape(-1).tolist()\n[1.0, 2.0, 3.0]\n");
  module.def(
      "recurrent_step", run_step, py::arg("x"), py::arg("h"), py::arg("c"), py::arg("weights"),
      py::arg("cell") = "lstm", py::arg("reset_after") = true,
      "One step of a recurrent layer, x (N, I): the new h, and the new c or None. Arguments as for `recurrent`.");
  module.def("recurrent_backward", run_recurrent_backward, py::arg("gradients"), py::arg("x"), py::arg("h0"),
             py::arg("c0"), py::arg("weights"), py::arg("lengths") = py::none(), py::arg("cell") = "lstm",
             py::arg("reset_after") = true, py::arg("reverse") = false,
             "Gradients of `recurrent` for x, h0, c0, w_ih, w_hh, b_ih and b_hh, from the gradients of its results.");
  module.def(
      "sequence_product",
      [](const Tensor& a, const Tensor& b, const Tensor& lengths, const Tensor& first, int64_t shift) {
        return compute(a.size() + b.size(), [&] { return sequence_product(a, b, lengths, first, shift); });
      },
      py::arg("a"), py::arg("b"), py::arg("lengths"), py::arg("first"), py::arg("shift") = 0,
      "Sum of the outer products of a[t, n] and b[t + shift, n] over n and t < lengths[n]; first[n] is used "
      "if t + shift is outside of the sequence.");
}

nn::RecurrentLayersOptions layers_of(bool bidirectional, double dropout, bool training, Generator* generator) {
  return {bidirectional, dropout, training, generator};
}

constexpr const char* layer_arguments =
    "\n\nParameters\n----------\nx : Tensor, shape (T, N, I)\nh0 : Tensor, shape (layers * directions, N, H)\n"
    "weights : list of list of Tensor\n    For every layer and direction w_ih, w_hh, and optionally b_ih and b_hh.\n"
    "lengths : Tensor of integers, shape (N,), optional\nbidirectional : bool\ndropout : float\n    Between layers.\n"
    "training : bool\ngenerator : Generator, optional\n\nReturns\n-------\noutput : Tensor, shape (T, N, directions * "
    "H)\nh : Tensor, shape (layers * directions, N, H)\n\nRaises\n------\nValueError\n    When shapes do not fit.";

void define_layers(py::module_& module) {
  module.def(
      "lstm",
      [](const Tensor& x, const Tensor& h0, const Tensor& c0, const std::vector<WeightList>& weights,
         const Optional& lengths, bool bidirectional, double dropout, bool training, Generator* generator) {
        const auto options = layers_of(bidirectional, dropout, training, generator);
        const RecurrentStates states = compute(
            x.size() + h0.size(), [&] { return nn::lstm(x, h0, c0, weights_of(weights), given(lengths), options); });
        return std::make_tuple(states.output, states.h, states.c);
      },
      py::arg("x"), py::arg("h0"), py::arg("c0"), py::arg("weights"), py::arg("lengths") = py::none(),
      py::arg("bidirectional") = false, py::arg("dropout") = 0.0, py::arg("training") = false,
      py::arg("generator") = py::none(),
      concat_text(
          "Long short-term memory (Hochreiter and Schmidhuber, 1997): output, h and c. c0 is as h0; weights may "
          "end with a projection w_hr (P, H).",
          layer_arguments)
          .c_str());
  module.def(
      "gru",
      [](const Tensor& x, const Tensor& h0, const std::vector<WeightList>& weights, const Optional& lengths,
         bool bidirectional, double dropout, bool training, Generator* generator, bool reset_after) {
        const auto options = layers_of(bidirectional, dropout, training, generator);
        const RecurrentStates states = compute(x.size() + h0.size(), [&] {
          return nn::gru(x, h0, weights_of(weights), given(lengths), options, reset_after);
        });
        return std::make_tuple(states.output, states.h);
      },
      py::arg("x"), py::arg("h0"), py::arg("weights"), py::arg("lengths") = py::none(),
      py::arg("bidirectional") = false, py::arg("dropout") = 0.0, py::arg("training") = false,
      py::arg("generator") = py::none(), py::arg("reset_after") = true,
      concat_text(
          "Gated recurrent units (Cho et al., 2014): output and h. `reset_after`: the reset gate scales w_hh h + "
          "b_hh of the candidate, instead of h before the product.",
          layer_arguments)
          .c_str());
  module.def(
      "rnn",
      [](const Tensor& x, const Tensor& h0, const std::vector<WeightList>& weights, const Optional& lengths,
         bool bidirectional, double dropout, bool training, Generator* generator, bool relu) {
        const auto options = layers_of(bidirectional, dropout, training, generator);
        const RecurrentStates states = compute(
            x.size() + h0.size(), [&] { return nn::rnn(x, h0, weights_of(weights), given(lengths), options, relu); });
        return std::make_tuple(states.output, states.h);
      },
      py::arg("x"), py::arg("h0"), py::arg("weights"), py::arg("lengths") = py::none(),
      py::arg("bidirectional") = false, py::arg("dropout") = 0.0, py::arg("training") = false,
      py::arg("generator") = py::none(), py::arg("relu") = false,
      concat_text("A simple recurrent network (Elman, 1990), with tanh or relu: output and h.", layer_arguments)
          .c_str());
}

}  // namespace

void define_recurrent(py::module_& parent) {
  define_ops(parent);
  py::module_ module = parent.attr("nn");
  define_layers(module);
}

}  // namespace pydl::python
