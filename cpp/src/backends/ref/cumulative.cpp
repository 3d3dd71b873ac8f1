// Cumulative reductions along an axis, in the compute type.
#include "op/attrs/cumulative.h"
#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"

namespace pydl::backends::ref {

namespace {

void run_cumsum(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& y = call.outputs[0];
  const auto attrs = op::from_attrs<op::CumsumAttrs>(call.attrs);
  const auto axis = static_cast<int>(attrs.axis);
  const int64_t length = x.shape[axis];
  const std::array<Dims, 2> strides = {without(x.strides, axis), without(y.strides, axis)};
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    using Result = std::conditional_t<is_floating(DTypeOf<T>::value), T, int64_t>;
    for_each_position(without(x.shape, axis), strides, [&](const auto& offsets) {
      Compute<T> sum = 0;
      for (int64_t i = 0; i < length; ++i) {
        const int64_t position = attrs.reverse ? length - 1 - i : i;
        sum += load<T>(call.input_data[0], offsets[0] + position * x.strides[axis]);
        store<Result>(call.output_data[0], offsets[1] + position * y.strides[axis], sum);
      }
    });
  });
}

}  // namespace

void register_cumulative(KernelTable& table) { table.add(OpId::cumsum, Provider::ref, prepare<run_cumsum>); }

}  // namespace pydl::backends::ref
