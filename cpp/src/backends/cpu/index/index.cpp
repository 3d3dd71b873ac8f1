// Indexing contiguous operands by tensors. `gather` and `take` read elements at the indexed positions, and their
// transposes add gradients there. Each sum follows the order of the index, whatever the number of threads.
#include <algorithm>
#include <cstring>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/index/copy_run.h"
#include "backends/cpu/index/index_range.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/index.h"
#include "pydl/error.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t bytes_per_thread = runtime::worth_a_thread(runtime::cost::byte_gathered);
// From this many bytes on, slices are copied by the kernel for long runs.
constexpr int64_t long_slice = 512;

// The indexed tensor as (outer, size, inner), where the index selects along `size`. For `take` the index has `count`
// numbers, for `gather` it has `count` per outer and inner position.
struct IndexShape {
  OpId op;
  int axis;
  int64_t outer = 1;
  int64_t size;
  int64_t inner = 1;
  int64_t count;
  int64_t item;  // bytes

  IndexShape(const KernelCall& call, const BufferSpec& indexed)
      : op(call.op),
        axis(static_cast<int>(op::from_attrs<op::GatherAttrs>(call.attrs).axis)),  // which all four ops have
        size(indexed.shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= indexed.shape[i];
    for (int i = axis + 1; i < indexed.shape.rank(); ++i) inner *= indexed.shape[i];
    const bool whole_slices = op == OpId::take || op == OpId::take_backward;
    count = whole_slices ? element_count(call.inputs[1].shape) : call.inputs[1].shape[axis];
    item = static_cast<int64_t>(item_size(indexed.dtype));
  }

  // Runs before any thread starts, so that the error reports the first wrong index.
  void check(const int64_t* index, int64_t index_count) const {
    if (are_within(index, index_count, size)) return;
    for (int64_t i = 0; i < index_count; ++i) {
      if (index[i] >= -size && index[i] < size) continue;
      throw IndexError(
          concat_text(op::op_name(op), ": index ", index[i], " is outside axis ", axis, " of size ", size));
    }
  }

  int64_t position(int64_t index) const { return index < 0 ? index + size : index; }
};

class TakeKernel final : public Kernel {
 public:
  explicit TakeKernel(const IndexShape& shape) : shape_(shape) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const IndexShape& s = shape_;
    const auto* x = static_cast<const char*>(inputs[0]);
    const auto* index = static_cast<const int64_t*>(inputs[1]);
    auto* y = static_cast<char*>(outputs[0]);
    s.check(index, s.count);
    const int64_t bytes = s.inner * s.item;
    runtime::parallel_for(s.outer * s.count, bytes_per_thread / std::max<int64_t>(bytes, 8),
                          [&](int64_t begin, int64_t end) { take(x, index, y, begin, end); });
  }

 private:
  // The slices [begin, end) of the result.
  void take(const char* x, const int64_t* index, char* y, int64_t begin, int64_t end) const {
    const IndexShape& s = shape_;
    const int64_t bytes = s.inner * s.item;
    for (int64_t i = begin; i < end;) {
      const int64_t outer = i / s.count;
      const int64_t first = i - outer * s.count;
      const int64_t last = std::min(s.count, first + end - i);
      const char* from = x + outer * s.size * bytes;
      char* to = y + outer * s.count * bytes;
      switch (bytes) {
        case 1: take_items<uint8_t>(from, index, to, first, last); break;
        case 2: take_items<uint16_t>(from, index, to, first, last); break;
        case 4: take_items<uint32_t>(from, index, to, first, last); break;
        case 8: take_items<uint64_t>(from, index, to, first, last); break;
        default:
          for (int64_t j = first; j < last; ++j) {
            const char* slice = from + s.position(index[j]) * bytes;
            if (bytes < long_slice) {
              copy_run(to + j * bytes, slice, bytes);
            } else {
              kernels().copy.run(slice, to + j * bytes, bytes);
            }
          }
      }
      i += last - first;
    }
  }

  template <class T>
  void take_items(const char* from, const int64_t* index, char* to, int64_t first, int64_t last) const {
    const auto* x = reinterpret_cast<const T*>(from);
    auto* y = reinterpret_cast<T*>(to);
    for (int64_t j = first; j < last; ++j) y[j] = x[shape_.position(index[j])];
  }

  IndexShape shape_;
};

template <class T>
class GatherKernel final : public Kernel {
 public:
  explicit GatherKernel(const IndexShape& shape) : shape_(shape) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const IndexShape& s = shape_;
    const auto* x = static_cast<const T*>(inputs[0]);
    const auto* index = static_cast<const int64_t*>(inputs[1]);
    auto* y = static_cast<T*>(outputs[0]);
    s.check(index, s.outer * s.count * s.inner);
    runtime::parallel_for(s.outer * s.count, bytes_per_thread / (8 * s.inner), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end;) {
        const int64_t outer = row / s.count;
        const int64_t last = std::min(end, (outer + 1) * s.count);
        const T* from = x + outer * s.size * s.inner;
        if (s.inner == 1) {
          for (; row < last; ++row) y[row] = from[s.position(index[row])];
          continue;
        }
        for (; row < last; ++row) {
          const int64_t* row_index = index + row * s.inner;
          for (int64_t j = 0; j < s.inner; ++j) {
            y[row * s.inner + j] = from[s.position(row_index[j]) * s.inner + j];
          }
        }
      }
    });
  }

 private:
  IndexShape shape_;
};

void set_zero(void* data, int64_t bytes) {
  runtime::parallel_for(bytes, 4 * bytes_per_thread, [&](int64_t begin, int64_t end) {
    std::memset(static_cast<char*>(data) + begin, 0, static_cast<size_t>(end - begin));
  });
}

// Outer positions are independent of each other. If there is only one, each thread adds to its own columns. If there
// are few columns, it adds to a range of the destination's rows and skips the indices of the other threads. Columns
// come first because words are not equally frequent, so rows would be unequal work.
class TakeBackwardKernel final : public Kernel {
 public:
  TakeBackwardKernel(const IndexShape& shape, AddKernel add, std::optional<int64_t> skip)
      : shape_(shape), add_(add), skip_(skip.value_or(-1)) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const IndexShape& s = shape_;
    const auto* g = static_cast<const char*>(inputs[0]);
    const auto* index = static_cast<const int64_t*>(inputs[1]);
    auto* y = static_cast<char*>(outputs[0]);
    s.check(index, s.count);
    const int64_t bytes = s.inner * s.item;
    set_zero(y, s.outer * s.size * bytes);
    const bool is_little = s.outer * s.count * bytes < 2 * bytes_per_thread;
    if (s.outer > 1) {
      const int64_t grain = bytes_per_thread / std::max<int64_t>(s.count * bytes, 8);
      runtime::parallel_for(s.outer, grain, [&](int64_t begin, int64_t end) {
        for (int64_t outer = begin; outer < end; ++outer) {
          add_outer(g + outer * s.count * bytes, index, y + outer * s.size * bytes);
        }
      });
    } else if (bytes >= 2 * line_bytes) {
      const int64_t lines = (bytes + line_bytes - 1) / line_bytes;
      runtime::parallel_for(
          lines, is_little ? lines : 1,
          [&](int64_t begin, int64_t end) {
            const int64_t last = std::min(end * line_bytes, bytes);
            add_slices(g, index, y, {0, s.size}, {begin * line_bytes, last});
          },
          1);
    } else {
      runtime::parallel_for(
          s.size, is_little ? s.size : (s.size + 63) / 64,
          [&](int64_t begin, int64_t end) { add_slices(g, index, y, {begin, end}, {0, bytes}); }, 1);
    }
  }

 private:
  static constexpr int64_t line_bytes = 64;

  struct Range {
    int64_t begin, end;
  };

  // Adds all slices of one outer position.
  void add_outer(const char* g, const int64_t* index, char* y) const {
    const IndexShape& s = shape_;
    if (s.inner == 1 && s.item == sizeof(float)) return add_items<float>(g, index, y);
    if (s.inner == 1) return add_items<double>(g, index, y);
    add_slices(g, index, y, {0, s.size}, {0, s.inner * s.item});
  }

  template <class T>
  void add_items(const char* gradients, const int64_t* index, char* result) const {
    const auto* g = reinterpret_cast<const T*>(gradients);
    auto* y = reinterpret_cast<T*>(result);
    for (int64_t i = 0; i < shape_.count; ++i) {
      const int64_t position = shape_.position(index[i]);
      if (position != skip_) y[position] += g[i];
    }
  }

  // Adds to a range of slices, and within each to a range of bytes, at one outer position.
  void add_slices(const char* g, const int64_t* index, char* y, Range slices, Range part) const {
    const IndexShape& s = shape_;
    const int64_t bytes = s.inner * s.item;
    const int64_t elements = (part.end - part.begin) / s.item;
    for (int64_t i = 0; i < s.count; ++i) {
      const int64_t position = s.position(index[i]);
      if (position < slices.begin || position >= slices.end || position == skip_) continue;
      add_(y + position * bytes + part.begin, g + i * bytes + part.begin, elements);
    }
  }

  IndexShape shape_;
  AddKernel add_;
  int64_t skip_;
};

// Outer and inner positions are independent of each other.
template <class T>
class GatherBackwardKernel final : public Kernel {
 public:
  // `is_constant`: the same number is added everywhere.
  GatherBackwardKernel(const IndexShape& shape, bool is_constant) : shape_(shape), is_constant_(is_constant) {
    if (counts_in_tables()) scratchpad_bytes = static_cast<size_t>((tables - 1) * shape.size) * sizeof(T);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const IndexShape& s = shape_;
    const auto* g = static_cast<const T*>(inputs[0]);
    const auto* index = static_cast<const int64_t*>(inputs[1]);
    auto* y = static_cast<T*>(outputs[0]);
    s.check(index, s.outer * s.count * s.inner);
    set_zero(y, s.outer * s.size * s.inner * s.item);
    if (counts_in_tables()) return add_in_tables(*g, index, y, static_cast<T*>(context.scratchpad));
    const int64_t grain = bytes_per_thread / (8 * std::max<int64_t>(s.count * s.inner, 1));
    runtime::parallel_for(s.outer, grain, [&](int64_t begin, int64_t end) {
      for (int64_t outer = begin; outer < end; ++outer) {
        const int64_t first = outer * s.count * s.inner;
        add(g + (is_constant_ ? 0 : first), index + first, y + outer * s.size * s.inner);
      }
    });
  }

 private:
  static constexpr int64_t tables = 4;

  // A sum that has just been written cannot be read at once, and equal positions often follow each other. Several
  // tables make up for that where there are few positions; floating-point numbers would be added in another order.
  bool counts_in_tables() const {
    const bool is_one_line = shape_.outer == 1 && shape_.inner == 1;
    return std::is_integral_v<T> && is_constant_ && is_one_line && shape_.size <= 4096 &&
           shape_.count >= 8 * shape_.size;
  }

  void add_in_tables(T added, const int64_t* index, T* y, T* others) const {
    const int64_t size = shape_.size;
    std::fill_n(others, (tables - 1) * size, T{0});
    int64_t i = 0;
    for (; i + tables <= shape_.count; i += tables) {
      y[shape_.position(index[i])] += added;
      others[shape_.position(index[i + 1])] += added;
      others[shape_.position(index[i + 2]) + size] += added;
      others[shape_.position(index[i + 3]) + 2 * size] += added;
    }
    for (; i < shape_.count; ++i) y[shape_.position(index[i])] += added;
    for (int64_t j = 0; j < size; ++j) y[j] += others[j] + others[j + size] + others[j + 2 * size];
  }

  void add(const T* g, const int64_t* index, T* y) const {
    const IndexShape s = shape_;
    if (s.inner == 1) {
      for (int64_t i = 0; i < s.count; ++i) y[s.position(index[i])] += is_constant_ ? *g : g[i];
      return;
    }
    if (is_constant_) {
      const T added = *g;
      for (int64_t i = 0; i < s.count; ++i) {
        for (int64_t j = 0; j < s.inner; ++j) y[s.position(index[i * s.inner + j]) * s.inner + j] += added;
      }
      return;
    }
    for (int64_t i = 0; i < s.count; ++i) {
      for (int64_t j = 0; j < s.inner; ++j) {
        y[s.position(index[i * s.inner + j]) * s.inner + j] += g[i * s.inner + j];
      }
    }
  }

  IndexShape shape_;
  bool is_constant_;
};

bool all_contiguous(const KernelCall& call) {
  return std::all_of(call.inputs.begin(), call.inputs.end(),
                     [](const BufferSpec& input) { return is_contiguous(input.shape, input.strides); });
}

std::unique_ptr<Kernel> prepare_take(const KernelCall& call) {
  if (!all_contiguous(call) || element_count(call.outputs[0].shape) == 0) return nullptr;
  return std::make_unique<TakeKernel>(IndexShape(call, call.inputs[0]));
}

std::unique_ptr<Kernel> prepare_gather(const KernelCall& call) {
  if (!all_contiguous(call) || element_count(call.outputs[0].shape) == 0) return nullptr;
  const IndexShape shape(call, call.inputs[0]);
  switch (shape.item) {
    case 1: return std::make_unique<GatherKernel<uint8_t>>(shape);
    case 2: return std::make_unique<GatherKernel<uint16_t>>(shape);
    case 4: return std::make_unique<GatherKernel<uint32_t>>(shape);
    default: return std::make_unique<GatherKernel<uint64_t>>(shape);
  }
}

bool adds(const KernelCall& call) { return all_contiguous(call) && element_count(call.outputs[0].shape) > 0; }

std::unique_ptr<Kernel> prepare_take_backward(const KernelCall& call) {
  const DType dtype = call.inputs[0].dtype;
  if (!adds(call) || (dtype != DType::float32 && dtype != DType::float64)) return nullptr;
  const AddKernel add = kernels().add_rows[dtype == DType::float64 ? 1 : 0];
  return std::make_unique<TakeBackwardKernel>(IndexShape(call, call.outputs[0]), add,
                                              op::from_attrs<op::TakeBackwardAttrs>(call.attrs).skip);
}

std::unique_ptr<Kernel> prepare_gather_backward(const KernelCall& call) {
  const BufferSpec& g = call.inputs[0];
  const bool is_constant = element_count(g.shape) > 0 &&
                           std::all_of(g.strides.begin(), g.strides.end(), [](int64_t stride) { return stride == 0; });
  const BufferSpec& index = call.inputs[1];
  const bool is_served =
      (is_constant || is_contiguous(g.shape, g.strides)) && is_contiguous(index.shape, index.strides);
  if (!is_served || element_count(call.outputs[0].shape) == 0) return nullptr;
  const IndexShape shape(call, call.outputs[0]);
  switch (g.dtype) {
    case DType::float32: return std::make_unique<GatherBackwardKernel<float>>(shape, is_constant);
    case DType::float64: return std::make_unique<GatherBackwardKernel<double>>(shape, is_constant);
    case DType::int64:
      return std::make_unique<GatherBackwardKernel<uint64_t>>(shape, is_constant);  // which may wrap around
    default: return nullptr;
  }
}

}  // namespace

void register_index(KernelTable& table) {
  table.add(OpId::take, Provider::cpu, adapted<prepare_take>);
  table.add(OpId::take_backward, Provider::cpu, adapted<prepare_take_backward>);
  table.add(OpId::gather, Provider::cpu, adapted<prepare_gather>);
  table.add(OpId::gather_backward, Provider::cpu, adapted<prepare_gather_backward>);
}

}  // namespace pydl::cpu
