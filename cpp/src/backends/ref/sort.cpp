// Ordering of elements along an axis, by std::stable_sort.
#include "op/attrs/sort.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/sort_key.h"

namespace pydl::backends::ref {

namespace {

template <class T>
uint64_t key_at(const void* data, int64_t offset) {
  return op::sort_key(static_cast<const T*>(data)[offset]);
}

void run_sort(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const op::SortAttrs order = op::order_of(call.op, call.attrs);
  const auto axis = static_cast<int>(order.axis);
  const bool has_values = call.op != OpId::argsort;
  const bool has_indices = call.op != OpId::sort_values;
  const size_t last = has_values && has_indices ? 1 : 0;
  const BufferSpec& ordered = call.outputs[last];
  auto* index_data = has_indices ? static_cast<int64_t*>(call.output_data[last]) : nullptr;
  const auto* from_data = static_cast<const char*>(call.input_data[0]);
  auto* to_data = static_cast<char*>(call.output_data[0]);
  const auto size = static_cast<int64_t>(item_size(x.dtype));
  const auto key_of = visit_dtype(x.dtype, [](auto zero) { return &key_at<decltype(zero)>; });
  std::vector<uint64_t> keys(static_cast<size_t>(x.shape[axis]));
  std::vector<int64_t> positions(keys.size());
  const std::array<Dims, 2> strides = {without(x.strides, axis), without(ordered.strides, axis)};
  for_each_position(without(x.shape, axis), strides, [&](const auto& offsets) {
    for (size_t i = 0; i < keys.size(); ++i) {
      const uint64_t key = key_of(from_data, offsets[0] + static_cast<int64_t>(i) * x.strides[axis]);
      keys[i] = order.descending ? ~key : key;
    }
    std::iota(positions.begin(), positions.end(), int64_t{0});
    std::stable_sort(positions.begin(), positions.end(),
                     [&](int64_t a, int64_t b) { return keys[static_cast<size_t>(a)] < keys[static_cast<size_t>(b)]; });
    for (int64_t i = 0; i < ordered.shape[axis]; ++i) {
      const int64_t to = offsets[1] + i * ordered.strides[axis];
      const int64_t from = positions[static_cast<size_t>(i)];
      if (has_indices) index_data[to] = from;
      if (has_values)
        std::memcpy(to_data + to * size, from_data + (offsets[0] + from * x.strides[axis]) * size,
                    static_cast<size_t>(size));
    }
  });
}

}  // namespace

void register_sort(KernelTable& table) {
  for (const OpId op : {OpId::sort_with_indices, OpId::sort_values, OpId::argsort, OpId::topk})
    table.add(op, Provider::ref, prepare<run_sort>);
}

}  // namespace pydl::backends::ref
