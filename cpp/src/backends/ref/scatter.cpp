// Combines values with the elements that an index refers to, in the compute type.
#include "op/attrs/scatter.h"
#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

namespace {

// What an op does with a value at a position that others may have reached before.
enum class Combination { overwrite, add, prod, amin, amax };

Combination combination_of(const RefCall& call) {
  if (call.op == OpId::scatter || call.op == OpId::index_copy) return Combination::overwrite;
  if (call.op != OpId::scatter_reduce) return Combination::add;
  switch (op::from_attrs<op::ScatterReduceAttrs>(call.attrs).reduce) {
    case op::ScatterCombination::prod: return Combination::prod;
    case op::ScatterCombination::amin: return Combination::amin;
    default: return Combination::amax;
  }
}

template <class Value>
Value combined(Combination combination, Value a, Value b) {
  switch (combination) {
    case Combination::overwrite: return b;
    case Combination::prod:
      // Integers wrap around.
      if constexpr (std::is_same_v<Value, int64_t>) {
        return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
      }
      return a * b;
    case Combination::amin: return b < a || b != b ? b : a;
    case Combination::amax: return b > a || b != b ? b : a;
    default: return a + b;
  }
}

void run_scatter(const RefCall& call) {
  const Combination combination = combination_of(call);
  const bool include_self =
      call.op != OpId::scatter_reduce || op::from_attrs<op::ScatterReduceAttrs>(call.attrs).include_self;
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& index = call.inputs[1];
  const BufferSpec& source = call.inputs[2];
  const auto axis = static_cast<int>(op::from_attrs<op::ScatterAttrs>(call.attrs).axis);
  const int64_t size = x.shape[axis];
  // The results are row-major, and so are the sums.
  Dims steps = call.outputs[0].strides;
  const int64_t step = std::exchange(steps[axis], 0);
  Dims index_strides = index.strides;
  if (index.shape.rank() == 1 && x.shape.rank() > 1) {  // one entry per slice
    index_strides = Dims::filled(source.shape.rank(), 0);
    index_strides[axis] = index.strides[0];
  }
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    auto* sums = static_cast<Compute<T>*>(call.scratchpad);
    std::vector<bool> reached(static_cast<size_t>(element_count(x.shape)));
    int64_t next = 0;
    for_each_position(x.shape, std::array<Dims, 1>{x.strides},
                      [&](const auto& offsets) { sums[next++] = load<T>(call.input_data[0], offsets[0]); });
    const std::array<Dims, 3> strides = {source.strides, index_strides, steps};
    for_each_position(source.shape, strides, [&](const auto& offsets) {
      const int64_t i = load<int64_t>(call.input_data[1], offsets[1]);
      if (i < -size || i >= size) {
        throw IndexError(
            concat_text(op::op_name(call.op), ": index ", i, " is outside axis ", axis, " of size ", size));
      }
      const int64_t to = offsets[2] + (i < 0 ? i + size : i) * step;
      const Compute<T> value = load<T>(call.input_data[2], offsets[0]);
      const bool is_first = !include_self && !reached[static_cast<size_t>(to)];
      reached[static_cast<size_t>(to)] = true;
      sums[to] = is_first ? value : combined(combination, sums[to], value);
    });
    for (int64_t i = 0; i < next; ++i) store<T>(call.output_data[0], i, sums[i]);
  });
}

std::unique_ptr<Kernel> prepare_scatter(const KernelCall& call) {
  auto kernel = std::make_unique<RefKernel>(call, run_scatter);
  kernel->scratchpad_bytes = static_cast<size_t>(element_count(call.outputs[0].shape)) * sizeof(double);
  return kernel;
}

}  // namespace

void register_scatter(KernelTable& table) {
  for (const OpId op : {OpId::scatter, OpId::scatter_add, OpId::index_add, OpId::index_copy, OpId::scatter_reduce}) {
    table.add(op, Provider::ref, prepare_scatter);
  }
}

}  // namespace pydl::backends::ref
