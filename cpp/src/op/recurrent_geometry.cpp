#include "op/recurrent_geometry.h"

namespace pydl::op {

namespace {

template <class Fields>
RecurrentGeometry geometry(const Attrs& attrs, int64_t steps, int64_t batch, int64_t hidden) {
  const auto fields = from_attrs<Fields>(attrs);
  return {fields.cell, fields.reset_after, fields.reverse, steps, batch, hidden};
}

}  // namespace

size_t count_recurrent_results(const Attrs& attrs, size_t) {
  const auto fields = from_attrs<RecurrentAttrs>(attrs);
  if (fields.cell == Cell::lstm) return fields.save_gates ? 5 : 3;
  return fields.cell == Cell::gru && fields.save_gates ? 4 : 2;
}

size_t count_recurrent_backward_results(const Attrs& attrs, size_t) {
  return from_attrs<RecurrentBackwardAttrs>(attrs).cell == Cell::lstm ? 3 : 2;
}

RecurrentInputs recurrent_inputs(const Attrs& attrs) {
  const auto fields = from_attrs<RecurrentAttrs>(attrs);
  RecurrentInputs inputs;
  if (fields.cell == Cell::lstm) inputs.c0 = inputs.count++;
  if (fields.bias) {
    inputs.b_ih = inputs.count++;
    inputs.b_hh = inputs.count++;
  }
  if (fields.lengths) inputs.lengths = inputs.count++;
  return inputs;
}

RecurrentBackwardInputs recurrent_backward_inputs(const Attrs& attrs) {
  const auto fields = from_attrs<RecurrentBackwardAttrs>(attrs);
  RecurrentBackwardInputs inputs;
  if (fields.cell == Cell::lstm || fields.cell == Cell::gru) inputs.gates = inputs.count++;
  if (fields.cell == Cell::lstm) {
    inputs.c0 = inputs.count++;
    inputs.cells = inputs.count++;
  }
  if (fields.lengths) inputs.lengths = inputs.count++;
  if (fields.dy) inputs.dy = inputs.count++;
  if (fields.dh) inputs.dh = inputs.count++;
  if (fields.dc) inputs.dc = inputs.count++;
  return inputs;
}

RecurrentGeometry recurrent_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs) {
  return geometry<RecurrentAttrs>(attrs, inputs[0].shape[0], inputs[1].shape[0], inputs[1].shape[1]);
}

RecurrentGeometry recurrent_backward_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs) {
  return geometry<RecurrentBackwardAttrs>(attrs, inputs[0].shape[0], inputs[0].shape[1], inputs[0].shape[2]);
}

}  // namespace pydl::op
