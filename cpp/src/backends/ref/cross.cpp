// Cross products of vectors in space.
#include "op/attrs/cross.h"
#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"

namespace pydl::backends::ref {

namespace {

void run_cross(const RefCall& call) {
  const int axis = static_cast<int>(op::from_attrs<op::CrossAttrs>(call.attrs).axis);
  Dims shape = call.inputs[0].shape;
  Dims strides[3] = {call.inputs[0].strides, call.inputs[1].strides, call.outputs[0].strides};
  int64_t step[3];
  for (int i = 0; i < 3; ++i) {
    step[i] = strides[i][axis];
    strides[i].erase(axis);
  }
  shape.erase(axis);
  const DType dtype = call.outputs[0].dtype;
  visit_compute(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto load_one = load_of<T>(dtype);
    const auto store_one = store_of<T>(dtype);
    for_each_position<3>(shape, {strides[0], strides[1], strides[2]}, [&](const auto& at) {
      const auto a = [&](int i) { return load_one(call.input_data[0], at[0] + i % 3 * step[0]); };
      const auto b = [&](int i) { return load_one(call.input_data[1], at[1] + i % 3 * step[1]); };
      for (int i = 0; i < 3; ++i) {
        const T y = static_cast<T>(a(i + 1) * b(i + 2) - a(i + 2) * b(i + 1));
        store_one(call.output_data[0], at[2] + i * step[2], y);
      }
    });
  });
}

}  // namespace

void register_cross(KernelTable& table) { table.add(OpId::cross_product, Provider::ref, prepare<run_cross>); }

}  // namespace pydl::backends::ref
