// What shape rules and kernels of recurrent layers agree on: sizes, and the offsets of the parts of their flat results.
#pragma once

#include <cstdint>
#include <span>

#include "exec/kernel.h"
#include "op/attrs.h"
#include "op/attrs/recurrent.h"

namespace pydl::op {

/// One direction of one layer over T steps of N rows. A state is a block of N x H elements.
///
/// The result of `recurrent` is flat: h of T + 1 states, that is the first state next to the T new ones (before them,
/// or after them in reverse); the final h, and for an LSTM the final c; with `tape`, also what the derivative reads:
/// for an LSTM c of T + 1 states in the same order, then `kept` blocks of units per step and row:
///   lstm: i, f, g, o. gru: r, z, n, and W_hn h + b_hn (reset after), or r h (reset before). rnn: none.
///
/// The result of `recurrent_backward` is flat: `gate_gradients` blocks of units per step and row, which are the
/// gradients of the inputs of the nonlinearities, in the order of the weights' rows (gru with reset after: one more, of
/// W_hn h + b_hn); then the gradients of the first h, and for an LSTM of the first c.
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
  int64_t kept() const { return is_lstm() || is_gru() ? 4 : 0; }
  int64_t gate_gradients() const { return is_lstm() ? 4 : (is_gru() ? (reset_after ? 4 : 3) : 1); }

  int64_t state() const { return batch * hidden; }
  /// Offset of the T new states among the T + 1.
  int64_t new_states() const { return reverse ? 0 : state(); }
  /// Offset of the first state among the T + 1.
  int64_t first_state() const { return reverse ? steps * state() : 0; }
  /// Offset of the states from which the T steps start.
  int64_t previous_states() const { return reverse ? state() : 0; }

  int64_t final_h() const { return (steps + 1) * state(); }
  int64_t final_c() const { return final_h() + state(); }
  int64_t c_states() const { return final_h() + (is_lstm() ? 2 : 1) * state(); }
  int64_t kept_offset() const { return c_states() + (is_lstm() ? (steps + 1) * state() : 0); }
  int64_t result_size(bool tape) const { return tape ? kept_offset() + steps * state() * kept() : c_states(); }

  int64_t first_h_gradient() const { return steps * state() * gate_gradients(); }
  int64_t first_c_gradient() const { return first_h_gradient() + state(); }
  int64_t gradient_size() const { return first_h_gradient() + (is_lstm() ? 2 : 1) * state(); }
};

/// The positions of the inputs of `recurrent`; -1 for missing ones.
struct RecurrentInputs {
  int x = 0, h0 = 1, w_ih = 2, w_hh = 3, c0 = -1, b_ih = -1, b_hh = -1, lengths = -1;
  int count = 4;
};
RecurrentInputs recurrent_inputs(const Attrs& attrs);

/// The positions of the inputs of `recurrent_backward`. The last three are the gradients of the T new states and of the
/// final ones.
struct RecurrentBackwardInputs {
  int tape = 0, h0 = 1, w_hh = 2, lengths = -1, dy = -1, dh = -1, dc = -1;
  int count = 3;
};
RecurrentBackwardInputs recurrent_backward_inputs(const Attrs& attrs);

/// The geometry of a call of `recurrent`, whose first inputs are x (T, N, I) and h0 (N, H).
RecurrentGeometry recurrent_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs);
/// The geometry of a call of `recurrent_backward`.
RecurrentGeometry recurrent_backward_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs);

}  // namespace pydl::op
