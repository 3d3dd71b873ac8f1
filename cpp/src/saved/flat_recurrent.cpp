#include "saved/flat_recurrent.h"

#include <algorithm>

#include "op/apply.h"
#include "op/attrs/recurrent.h"
#include "op/recurrent_geometry.h"
#include "pydl/ops.h"

namespace pydl::saved {

namespace {

using graph::OlderCall;
using op::Attrs;
using op::Cell;
using op::OpId;
using op::RecurrentResults;

// The result was flat. It contained h of T + 1 states: the first state and the T new ones (in reverse, the T new ones
// and the first state); the last h and, for an LSTM, the last c; with `tape`, for an LSTM c of T + 1 states, and the
// gates.
struct FlatAttrs {
  Cell cell = Cell::lstm;
  bool reset_after = false;
  bool reverse = false;
  bool bias = false;
  bool lengths = false;
  bool tape = false;
  PYDL_ATTRS(cell, reset_after, reverse, bias, lengths, tape)
};

// The first input was such a tensor. The flat result contained the gradients of the gates' inputs, of the first h, and
// for an LSTM of the first c.
struct FlatBackwardAttrs {
  Cell cell = Cell::lstm;
  bool reset_after = false;
  bool reverse = false;
  bool lengths = false;
  bool dy = false;
  bool dh = false;
  bool dc = false;
  int64_t steps = 0;
  PYDL_ATTRS(cell, reset_after, reverse, lengths, dy, dh, dc, steps)
};

bool saves_gates(Cell cell) { return cell == Cell::lstm || cell == Cell::gru; }

class FlatWriter {
 public:
  explicit FlatWriter(bool reverse) : reverse_(reverse) {}
  void add(const Tensor& part) { parts_.push_back(reshape(part, {part.size()})); }
  void add_states(const Tensor& first, const Tensor& others) {
    add(reverse_ ? others : first);
    add(reverse_ ? first : others);
  }
  Tensor result() const { return concat(parts_); }

 private:
  bool reverse_;
  std::vector<Tensor> parts_;
};

class FlatReader {
 public:
  FlatReader(Tensor flat, bool reverse) : flat_(std::move(flat)), reverse_(reverse) {}
  Tensor take(const Dims& shape) {
    const int64_t count = element_count(shape);
    offset_ += count;
    return reshape(slice(flat_, {offset_ - count}, {count}, {1}), shape);
  }
  // The first state, and the T others.
  std::pair<Tensor, Tensor> take_states(const Dims& first, const Dims& others) {
    if (!reverse_) {
      const Tensor before = take(first);
      return {before, take(others)};
    }
    const Tensor after = take(others);
    return {take(first), after};
  }

 private:
  Tensor flat_;
  bool reverse_;
  int64_t offset_ = 0;
};

// In reverse with lengths, the first c of a row used to follow the row's last step. Here it follows step T - 1, which
// makes no difference, because only `recurrent_backward` reads that part.
std::vector<Tensor> run_flat(const Attrs& attrs, std::span<const Tensor> inputs) {
  const auto flat = op::from_attrs<FlatAttrs>(attrs);
  const Attrs today =
      op::to_attrs(op::RecurrentAttrs{flat.cell, flat.reset_after, flat.reverse, flat.bias, flat.lengths, flat.tape});
  const std::vector<Tensor> results = op::apply_all(OpId::recurrent, today, inputs);
  const op::RecurrentInputs at = op::recurrent_inputs(today);
  const bool lstm = flat.cell == Cell::lstm;
  FlatWriter writer(flat.reverse);
  writer.add_states(inputs[static_cast<size_t>(at.h0)], results[RecurrentResults::output]);
  writer.add(results[RecurrentResults::h]);
  if (lstm) writer.add(results[RecurrentResults::c]);
  if (flat.tape && lstm) writer.add_states(inputs[static_cast<size_t>(at.c0)], results[RecurrentResults::cells]);
  if (flat.tape && saves_gates(flat.cell)) writer.add(results[RecurrentResults::gates]);
  return {writer.result()};
}

void check_flat_inputs(const FlatBackwardAttrs& flat, std::span<const Tensor> inputs) {
  const size_t count = 3U + flat.lengths + flat.dy + flat.dh + flat.dc;
  if (inputs.size() != count) {
    throw TypeError(concat_text("recurrent_backward: expected ", count, " inputs, got ", inputs.size()));
  }
  if (inputs[0].rank() != 1 || inputs[1].rank() != 2) {
    throw ValueError(concat_text("recurrent_backward: expected a flat tensor and h0 of shape (N, H), got shapes ",
                                 inputs[0].shape(), " and ", inputs[1].shape()));
  }
  // Offsets must fit into int64.
  constexpr int64_t most = int64_t{1} << 56;
  if (flat.steps < 0 || flat.steps > most / std::max<int64_t>(inputs[1].size(), 1)) {
    throw ValueError(
        concat_text("recurrent_backward: ", flat.steps, " steps of shape ", inputs[1].shape(), " are not possible"));
  }
}

std::vector<Tensor> run_flat_backward(const Attrs& attrs, std::span<const Tensor> inputs) {
  const auto flat = op::from_attrs<FlatBackwardAttrs>(attrs);
  check_flat_inputs(flat, inputs);
  const bool lstm = flat.cell == Cell::lstm;
  const Dims& state = inputs[1].shape();
  const Dims states = {flat.steps, state[0], state[1]};
  FlatReader reader(inputs[0], flat.reverse);
  std::vector<Tensor> operands = {reader.take_states(state, states).second, inputs[1], inputs[2]};
  reader.take(state);  // the last h
  if (lstm) reader.take(state);
  std::pair<Tensor, Tensor> cells;
  if (lstm) cells = reader.take_states(state, states);
  if (saves_gates(flat.cell)) operands.push_back(reader.take({flat.steps, state[0], 4 * state[1]}));
  if (lstm) operands.insert(operands.end(), {cells.first, cells.second});
  operands.insert(operands.end(), inputs.begin() + 3, inputs.end());
  const Attrs today = op::to_attrs(
      op::RecurrentBackwardAttrs{flat.cell, flat.reset_after, flat.reverse, flat.lengths, flat.dy, flat.dh, flat.dc});
  FlatWriter writer(flat.reverse);
  for (const Tensor& result : op::apply_all(OpId::recurrent_backward, today, operands)) writer.add(result);
  return {writer.result()};
}

// Never destroyed, because recordings refer to them.
const OlderCall& flat_forward() {
  static const auto* const call = new OlderCall{
      {.attributes = op::fields_of<FlatAttrs>(), .id = OpId::recurrent, .name = "recurrent", .input_count = {4, 8}},
      run_flat};
  return *call;
}

const OlderCall& flat_backward() {
  static const auto* const call = new OlderCall{{.attributes = op::fields_of<FlatBackwardAttrs>(),
                                                 .id = OpId::recurrent_backward,
                                                 .name = "recurrent_backward",
                                                 .input_count = {3, 7}},
                                                run_flat_backward};
  return *call;
}

}  // namespace

const OlderCall* find_flat_recurrent(std::string_view name, const io::Json::Object& attrs) {
  const auto has = [&](std::string_view attr) {
    return std::any_of(attrs.begin(), attrs.end(), [&](const auto& member) { return member.first == attr; });
  };
  if (name == "recurrent" && has("tape")) return &flat_forward();
  if (name == "recurrent_backward" && has("steps")) return &flat_backward();
  return nullptr;
}

}  // namespace pydl::saved
