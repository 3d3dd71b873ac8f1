// The kernels for recurrent layers of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// One row of a batch in one step of a recurrent layer. `kept`: blocks of units for the derivative, or null. `sums`:
/// bias plus product of x, a vector per gate for each panel, if they were computed beforehand; otherwise null.
struct RecurrentRow {
  const void* sums;
  const void* x;
  const void* h_before;
  const void* c_before;
  void* h;
  void* c;
  void* kept;
};

/// The weights of as many units as a vector has lanes. `x_weights` and `h_weights` run over the inputs and over the
/// units of the previous step; each entry is one vector per gate. `bias`: a vector per gate (gru: r, z, and both parts
/// of n).
struct RecurrentPanel {
  const void* x_weights;
  const void* h_weights;
  const void* bias;
  int64_t inputs;
  int64_t hidden;
  int64_t unit;   // the first unit
  int64_t units;  // number of units
};

/// The same row in the backward pass. On entry, `dh` and `dc` are the running gradients after the step, without `dy`
/// (which may be null). On return, they are those before the step, except for what flows through the recurrent weights.
/// `dq` is the gradient of r h (gru with reset before).
struct RecurrentGradientRow {
  const void* h_before;
  const void* h;
  const void* c_before;
  const void* c;
  const void* kept;
  const void* dy;
  void* dh;
  void* dc;
  void* gate_gradients;
  void* dq;
};

/// Steps of recurrent layers. Weights are packed in panels of up to `panel_vectors` vectors of columns.
struct RecurrentKernels {
  int64_t lanes;
  /// Packs `count[v]` rows from `first[v]` on of a matrix with `depth` contiguous columns as vector v of each of
  /// `depth` entries; or packs columns of a matrix whose rows are `stride` apart.
  void (*pack_rows)(const void* w, int64_t vectors, const int64_t* first, const int64_t* count, int64_t depth,
                    void* packed);
  void (*pack_columns)(const void* w, int64_t stride, int64_t columns, int64_t depth, void* packed);
  /// A whole step for the units of a panel.
  void (*lstm)(const RecurrentRow* rows, int64_t count, const RecurrentPanel& panel);
  void (*gru)(const RecurrentRow* rows, int64_t count, const RecurrentPanel& panel);  // reset after
  /// c[i] (columns) = or += a[i] (depth) times a panel of `panel_vectors` vectors.
  void (*multiply)(const void* const* a, void* const* c, int64_t count, int64_t depth, const void* packed,
                   int64_t columns, bool accumulate);
  /// In place, on rows that contain the sums of the gates' inputs: h of a simple layer (tanh, relu); r and z of a gru
  /// with reset before, and r h; its n, and h.
  void (*rnn[2])(void* h, int64_t units);
  void (*gru_gates)(const void* h_before, void* kept, int64_t units);
  void (*gru_output)(const void* h_before, void* kept, void* h, int64_t units);
  /// Gradients of the gates' inputs.
  void (*lstm_gate_gradients)(const RecurrentGradientRow& row, int64_t units);
  void (*gru_gate_gradients[2])(const RecurrentGradientRow& row, int64_t units);  // reset before (z and n), reset after
  void (*gru_reset_gate_gradients)(const RecurrentGradientRow& row, int64_t units);
  void (*rnn_gate_gradients[2])(const RecurrentGradientRow& row, int64_t units);
};
inline constexpr int64_t panel_vectors = 4;

}  // namespace pydl::cpu
