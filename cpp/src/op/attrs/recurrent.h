// Attributes of recurrent layers.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

enum class Cell : uint8_t { lstm, gru, rnn_tanh, rnn_relu };
inline std::span<const char* const> choice_names(Cell) {
  static constexpr const char* names[] = {"lstm", "gru", "rnn_tanh", "rnn_relu"};
  return names;
}

/// `bias` and `lengths` say whether these inputs are present; `save_gates`, whether there are also the results that
/// only the derivative reads.
struct RecurrentAttrs {
  Cell cell = Cell::lstm;
  bool reset_after = false;
  bool reverse = false;
  bool bias = false;
  bool lengths = false;
  bool save_gates = false;
  PYDL_ATTRS(cell, reset_after, reverse, bias, lengths, save_gates)
};

/// `lengths`, `dy`, `dh` and `dc` say whether these inputs are present.
struct RecurrentBackwardAttrs {
  Cell cell = Cell::lstm;
  bool reset_after = false;
  bool reverse = false;
  bool lengths = false;
  bool dy = false;
  bool dh = false;
  bool dc = false;
  PYDL_ATTRS(cell, reset_after, reverse, lengths, dy, dh, dc)
};

/// `shift` is 0, -1 or 1.
struct SequenceProductAttrs {
  int64_t shift = 0;
  PYDL_ATTRS(shift)
};

}  // namespace pydl::op
