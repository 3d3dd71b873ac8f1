// Structural ops: elements are moved between layouts.
#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/view.h"

namespace pydl::backends::ref {

namespace {

void* element_at(void* data, DType dtype, int64_t offset) {
  return static_cast<char*>(data) + offset * static_cast<int64_t>(item_size(dtype));
}

void run_concat(const RefCall& call) {
  const int axis = static_cast<int>(op::from_attrs<op::ConcatAttrs>(call.attrs).axis);
  const BufferSpec& y = call.outputs[0];
  int64_t start = 0;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const BufferSpec& x = call.inputs[i];
    void* to = element_at(call.output_data[0], y.dtype, start * y.strides[axis]);
    copy_elements(y.dtype, x.shape, to, y.strides, call.input_data[i], x.strides);
    start += x.shape[axis];
  }
}

void run_slice_backward(const RefCall& call) {
  const BufferSpec& g = call.inputs[0];
  const BufferSpec& y = call.outputs[0];
  const auto attrs = op::from_attrs<op::SliceBackwardAttrs>(call.attrs);
  const auto count = static_cast<size_t>(element_count(y.shape));
  if (count > 0) std::memset(call.output_data[0], 0, count * item_size(y.dtype));
  if (element_count(g.shape) == 0) return;
  Dims strides = y.strides;
  int64_t start = 0;
  for (int axis = 0; axis < y.shape.rank(); ++axis) {
    start += attrs.starts[axis] * y.strides[axis];
    strides[axis] *= attrs.steps[axis];
  }
  copy_elements(y.dtype, g.shape, element_at(call.output_data[0], y.dtype, start), strides, call.input_data[0],
                g.strides);
}

void run_assign(const RefCall& call) {
  convert_elements(call.inputs[0], call.input_data[0], call.inputs[1], call.input_data[1]);
}

}  // namespace

void register_view(KernelTable& table) {
  table.add(OpId::concat, Provider::ref, prepare<run_concat>);
  table.add(OpId::slice_backward, Provider::ref, prepare<run_slice_backward>);
  table.add(OpId::assign, Provider::ref, prepare<run_assign>);
}

}  // namespace pydl::backends::ref
