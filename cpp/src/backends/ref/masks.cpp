// What a mask selects, slice by slice.
#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/indexing.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

// The axes of x that follow those of the mask: sizes and strides.
struct Behind {
  Dims shape;
  Dims strides;

  Behind(const BufferSpec& x, int first) {
    for (int axis = first; axis < x.shape.rank(); ++axis) {
      shape.push_back(x.shape[axis]);
      strides.push_back(x.strides[axis]);
    }
  }
};

// Calls `function` with the offset in x of each slice for which the mask is true, in row-major order.
template <class Function>
void for_each_true(const RefCall& call, const Function& function) {
  const BufferSpec& mask = call.inputs[1];
  Dims leading = call.inputs[0].strides;
  while (leading.rank() > mask.shape.rank()) leading.erase(mask.shape.rank());
  const auto* elements = static_cast<const bool*>(call.input_data[1]);
  for_each_position(mask.shape, std::array<Dims, 2>{mask.strides, leading}, [&](const auto& offsets) {
    if (elements[offsets[0]]) function(offsets[1]);
  });
}

void run_compress(const RefCall& call) {
  const int64_t count = op::from_attrs<op::NonzeroAttrs>(call.attrs).count;
  const Behind slice(call.inputs[0], call.inputs[1].shape.rank());
  const auto item = static_cast<int64_t>(item_size(call.inputs[0].dtype));
  const auto* x = static_cast<const char*>(call.input_data[0]);
  auto* y = static_cast<char*>(call.output_data[0]);
  int64_t found = 0;
  for_each_true(call, [&](int64_t first) {
    if (found++ >= count) return;
    for_each_position(slice.shape, std::array<Dims, 1>{slice.strides}, [&](const auto& offsets) {
      std::memcpy(y, x + (first + offsets[0]) * item, static_cast<size_t>(item));
      y += item;
    });
  });
  if (found != count) throw ValueError(concat_text("compress: ", found, " elements are true, not ", count));
}

void run_fill_where(const RefCall& call) {
  const Behind slice(call.inputs[0], call.inputs[1].shape.rank());
  const auto item = static_cast<int64_t>(item_size(call.inputs[0].dtype));
  auto* destination = static_cast<char*>(call.input_data[0]);
  for_each_true(call, [&](int64_t first) {
    for_each_position(slice.shape, std::array<Dims, 1>{slice.strides}, [&](const auto& offsets) {
      std::memcpy(destination + (first + offsets[0]) * item, call.input_data[2], static_cast<size_t>(item));
    });
  });
}

}  // namespace

void register_masks(KernelTable& table) {
  table.add(OpId::compress, Provider::ref, prepare<run_compress>);
  table.add(OpId::fill_where, Provider::ref, prepare<run_fill_where>);
}

}  // namespace pydl::backends::ref
