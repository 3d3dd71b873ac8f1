// What shape rules and kernels of recurrent layers agree on: sizes, and where the parts of their flat results begin.
#pragma once

#include <cstdint>
#include <span>

#include "exec/kernel.h"
#include "op/attrs.h"
#include "op/attrs/recurrent.h"

namespace pydl::op {

/// One direction of one layer over T steps of N rows. A state is a block of N x H elements.
///
/// The result of `recurrent`, flat: h of T + 1 states, the first state beside the T new ones (before them, or behind
/// them in reverse); the final h, and for an LSTM the final c; with `tape`, what the derivative reads: for an LSTM c of
/// T + 1 states likewise, then `kept` blocks of units per step and row:
///   lstm: i, f, g, o. gru: r, z, n, and W_hn h + b_hn (reset after), or r h (reset before). rnn: none.
///
/// The result of `recurrent_backward`, flat: `slopes` blocks of units per step and row, the gradients of what goes into
/// the nonlinearities, in the order of the weights' rows (gru with reset after: one more, of W_hn h + b_hn); then the
/// gradients of the first h, and for an LSTM of the first c.
struct RecurrentGeometry {
  Cell cell;
  bool reset_after;
  bool reverse;
  int64_t steps;
  int64_t batch;
  int64_t hidden;

  bool is_lstm() const { return cell == Cell::lstm; }
  bool is_gru() const { return cell == Cell::gru; }
  /// Blocks of H rows in the weights.
  int64_t gates() const { return is_lstm() ? 4 : (is_gru() ? 3 : 1); }
  int64_t kept() const { return is_lstm() || is_gru() ? 4 : 0; }
  int64_t slopes() const { return is_lstm() ? 4 : (is_gru() ? (reset_after ? 4 : 3) : 1); }

  int64_t state() const { return batch * hidden; }
  /// Of the T new states, among T + 1.
  int64_t new_states() const { return reverse ? 0 : state(); }
  /// Of the first state, among T + 1.
  int64_t first_state() const { return reverse ? steps * state() : 0; }
  /// Of the states that the T steps start from.
  int64_t previous_states() const { return reverse ? state() : 0; }

  int64_t final_h() const { return (steps + 1) * state(); }
  int64_t final_c() const { return final_h() + state(); }
  int64_t c_states() const { return final_h() + (is_lstm() ? 2 : 1) * state(); }
  int64_t kept_offset() const { return c_states() + (is_lstm() ? (steps + 1) * state() : 0); }
  int64_t result_size(bool tape) const { return tape ? kept_offset() + steps * state() * kept() : c_states(); }

  int64_t first_h_gradient() const { return steps * state() * slopes(); }
  int64_t first_c_gradient() const { return first_h_gradient() + state(); }
  int64_t gradient_size() const { return first_h_gradient() + (is_lstm() ? 2 : 1) * state(); }
};

/// The places of the inputs of `recurrent`; -1 for what is not there.
struct RecurrentInputs {
  int x = 0, h0 = 1, w_ih = 2, w_hh = 3, c0 = -1, b_ih = -1, b_hh = -1, lengths = -1;
  int count = 4;
};
RecurrentInputs recurrent_inputs(const Attrs& attrs);

/// Those of `recurrent_backward`. The last three are the gradients of the T new states, and of the final ones.
struct RecurrentBackwardInputs {
  int tape = 0, h0 = 1, w_hh = 2, lengths = -1, dy = -1, dh = -1, dc = -1;
  int count = 3;
};
RecurrentBackwardInputs recurrent_backward_inputs(const Attrs& attrs);

/// Of a call of `recurrent`, whose first inputs are x (T, N, I) and h0 (N, H).
RecurrentGeometry recurrent_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs);
/// Of a call of `recurrent_backward`.
RecurrentGeometry recurrent_backward_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs);

}  // namespace pydl::op
