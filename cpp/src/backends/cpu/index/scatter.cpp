// Writing to indexed positions, and combining elements there. Each line along the axis is processed by one thread, in
// the order of the index, so the result does not depend on the number of threads.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/index/index_range.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/scatter.h"
#include "pydl/error.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_in_passes);
// The number of adjacent lines of one piece of work.
constexpr int64_t chunk = 256;

// What becomes of an element and the next one for its position. Integers wrap around.
template <class T>
T sum(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a || b;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

template <class T>
T product(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a && b;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

// Not a number wins.
template <class T>
T least(T a, T b) {
  return b < a || b != b ? b : a;
}

template <class T>
T most(T a, T b) {
  return b > a || b != b ? b : a;
}

// What leaves every element as it is.
template <class T>
T neutral_element(op::ScatterCombination combination) {
  using Limits = std::numeric_limits<T>;
  if (combination == op::ScatterCombination::prod) return T{1};
  const bool is_least = combination == op::ScatterCombination::amin;
  if constexpr (std::is_floating_point_v<T>) return is_least ? Limits::infinity() : -Limits::infinity();
  return is_least ? Limits::max() : Limits::lowest();
}

template <class T>
class ScatterKernel final : public Kernel {
 public:
  explicit ScatterKernel(const KernelCall& call)
      : op_(call.op), axis_(static_cast<int>(op::from_attrs<op::ScatterAttrs>(call.attrs).axis)) {
    const Dims& shape = call.inputs[0].shape;
    has_slices_ = call.inputs[1].shape.rank() == 1 && shape.rank() > 1;
    if (op_ == OpId::scatter_reduce) {
      const auto attrs = op::from_attrs<op::ScatterReduceAttrs>(call.attrs);
      combination_ = attrs.reduce;
      if (!attrs.include_self) start_ = neutral_element<T>(attrs.reduce);
    }
    x_is_constant_ = is_one_number(call.inputs[0]);
    source_is_constant_ = is_one_number(call.inputs[2]);
    size_ = shape[axis_];
    count_ = call.inputs[2].shape[axis_];
    for (int i = 0; i < axis_; ++i) outer_ *= shape[i];
    for (int i = axis_ + 1; i < shape.rank(); ++i) inner_ *= shape[i];
    chunks_ = (inner_ + chunk - 1) / chunk;
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const T*>(inputs[0]);
    const auto* index = static_cast<const int64_t*>(inputs[1]);
    const auto* source = static_cast<const T*>(inputs[2]);
    auto* y = static_cast<T*>(outputs[0]);
    check(index);
    if (has_slices_) copy_all(x, y);
    const int64_t piece = std::max<int64_t>((size_ + count_) * std::min(inner_, chunk), 1);
    runtime::parallel_for(outer_ * chunks_, elements_per_thread / piece, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t outer = i / chunks_;
        const int64_t first = i % chunks_ * chunk;
        scatter(x, index, source, y, outer, first, std::min(chunk, inner_ - first));
      }
    });
  }

 private:
  // Runs before any thread starts, so that the error reports the first wrong index.
  void check(const int64_t* index) const {
    const int64_t entries = has_slices_ ? count_ : outer_ * count_ * inner_;
    if (are_within(index, entries, size_)) return;
    for (int64_t i = 0; i < entries; ++i) {
      if (index[i] >= -size_ && index[i] < size_) continue;
      throw IndexError(
          concat_text(op::op_name(op_), ": index ", index[i], " is outside axis ", axis_, " of size ", size_));
    }
  }

  void scatter(const T* x, const int64_t* index, const T* source, T* y, int64_t outer, int64_t first,
               int64_t lines) const {
    T* to = y + outer * size_ * inner_ + first;
    if (!has_slices_) begin_with_x(x + (x_is_constant_ ? 0 : outer * size_ * inner_ + first), to, lines);
    const int64_t* rows = has_slices_ ? index : index + outer * count_ * inner_ + first;
    const T* from = source + (source_is_constant_ ? 0 : outer * count_ * inner_ + first);
    if (start_) combine_rows(to, rows, from, lines, [this](T, T) { return *start_; });
    switch (op_) {
      case OpId::scatter:
      case OpId::index_copy: return combine_rows(to, rows, from, lines, [](T, T b) { return b; });
      case OpId::scatter_reduce: break;
      default: return add_rows(to, rows, from, lines);
    }
    switch (combination_) {
      case op::ScatterCombination::prod: return combine_rows(to, rows, from, lines, product<T>);
      case op::ScatterCombination::amin: return combine_rows(to, rows, from, lines, least<T>);
      case op::ScatterCombination::amax: return combine_rows(to, rows, from, lines, most<T>);
    }
  }

  // Slices are few beside x, so that x is copied by itself, in the order of memory.
  void copy_all(const T* x, T* y) const {
    const int64_t count = outer_ * size_ * inner_;
    constexpr int64_t grain = runtime::worth_a_thread(sizeof(T) * runtime::cost::byte_copied);
    runtime::parallel_for(count, grain, [&](int64_t begin, int64_t end) {
      if (x_is_constant_) {
        std::fill(y + begin, y + end, *x);
      } else {
        kernels().copy.run(x + begin, y + begin, (end - begin) * static_cast<int64_t>(sizeof(T)));
      }
    });
  }

  // Copies the elements of adjacent lines.
  void begin_with_x(const T* x, T* to, int64_t lines) const {
    const bool are_whole = lines == inner_;  // and so are their rows neighbours
    const int64_t run = are_whole ? size_ * inner_ : lines;
    for (int64_t i = 0; i < (are_whole ? 1 : size_); ++i) {
      if (x_is_constant_) {
        std::fill_n(to + i * inner_, run, *x);
      } else {
        kernels().copy.run(x + i * inner_, to + i * inner_, run * static_cast<int64_t>(sizeof(T)));
      }
    }
  }

  void add_rows(T* to, const int64_t* index, const T* from, int64_t lines) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (has_slices_ && !source_is_constant_) {
        const AddKernel add = kernels().add_rows[std::is_same_v<T, double> ? 1 : 0];
        for (int64_t i = 0; i < count_; ++i) add(to + position(index[i]) * inner_, from + i * inner_, lines);
        return;
      }
    }
    combine_rows(to, index, from, lines, sum<T>);
  }

  // Combines each row of adjacent elements with those where the index points, in the order of the rows.
  template <class Combine>
  void combine_rows(T* to, const int64_t* index, const T* from, int64_t lines, const Combine& combine) const {
    if (source_is_constant_) {
      const T value = *from;
      combine_each(to, index, lines, combine, [value](int64_t) { return value; });
    } else {
      combine_each(to, index, lines, combine, [from](int64_t at) { return from[at]; });
    }
  }

  template <class Combine, class Source>
  void combine_each(T* to, const int64_t* index, int64_t lines, const Combine& combine, const Source& source) const {
    if (inner_ == 1) {
      for (int64_t i = 0; i < count_; ++i) {
        T& target = to[position(index[i])];
        target = combine(target, source(i));
      }
      return;
    }
    for (int64_t i = 0; i < count_; ++i) {
      if (has_slices_) {
        T* row = to + position(index[i]) * inner_;
        for (int64_t j = 0; j < lines; ++j) row[j] = combine(row[j], source(i * inner_ + j));
        continue;
      }
      for (int64_t j = 0; j < lines; ++j) {
        T& target = to[position(index[i * inner_ + j]) * inner_ + j];
        target = combine(target, source(i * inner_ + j));
      }
    }
  }

  static bool is_one_number(const BufferSpec& spec) {
    return element_count(spec.shape) > 0 &&
           std::all_of(spec.strides.begin(), spec.strides.end(), [](int64_t stride) { return stride == 0; });
  }

  int64_t position(int64_t index) const { return index < 0 ? index + size_ : index; }

  OpId op_;
  op::ScatterCombination combination_ = op::ScatterCombination::prod;  // of scatter_reduce
  std::optional<T> start_;  // replaces elements of x before anything is combined with them
  int axis_;
  bool has_slices_;     // whether the index has one entry per slice
  bool x_is_constant_;  // one number, repeated
  bool source_is_constant_;
  int64_t outer_ = 1;
  int64_t size_;
  int64_t count_;
  int64_t inner_ = 1;
  int64_t chunks_;
};

std::unique_ptr<Kernel> prepare_scatter(const KernelCall& call) {
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    const BufferSpec& input = call.inputs[i];
    const bool may_repeat = i != 1;
    const bool repeats = may_repeat && std::all_of(input.strides.begin(), input.strides.end(),
                                                   [](int64_t stride) { return stride == 0; });
    if (!repeats && !is_contiguous(input.shape, input.strides)) return nullptr;
  }
  Dims part = call.inputs[0].shape;
  const auto axis = static_cast<int>(op::from_attrs<op::ScatterAttrs>(call.attrs).axis);
  part[axis] = call.inputs[2].shape[axis];
  if (call.inputs[2].shape != part) return nullptr;
  std::unique_ptr<Kernel> kernel;
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_arithmetic_v<T>) kernel = std::make_unique<ScatterKernel<T>>(call);
  });
  return kernel;
}

}  // namespace

void register_scatter(KernelTable& table) {
  for (const OpId op : {OpId::scatter, OpId::scatter_add, OpId::index_add, OpId::index_copy, OpId::scatter_reduce}) {
    table.add(op, Provider::cpu, adapted<prepare_scatter>);
  }
}

}  // namespace pydl::cpu
