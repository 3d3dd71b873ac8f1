// Indexing by several tensors, element by element, and the positions of what is not zero.
#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/indexing.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

// Calls `function` with the offsets in x and in the indexed elements `y`, for each of those in row-major order.
template <class Function>
void for_each_indexed(const RefCall& call, size_t first_index, const BufferSpec& y, const Function& function) {
  const BufferSpec& x = call.inputs[0];
  const size_t count = call.inputs.size() - first_index;
  const int rank = call.inputs[first_index].shape.rank();
  // Strides of the result, and of x without its indexed axes.
  std::array<Dims, 2> strides = {y.strides, Dims::filled(y.shape.rank(), 0)};
  for (int axis = rank; axis < y.shape.rank(); ++axis) {
    strides[1][axis] = x.strides[axis - rank + static_cast<int>(count)];
  }
  int64_t inner = 1;
  for (int axis = rank; axis < y.shape.rank(); ++axis) inner *= y.shape[axis];
  int64_t next = 0;
  for_each_position(y.shape, strides, [&](const auto& offsets) {
    int64_t offset = offsets[1];
    for (size_t i = 0; i < count; ++i) {
      const BufferSpec& index = call.inputs[first_index + i];
      int64_t position = next / inner;
      int64_t where = 0;
      for (int axis = rank - 1; axis >= 0; --axis) {
        where += position % index.shape[axis] * index.strides[axis];
        position /= index.shape[axis];
      }
      const int64_t value = load<int64_t>(call.input_data[first_index + i], where);
      const int64_t size = x.shape[static_cast<int>(i)];
      if (value < -size || value >= size) {
        throw IndexError(concat_text(op::op_name(call.op), ": index ", value, " of index tensor ", i,
                                     " is outside an axis of size ", size));
      }
      offset += (value < 0 ? value + size : value) * x.strides[static_cast<int>(i)];
    }
    ++next;
    function(offset, offsets[0]);
  });
}

void run_index(const RefCall& call) {
  const size_t item = item_size(call.inputs[0].dtype);
  auto* y = static_cast<char*>(call.output_data[0]);
  const auto* x = static_cast<const char*>(call.input_data[0]);
  for_each_indexed(call, 1, call.outputs[0], [&](int64_t from, int64_t to) {
    std::memcpy(y + to * static_cast<int64_t>(item), x + from * static_cast<int64_t>(item), item);
  });
}

void run_index_assign(const RefCall& call) {
  const size_t item = item_size(call.inputs[0].dtype);
  const BufferSpec& source = call.inputs[1];
  auto* destination = static_cast<char*>(call.input_data[0]);
  const auto* values = static_cast<const char*>(call.input_data[1]);
  // Indices are checked before anything is overwritten.
  for_each_indexed(call, 2, source, [](int64_t, int64_t) {});
  for_each_indexed(call, 2, source, [&](int64_t to, int64_t from) {
    std::memcpy(destination + to * static_cast<int64_t>(item), values + from * static_cast<int64_t>(item), item);
  });
}

void run_nonzero(const RefCall& call) {
  const BufferSpec& mask = call.inputs[0];
  const int64_t count = op::from_attrs<op::NonzeroAttrs>(call.attrs).count;
  const auto* elements = static_cast<const bool*>(call.input_data[0]);
  auto* y = static_cast<int64_t*>(call.output_data[0]);
  int64_t next = 0;
  int64_t found = 0;
  for_each_position(mask.shape, std::array<Dims, 1>{mask.strides}, [&](const auto& offsets) {
    int64_t position = next++;
    if (!elements[offsets[0]]) return;
    if (found < count) {
      for (int axis = mask.shape.rank() - 1; axis >= 0; --axis) {
        y[axis * count + found] = position % mask.shape[axis];
        position /= mask.shape[axis];
      }
    }
    ++found;
  });
  if (found != count) {
    throw ValueError(concat_text("nonzero_positions: ", found, " elements are true, not ", count));
  }
}

}  // namespace

void register_indexing(KernelTable& table) {
  table.add(OpId::index, Provider::ref, prepare<run_index>);
  table.add(OpId::index_assign, Provider::ref, prepare<run_index_assign>);
  table.add(OpId::nonzero_positions, Provider::ref, prepare<run_nonzero>);
}

}  // namespace pydl::backends::ref
