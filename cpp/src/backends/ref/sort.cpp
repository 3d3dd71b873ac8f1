// Ordering of elements along an axis, by std::stable_sort.
#include "op/attrs/sort.h"

#include <algorithm>
#include <numeric>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/sort_key.h"

namespace pydl::backends::ref {

namespace {

void run_sort(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const op::SortAttrs order = op::order_of(call.op, call.attrs);
  const auto axis = static_cast<int>(order.axis);
  const bool has_values = call.op != OpId::argsort;
  const BufferSpec& indices = call.outputs[has_values ? 1 : 0];
  auto* index_data = static_cast<int64_t*>(call.output_data[has_values ? 1 : 0]);
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto* elements = static_cast<const T*>(call.input_data[0]);
    std::vector<int64_t> positions(static_cast<size_t>(x.shape[axis]));
    const std::array<Dims, 2> strides = {without(x.strides, axis), without(indices.strides, axis)};
    for_each_position(without(x.shape, axis), strides, [&](const auto& offsets) {
      const auto key = [&](int64_t i) { return op::sort_key(elements[offsets[0] + i * x.strides[axis]]); };
      std::iota(positions.begin(), positions.end(), int64_t{0});
      std::stable_sort(positions.begin(), positions.end(),
                       [&](int64_t a, int64_t b) { return order.descending ? key(a) > key(b) : key(a) < key(b); });
      for (int64_t i = 0; i < indices.shape[axis]; ++i) {
        const int64_t to = offsets[1] + i * indices.strides[axis];
        const int64_t from = positions[static_cast<size_t>(i)];
        index_data[to] = from;
        if (has_values) static_cast<T*>(call.output_data[0])[to] = elements[offsets[0] + from * x.strides[axis]];
      }
    });
  });
}

}  // namespace

void register_sort(KernelTable& table) {
  for (const OpId op : {OpId::sort_with_indices, OpId::argsort, OpId::topk})
    table.add(op, Provider::ref, prepare<run_sort>);
}

}  // namespace pydl::backends::ref
