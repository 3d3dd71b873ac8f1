// Search in sorted elements: all of them are compared with each value.
#include "op/attrs/search.h"

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/sort_key.h"

namespace pydl::backends::ref {

namespace {

void run_search(const RefCall& call) {
  const BufferSpec& sorted = call.inputs[0];
  const bool right = op::from_attrs<op::SearchAttrs>(call.attrs).right;
  const int last = sorted.shape.rank() - 1;
  // The values see the same sorted elements along their last axis, or everywhere.
  Dims line = Dims::filled(call.inputs[1].shape.rank(), 0);
  if (last > 0) {
    for (int axis = 0; axis < last; ++axis) line[axis] = sorted.strides[axis];
  }
  visit_dtype(sorted.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto* elements = static_cast<const T*>(call.input_data[0]);
    const std::array<Dims, 3> strides = {line, call.inputs[1].strides, call.outputs[0].strides};
    for_each_position(call.inputs[1].shape, strides, [&](const auto& offsets) {
      const auto key = op::sort_key(static_cast<const T*>(call.input_data[1])[offsets[1]]);
      int64_t count = 0;
      for (int64_t i = 0; i < sorted.shape[last]; ++i) {
        const auto other = op::sort_key(elements[offsets[0] + i * sorted.strides[last]]);
        count += (right ? other <= key : other < key) ? 1 : 0;
      }
      static_cast<int64_t*>(call.output_data[0])[offsets[2]] = count;
    });
  });
}

}  // namespace

void register_search(KernelTable& table) { table.add(OpId::search_sorted, Provider::ref, prepare<run_search>); }

}  // namespace pydl::backends::ref
