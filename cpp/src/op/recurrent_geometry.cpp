#include "op/recurrent_geometry.h"

namespace pydl::op {

namespace {

Cell cell_of(const Attrs& attrs) {
  Cell cell = Cell::lstm;
  from_value("cell", attrs.find("cell"), cell);
  return cell;
}

RecurrentGeometry geometry(const Attrs& attrs, int64_t steps, int64_t batch, int64_t hidden) {
  return {cell_of(attrs), attrs.flag("reset_after"), attrs.flag("reverse"), steps, batch, hidden};
}

}  // namespace

size_t count_recurrent_results(const Attrs& attrs, size_t) {
  const Cell cell = cell_of(attrs);
  const bool saves = attrs.flag("save_gates");
  if (cell == Cell::lstm) return saves ? 5 : 3;
  return cell == Cell::gru && saves ? 4 : 2;
}

size_t count_recurrent_backward_results(const Attrs& attrs, size_t) { return cell_of(attrs) == Cell::lstm ? 3 : 2; }

RecurrentInputs recurrent_inputs(const Attrs& attrs) {
  RecurrentInputs inputs;
  if (cell_of(attrs) == Cell::lstm) inputs.c0 = inputs.count++;
  if (attrs.flag("bias")) {
    inputs.b_ih = inputs.count++;
    inputs.b_hh = inputs.count++;
  }
  if (attrs.flag("lengths")) inputs.lengths = inputs.count++;
  return inputs;
}

RecurrentBackwardInputs recurrent_backward_inputs(const Attrs& attrs) {
  RecurrentBackwardInputs inputs;
  const Cell cell = cell_of(attrs);
  if (cell == Cell::lstm || cell == Cell::gru) inputs.gates = inputs.count++;
  if (cell == Cell::lstm) {
    inputs.c0 = inputs.count++;
    inputs.cells = inputs.count++;
  }
  if (attrs.flag("lengths")) inputs.lengths = inputs.count++;
  if (attrs.flag("dy")) inputs.dy = inputs.count++;
  if (attrs.flag("dh")) inputs.dh = inputs.count++;
  if (attrs.flag("dc")) inputs.dc = inputs.count++;
  return inputs;
}

RecurrentGeometry recurrent_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs) {
  return geometry(attrs, inputs[0].shape[0], inputs[1].shape[0], inputs[1].shape[1]);
}

RecurrentGeometry recurrent_backward_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs) {
  return geometry(attrs, inputs[0].shape[0], inputs[0].shape[1], inputs[0].shape[2]);
}

}  // namespace pydl::op
