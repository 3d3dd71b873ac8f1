// Indexing by tensors: gather and take read elements at the positions that an index names, and their transposes add
// gradients there.
#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/index.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

// gather and take are one loop over the shape of the chosen elements. The strides belong to the chosen elements, the
// index, and the source without the indexed axis, and are 0 where an operand lacks an axis.
struct IndexLoop {
  Dims shape;
  std::array<Dims, 3> strides;
  int64_t axis;
  int64_t axis_size;
  int64_t axis_stride;
};

IndexLoop make_loop(const RefCall& call, const BufferSpec& chosen, const BufferSpec& source) {
  const BufferSpec& index = call.inputs[1];
  const int axis = static_cast<int>(op::from_attrs<op::GatherAttrs>(call.attrs).axis);  // which all four ops have
  IndexLoop loop = {
      chosen.shape, {chosen.strides, index.strides, source.strides}, axis, source.shape[axis], source.strides[axis]};
  if (call.op == OpId::gather || call.op == OpId::gather_backward) {
    loop.strides[2][axis] = 0;
    return loop;
  }
  const int index_rank = index.shape.rank();
  loop.strides[1] = Dims::filled(chosen.shape.rank(), 0);
  loop.strides[2] = loop.strides[1];
  for (int i = 0; i < index_rank; ++i) loop.strides[1][axis + i] = index.strides[i];
  for (int i = 0; i < source.shape.rank(); ++i) {
    if (i != axis) loop.strides[2][i < axis ? i : i + index_rank - 1] = source.strides[i];
  }
  return loop;
}

// The offset along the axis that an index refers to, in elements.
int64_t axis_offset(const RefCall& call, const IndexLoop& loop, int64_t index_offset) {
  const int64_t index = load<int64_t>(call.input_data[1], index_offset);
  if (index < -loop.axis_size || index >= loop.axis_size) {
    throw IndexError(concat_text(op::op_name(call.op), ": index ", index, " is outside axis ", loop.axis, " of size ",
                                 loop.axis_size));
  }
  return (index < 0 ? index + loop.axis_size : index) * loop.axis_stride;
}

void run_select(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const IndexLoop loop = make_loop(call, y, call.inputs[0]);
  const auto size = static_cast<int64_t>(item_size(y.dtype));
  for_each_position(loop.shape, loop.strides, [&](const auto& offsets) {
    const int64_t from = offsets[2] + axis_offset(call, loop, offsets[1]);
    std::memcpy(static_cast<char*>(call.output_data[0]) + offsets[0] * size,
                static_cast<const char*>(call.input_data[0]) + from * size, static_cast<size_t>(size));
  });
}

// The slice of a sum to which nothing is added; -1 if there is none.
int64_t skipped_slice(const RefCall& call) {
  if (call.op == OpId::gather_backward) return -1;
  return op::from_attrs<op::TakeBackwardAttrs>(call.attrs).skip.value_or(-1);
}

// Sums in the compute type, in the scratchpad, and rounds only once.
void run_scatter_add(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const IndexLoop loop = make_loop(call, call.inputs[0], y);
  visit_dtype(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    auto* sums = static_cast<Compute<T>*>(call.scratchpad);
    const int64_t count = element_count(y.shape);
    std::fill_n(sums, count, Compute<T>{});
    const int64_t skipped = skipped_slice(call) * loop.axis_stride;
    for_each_position(loop.shape, loop.strides, [&](const auto& offsets) {
      const int64_t slice = axis_offset(call, loop, offsets[1]);
      if (slice != skipped) sums[offsets[2] + slice] += load<T>(call.input_data[0], offsets[0]);
    });
    for (int64_t i = 0; i < count; ++i) store<T>(call.output_data[0], i, sums[i]);
  });
}

std::unique_ptr<Kernel> prepare_scatter_add(const KernelCall& call) {
  auto kernel = std::make_unique<RefKernel>(call, run_scatter_add);
  kernel->scratchpad_bytes = static_cast<size_t>(element_count(call.outputs[0].shape)) * sizeof(double);
  return kernel;
}

}  // namespace

void register_index(KernelTable& table) {
  table.add(OpId::gather, Provider::ref, prepare<run_select>);
  table.add(OpId::gather_backward, Provider::ref, prepare_scatter_add);
  table.add(OpId::take, Provider::ref, prepare<run_select>);
  table.add(OpId::take_backward, Provider::ref, prepare_scatter_add);
}

}  // namespace pydl::backends::ref
