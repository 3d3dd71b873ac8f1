#include "op/recurrent_geometry.h"

namespace pydl::op {

namespace {

Cell cell_of(const Attrs& attrs) {
  Cell cell = Cell::lstm;
  from_value("cell", attrs.find("cell"), cell);
  return cell;
}

RecurrentGeometry geometry(const Attrs& attrs, int64_t steps, const Dims& h0) {
  return {cell_of(attrs), attrs.flag("reset_after"), attrs.flag("reverse"), steps, h0[0], h0[1]};
}

}  // namespace

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
  if (attrs.flag("lengths")) inputs.lengths = inputs.count++;
  if (attrs.flag("dy")) inputs.dy = inputs.count++;
  if (attrs.flag("dh")) inputs.dh = inputs.count++;
  if (attrs.flag("dc")) inputs.dc = inputs.count++;
  return inputs;
}

RecurrentGeometry recurrent_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs) {
  return geometry(attrs, inputs[0].shape[0], inputs[1].shape);
}

RecurrentGeometry recurrent_backward_geometry(const Attrs& attrs, std::span<const exec::BufferSpec> inputs) {
  return geometry(attrs, attrs.integer("steps"), inputs[1].shape);
}

}  // namespace pydl::op
