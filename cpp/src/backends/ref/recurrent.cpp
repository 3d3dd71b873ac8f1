// Recurrent layers, in double.
#include "op/recurrent_geometry.h"

#include <algorithm>
#include <cmath>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

using op::Cell;
using op::RecurrentGeometry;
using Results = op::RecurrentResults;
using Values = std::vector<double>;

Values input_values(const RefCall& call, int index) {
  if (index < 0) return {};
  const auto i = static_cast<size_t>(index);
  return values_of(call.inputs[i], call.input_data[i]);
}

std::vector<int64_t> lengths_of(const RefCall& call, int index, int64_t steps, int64_t batch) {
  std::vector<int64_t> lengths(static_cast<size_t>(batch), steps);
  const Values given = input_values(call, index);
  for (size_t n = 0; n < given.size(); ++n) {
    lengths[n] = static_cast<int64_t>(given[n]);
    if (lengths[n] < 0 || lengths[n] > steps) {
      throw IndexError(
          concat_text(op::op_name(call.op), ": length ", lengths[n], " of sequence ", n, " is outside 0 to ", steps));
    }
  }
  return lengths;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Computes each row of `w` times v, plus its bias.
Values affine(const Values& w, const Values& bias, const double* v, int64_t depth) {
  const auto rows = w.size() / static_cast<size_t>(depth);
  Values y(rows, 0.0);
  for (size_t i = 0; i < rows; ++i) {
    y[i] = bias.empty() ? 0 : bias[i];
    for (int64_t k = 0; k < depth; ++k) y[i] += w[i * static_cast<size_t>(depth) + static_cast<size_t>(k)] * v[k];
  }
  return y;
}

struct Weights {
  Values w_ih, w_hh, b_ih, b_hh;
};

// The result of one step for one row: the new h and c, and the gates for the derivative.
struct StepResult {
  Values h, c, gates;
};

StepResult lstm_step(const Values& a, const Values& b, const double* c_before, size_t units) {
  StepResult result = {Values(units), Values(units), Values(4 * units)};
  for (size_t j = 0; j < units; ++j) {
    const double i = sigmoid(a[j] + b[j]);
    const double f = sigmoid(a[units + j] + b[units + j]);
    const double g = std::tanh(a[2 * units + j] + b[2 * units + j]);
    const double o = sigmoid(a[3 * units + j] + b[3 * units + j]);
    result.c[j] = f * c_before[j] + i * g;
    result.h[j] = o * std::tanh(result.c[j]);
    const double gates[] = {i, f, g, o};
    for (size_t k = 0; k < 4; ++k) result.gates[k * units + j] = gates[k];
  }
  return result;
}

StepResult gru_step(const Weights& weights, const Values& a, const Values& b, const double* h, size_t units,
                    bool reset_after) {
  StepResult result = {Values(units), {}, Values(4 * units)};
  Values reset(units);
  for (size_t j = 0; j < units; ++j) reset[j] = sigmoid(a[j] + b[j]) * h[j];
  // Only the last third of `candidate` is used.
  const Values candidate =
      reset_after ? b : affine(weights.w_hh, weights.b_hh, reset.data(), static_cast<int64_t>(units));
  for (size_t j = 0; j < units; ++j) {
    const double r = sigmoid(a[j] + b[j]);
    const double z = sigmoid(a[units + j] + b[units + j]);
    const double m = candidate[2 * units + j];
    const double n = std::tanh(a[2 * units + j] + (reset_after ? r * m : m));
    result.h[j] = (1 - z) * n + z * h[j];
    const double gates[] = {r, z, n, reset_after ? m : reset[j]};
    for (size_t k = 0; k < 4; ++k) result.gates[k * units + j] = gates[k];
  }
  return result;
}

StepResult rnn_step(const Values& a, const Values& b, size_t units, bool relu) {
  StepResult result = {Values(units), {}, {}};
  for (size_t j = 0; j < units; ++j) {
    const double x = a[j] + b[j];
    result.h[j] = relu ? (x < 0 ? 0 : x) : std::tanh(x);
  }
  return result;
}

StepResult step(const RecurrentGeometry& g, const Weights& weights, const double* x, int64_t inputs, const double* h,
                const double* c) {
  const auto units = static_cast<size_t>(g.hidden);
  const Values a = affine(weights.w_ih, weights.b_ih, x, inputs);
  const Values b = affine(weights.w_hh, weights.b_hh, h, g.hidden);
  if (g.is_lstm()) return lstm_step(a, b, c, units);
  if (g.is_gru()) return gru_step(weights, a, b, h, units, g.reset_after);
  return rnn_step(a, b, units, g.cell == Cell::rnn_relu);
}

void run_recurrent(const RefCall& call) {
  const RecurrentGeometry g = op::recurrent_geometry(call.attrs, call.inputs);
  const op::RecurrentInputs at = op::recurrent_inputs(call.attrs);
  const Values x = input_values(call, at.x);
  const Values h0 = input_values(call, at.h0);
  const Values c0 = input_values(call, at.c0);
  const Weights weights = {input_values(call, at.w_ih), input_values(call, at.w_hh), input_values(call, at.b_ih),
                           input_values(call, at.b_hh)};
  const std::vector<int64_t> lengths = lengths_of(call, at.lengths, g.steps, g.batch);
  const int64_t inputs = call.inputs[0].shape[2];
  std::vector<Values> results;
  for (const exec::BufferSpec& spec : call.outputs)
    results.emplace_back(static_cast<size_t>(element_count(spec.shape)));
  const auto copy = [&](const Values& from, size_t result, int64_t to) {
    if (result < results.size() && !from.empty()) std::copy(from.begin(), from.end(), results[result].begin() + to);
  };
  for (int64_t n = 0; n < g.batch; ++n) {
    const int64_t row = n * g.hidden;
    const int64_t length = lengths[static_cast<size_t>(n)];
    Values h(h0.begin() + row, h0.begin() + row + g.hidden);
    Values c = g.is_lstm() ? Values(c0.begin() + row, c0.begin() + row + g.hidden) : Values{};
    for (int64_t s = 0; s < length; ++s) {
      const int64_t t = g.reverse ? length - 1 - s : s;
      const int64_t position = t * g.state() + row;
      StepResult next = step(g, weights, x.data() + (t * g.batch + n) * inputs, inputs, h.data(), c.data());
      h = std::move(next.h);
      c = std::move(next.c);
      copy(h, Results::output, position);
      copy(c, Results::cells, position);
      copy(next.gates, Results::gates, position * g.saved_gates());
    }
    copy(h, Results::h, row);
    copy(c, Results::c, row);
  }
  for (size_t i = 0; i < results.size(); ++i) store_values(call.outputs[i], call.output_data[i], results[i]);
}

// What the derivative of one step reads, for one row.
struct SavedRow {
  const double* h_before;
  const double* h;
  const double* c_before;
  const double* c;
  const double* gates;
};

// Turns the gradients dh and dc after a step into those before it; `gate_gradients` are the gradients of the gates.
void lstm_backward(const SavedRow& saved, size_t units, Values& dh, Values& dc, Values& gate_gradients) {
  for (size_t j = 0; j < units; ++j) {
    const double i = saved.gates[j], f = saved.gates[units + j], g = saved.gates[2 * units + j],
                 o = saved.gates[3 * units + j];
    const double u = std::tanh(saved.c[j]);
    const double d = dc[j] + dh[j] * o * (1 - u * u);
    gate_gradients[j] = d * g * i * (1 - i);
    gate_gradients[units + j] = d * saved.c_before[j] * f * (1 - f);
    gate_gradients[2 * units + j] = d * i * (1 - g * g);
    gate_gradients[3 * units + j] = dh[j] * u * o * (1 - o);
    dc[j] = d * f;
    dh[j] = 0;
  }
}

void gru_backward(const RecurrentGeometry& geometry, const SavedRow& saved, const Values& w_hh, size_t units,
                  Values& dh, Values& gate_gradients) {
  Values dq(units, 0.0);  // gradient of r h, where reset is applied before the product
  for (size_t j = 0; j < units; ++j) {
    const double z = saved.gates[units + j], n = saved.gates[2 * units + j];
    gate_gradients[units + j] = dh[j] * (saved.h_before[j] - n) * z * (1 - z);
    gate_gradients[2 * units + j] = dh[j] * (1 - z) * (1 - n * n);
    dh[j] *= z;
    for (size_t k = 0; k < units; ++k) dq[k] += gate_gradients[2 * units + j] * w_hh[(2 * units + j) * units + k];
  }
  for (size_t j = 0; j < units; ++j) {
    const double r = saved.gates[j];
    if (geometry.reset_after) {
      gate_gradients[j] = gate_gradients[2 * units + j] * saved.gates[3 * units + j] * r * (1 - r);
      gate_gradients[3 * units + j] = gate_gradients[2 * units + j] * r;
    } else {
      gate_gradients[j] = dq[j] * saved.h_before[j] * r * (1 - r);
      dh[j] += dq[j] * r;
    }
  }
}

void rnn_backward(const SavedRow& saved, size_t units, bool relu, Values& dh, Values& gate_gradients) {
  for (size_t j = 0; j < units; ++j) {
    gate_gradients[j] = relu ? (saved.h[j] <= 0 ? 0 : dh[j]) : dh[j] * (1 - saved.h[j] * saved.h[j]);
    dh[j] = 0;
  }
}

// Adds the gradient that reaches h through the recurrent weights.
void add_products(const RecurrentGeometry& g, const Values& w_hh, const Values& gate_gradients, Values& dh) {
  const auto units = static_cast<size_t>(g.hidden);
  const auto gates = static_cast<size_t>(g.is_gru() && !g.reset_after ? 2 : g.gates());
  for (size_t gate = 0; gate < gates; ++gate) {
    const size_t gate_gradient = g.is_gru() && gate == 2 ? 3 : gate;
    for (size_t j = 0; j < units; ++j) {
      for (size_t k = 0; k < units; ++k)
        dh[k] += gate_gradients[gate_gradient * units + j] * w_hh[(gate * units + j) * units + k];
    }
  }
}

void run_recurrent_backward(const RefCall& call) {
  const RecurrentGeometry g = op::recurrent_backward_geometry(call.attrs, call.inputs);
  const op::RecurrentBackwardInputs at = op::recurrent_backward_inputs(call.attrs);
  const Values output = input_values(call, at.output);
  const Values gates = input_values(call, at.gates);
  const Values cells = input_values(call, at.cells);
  const Values h0 = input_values(call, at.h0);
  const Values c0 = input_values(call, at.c0);
  const Values w_hh = input_values(call, at.w_hh);
  const Values dy = input_values(call, at.dy);
  const Values dh_given = input_values(call, at.dh);
  const Values dc_given = input_values(call, at.dc);
  const std::vector<int64_t> lengths = lengths_of(call, at.lengths, g.steps, g.batch);
  const auto units = static_cast<size_t>(g.hidden);
  const auto width = units * static_cast<size_t>(g.gate_gradients());
  Values all_gate_gradients(static_cast<size_t>(g.steps * g.batch) * width, 0.0);
  Values dh0, dc0;
  for (int64_t n = 0; n < g.batch; ++n) {
    const int64_t row = n * g.hidden;
    const int64_t length = lengths[static_cast<size_t>(n)];
    const auto start = [&](const Values& given) {
      return given.empty() ? Values(units, 0.0) : Values(given.begin() + row, given.begin() + row + g.hidden);
    };
    Values dh = start(dh_given);
    Values dc = start(dc_given);
    Values gate_gradients(width);
    for (int64_t s = length - 1; s >= 0; --s) {
      const int64_t t = g.reverse ? length - 1 - s : s;
      const int64_t position = t * g.state() + row;
      for (size_t j = 0; j < units && !dy.empty(); ++j) dh[j] += dy[static_cast<size_t>(position) + j];
      const auto before = [&](const Values& first, const Values& states) {
        return s == 0 ? first.data() + row : states.data() + position + g.to_previous();
      };
      const SavedRow saved = {before(h0, output), output.data() + position, g.is_lstm() ? before(c0, cells) : nullptr,
                              g.is_lstm() ? cells.data() + position : nullptr,
                              gates.data() + position * g.saved_gates()};
      if (g.is_lstm()) {
        lstm_backward(saved, units, dh, dc, gate_gradients);
      } else if (g.is_gru()) {
        gru_backward(g, saved, w_hh, units, dh, gate_gradients);
      } else {
        rnn_backward(saved, units, g.cell == Cell::rnn_relu, dh, gate_gradients);
      }
      add_products(g, w_hh, gate_gradients, dh);
      std::copy(gate_gradients.begin(), gate_gradients.end(),
                all_gate_gradients.begin() + position * g.gate_gradients());
    }
    dh0.insert(dh0.end(), dh.begin(), dh.end());
    dc0.insert(dc0.end(), dc.begin(), dc.end());
  }
  const Values* results[] = {&all_gate_gradients, &dh0, &dc0};
  for (size_t i = 0; i < call.outputs.size(); ++i) store_values(call.outputs[i], call.output_data[i], *results[i]);
}

void run_sequence_product(const RefCall& call) {
  const Dims& shape = call.inputs[0].shape;
  const int64_t columns = call.inputs[1].shape[2];
  const Values a = input_values(call, 0);
  const Values b = input_values(call, 1);
  const Values first = input_values(call, 3);
  const std::vector<int64_t> lengths = lengths_of(call, 2, shape[0], shape[1]);
  const int64_t shift = op::from_attrs<op::SequenceProductAttrs>(call.attrs).shift;
  Values result(static_cast<size_t>(shape[2] * columns), 0.0);
  for (int64_t n = 0; n < shape[1]; ++n) {
    const int64_t length = lengths[static_cast<size_t>(n)];
    for (int64_t t = 0; t < length; ++t) {
      const int64_t other = t + shift;
      const bool inside = other >= 0 && other < length;
      const double* right = inside ? b.data() + (other * shape[1] + n) * columns : first.data() + n * columns;
      const double* left = a.data() + (t * shape[1] + n) * shape[2];
      for (int64_t i = 0; i < shape[2]; ++i) {
        for (int64_t j = 0; j < columns; ++j) result[static_cast<size_t>(i * columns + j)] += left[i] * right[j];
      }
    }
  }
  store_values(call.outputs[0], call.output_data[0], result);
}

}  // namespace

void register_recurrent(KernelTable& table) {
  table.add(OpId::recurrent, Provider::ref, prepare<run_recurrent, is_floating>);
  table.add(OpId::recurrent_backward, Provider::ref, prepare<run_recurrent_backward, is_floating>);
  table.add(OpId::sequence_product, Provider::ref, prepare<run_sequence_product, is_floating>);
}

}  // namespace pydl::backends::ref
