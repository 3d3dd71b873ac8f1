// What shape rules, derivatives and kernels of recurrent layers agree on: sizes, and the order of inputs and results.
#pragma once

#include <cstdint>
#include <span>

#include "exec/kernel.h"
#include "op/attrs.h"
#include "op/attrs/recurrent.h"

namespace pydl::op {

/// One direction of one layer over T steps of N rows.
///
/// With `save_gates`, `recurrent` has `saved_gates` blocks of H units per step and row among its results:
///   lstm: i, f, g, o. gru: r, z, n, and W_hn h + b_hn (reset after), or r h (reset before). rnn: none.
/// `recurrent_backward` gives `gate_gradients` blocks of H units per step and row, which are the gradients of the
/// inputs of the nonlinearities, in the order of the weights' rows (gru with reset after: one more, of W_hn h + b_hn).
struct RecurrentGeometry {
  Cell cell;
  bool reset_after;
  bool reverse;
  int64_t steps;
  int64_t batch;
  int64_t hidden;

  bool is_lstm() const { return cell == Cell::lstm; }
  bool is_gru() const { return cell == Cell::gru; }
  /// The number of blocks of H rows in the weights.
  int64_t gates() const { return is_lstm() ? 4 : (is_gru() ? 3 : 1); }
  int64_t saved_gates() const { return is_lstm() || is_gru() ? 4 : 0; }
  int64_t gate_gradients() const { return is_lstm() ? 4 : (is_gru() ? (reset_after ? 4 : 3) : 1); }

  /// The number of elements of the state after one step.
  int64_t state() const { return batch * hidden; }
  /// The distance from a step's state to that of the step before it, in a result (T, N, H).
  int64_t to_previous() const { return reverse ? state() : -state(); }
};

/// The positions of the inputs of `recurrent`; -1 for missing ones.
struct RecurrentInputs {
  int x = 0, h0 = 1, w_ih = 2, w_hh = 3, c0 = -1, b_ih = -1, b_hh = -1, lengths = -1;
  int count = 4;
};
RecurrentInputs recurrent_inputs(const Attrs& attrs);

/// The positions of the results of `recurrent`. A call for an LSTM has the first three, others the first two; with
/// `save_gates`, an LSTM has all, and a GRU those up to its gates, where c has no elements.
struct RecurrentResults {
  static constexpr size_t output = 0, h = 1, c = 2, gates = 3, cells = 4;
};
size_t count_recurrent_results(const Attrs& attrs, size_t input_count);

/// The positions of the inputs of `recurrent_backward`; -1 for missing ones. The first are an input or result of
/// `recurrent` each, and the last three the gradients of its results output, h and c.
struct RecurrentBackwardInputs {
  int output = 0, h0 = 1, w_hh = 2, gates = -1, c0 = -1, cells = -1, lengths = -1, dy = -1, dh = -1, dc = -1;
  int count = 3;
};
RecurrentBackwardInputs recurrent_backward_inputs(const Attrs& attrs);

/// Its results are gate_gradients, dh0 and, for an LSTM, dc0.
size_t count_recurrent_backward_results(const Attrs& attrs, size_t input_count);

/// The geometry of a call of `recurrent`, whose first inputs are x (T, N, I) and h0 (N, H).
RecurrentGeometry recurrent_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs);
/// The geometry of a call of `recurrent_backward`, whose first input is of shape (T, N, H).
RecurrentGeometry recurrent_backward_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs);

}  // namespace pydl::op
