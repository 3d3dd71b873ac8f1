// Indexing by several tensors: the offsets of all chosen elements are computed and checked first, then runs of
// contiguous memory are copied. And the positions of what is not zero.
#include <algorithm>
#include <atomic>

#include "backends/cpu/families.h"
#include "backends/cpu/index/copy_run.h"
#include "op/attrs/indexing.h"
#include "op/true_bytes.h"
#include "pydl/error.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t bytes_per_thread = runtime::worth_a_thread(runtime::cost::byte_gathered);
constexpr int64_t offsets_per_thread = runtime::worth_a_thread(runtime::cost::element);
constexpr int64_t mask_bytes_per_thread = runtime::worth_a_thread(runtime::cost::byte_moved);

// The axes without an index: strides in bytes, with a run of contiguous memory at the end.
struct Rest {
  Dims shape;
  Dims strides;
  int64_t run;  // bytes

  Rest(const BufferSpec& x, int first) : run(static_cast<int64_t>(item_size(x.dtype))) {
    const int64_t item = run;
    int axis = x.shape.rank() - 1;
    for (; axis >= first && (x.strides[axis] * item == run || x.shape[axis] == 1); --axis) run *= x.shape[axis];
    for (int i = first; i <= axis; ++i) {
      shape.push_back(x.shape[i]);
      strides.push_back(x.strides[i] * item);
    }
  }

  int64_t runs() const { return element_count(shape); }

  int64_t offset(int64_t number) const {
    int64_t offset = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      offset += number % shape[axis] * strides[axis];
      number /= shape[axis];
    }
    return offset;
  }
};

// The offset in x, in bytes, of each position of the indices.
class Offsets {
 public:
  Offsets(const KernelCall& call, size_t first_index)
      : op_(call.op), positions_(element_count(call.inputs[first_index].shape)) {
    const BufferSpec& x = call.inputs[0];
    for (size_t i = first_index; i < call.inputs.size(); ++i) {
      const int axis = static_cast<int>(i - first_index);
      sizes_.push_back(x.shape[axis]);
      strides_.push_back(x.strides[axis] * static_cast<int64_t>(item_size(x.dtype)));
    }
  }

  int64_t positions() const { return positions_; }
  size_t bytes() const { return static_cast<size_t>(positions_) * sizeof(int64_t); }

  // `indices` are the pointers to all index tensors. Throws `IndexError` for the first wrong index.
  void compute(void* const* indices, int64_t* offsets) const {
    std::atomic<bool> wrong = false;
    runtime::parallel_for(positions_, offsets_per_thread, [&](int64_t begin, int64_t end) {
      bool outside = false;
      for (int axis = 0; axis < sizes_.rank(); ++axis) {
        const auto* index = static_cast<const int64_t*>(indices[axis]);
        const int64_t size = sizes_[axis];
        for (int64_t i = begin; i < end; ++i) {
          outside |= index[i] < -size || index[i] >= size;
          const int64_t offset = (index[i] < 0 ? index[i] + size : index[i]) * strides_[axis];
          offsets[i] = axis == 0 ? offset : offsets[i] + offset;
        }
      }
      if (outside) wrong = true;
    });
    if (wrong) throw_first(indices);
  }

 private:
  [[noreturn]] void throw_first(void* const* indices) const {
    int64_t first = positions_;
    int of = 0;
    for (int axis = 0; axis < sizes_.rank(); ++axis) {
      const auto* index = static_cast<const int64_t*>(indices[axis]);
      for (int64_t i = 0; i < first; ++i) {
        if (index[i] >= -sizes_[axis] && index[i] < sizes_[axis]) continue;
        first = i;
        of = axis;
      }
    }
    throw IndexError(concat_text(op::op_name(op_), ": index ", static_cast<const int64_t*>(indices[of])[first],
                                 " of index tensor ", of, " is outside an axis of size ", sizes_[of]));
  }

  OpId op_;
  int64_t positions_;
  Dims sizes_;
  Dims strides_;
};

class IndexKernel final : public Kernel {
 public:
  explicit IndexKernel(const KernelCall& call)
      : offsets_(call, 1), rest_(call.inputs[0], static_cast<int>(call.inputs.size()) - 1) {
    scratchpad_bytes = offsets_.bytes();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* offsets = static_cast<int64_t*>(context.scratchpad);
    offsets_.compute(inputs + 1, offsets);
    const auto* x = static_cast<const char*>(inputs[0]);
    auto* y = static_cast<char*>(outputs[0]);
    const int64_t runs = rest_.runs();
    const int64_t grain = bytes_per_thread / std::max<int64_t>(runs * rest_.run, 8);
    runtime::parallel_for(offsets_.positions(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < runs; ++j) {
          copy_run(y + (i * runs + j) * rest_.run, x + offsets[i] + rest_.offset(j), rest_.run);
        }
      }
    });
  }

 private:
  Offsets offsets_;
  Rest rest_;
};

// Each thread writes to its own part of the destination, in the order of the indices, so that the last one remains.
// Parts are columns of the slices, or, where these are short, ranges of the destination.
class IndexAssignKernel final : public Kernel {
 public:
  explicit IndexAssignKernel(const KernelCall& call)
      : offsets_(call, 2), rest_(call.inputs[0], static_cast<int>(call.inputs.size()) - 2) {
    scratchpad_bytes = offsets_.bytes();
    const BufferSpec& x = call.inputs[0];
    for (int axis = 0; axis + 2 < static_cast<int>(call.inputs.size()); ++axis) {
      const int64_t reach = (x.shape[axis] - 1) * x.strides[axis] * static_cast<int64_t>(item_size(x.dtype));
      (reach < 0 ? lowest_ : highest_) += reach;
    }
  }

  void run(const KernelContext& context, void* const* inputs, void* const*) const override {
    auto* offsets = static_cast<int64_t*>(context.scratchpad);
    offsets_.compute(inputs + 2, offsets);
    auto* to = static_cast<char*>(inputs[0]);
    const auto* from = static_cast<const char*>(inputs[1]);
    const int64_t runs = rest_.runs();
    const bool is_little = offsets_.positions() * runs * rest_.run < 2 * bytes_per_thread;
    if (runs > 1) {
      runtime::parallel_for(
          runs, is_little ? runs : 1, [&](int64_t begin, int64_t end) { write_runs(to, from, offsets, begin, end); },
          1);
    } else if (rest_.run >= 2 * line_bytes) {
      const int64_t lines = (rest_.run + line_bytes - 1) / line_bytes;
      runtime::parallel_for(
          lines, is_little ? lines : 1,
          [&](int64_t begin, int64_t end) {
            write_columns(to, from, offsets, begin * line_bytes, std::min(end * line_bytes, rest_.run));
          },
          1);
    } else {
      // Every thread reads all offsets, so that more threads would gain nothing.
      constexpr int64_t most_ranges = 8;
      const int64_t width = highest_ - lowest_ + 1;
      runtime::parallel_for(
          width, is_little ? width : width / most_ranges + 1,
          [&](int64_t begin, int64_t end) { write_range(to, from, offsets, lowest_ + begin, lowest_ + end); }, 1);
    }
  }

 private:
  static constexpr int64_t line_bytes = 64;

  void write_runs(char* to, const char* from, const int64_t* offsets, int64_t begin, int64_t end) const {
    const int64_t runs = rest_.runs();
    for (int64_t i = 0; i < offsets_.positions(); ++i) {
      for (int64_t j = begin; j < end; ++j) {
        copy_run(to + offsets[i] + rest_.offset(j), from + (i * runs + j) * rest_.run, rest_.run);
      }
    }
  }

  void write_columns(char* to, const char* from, const int64_t* offsets, int64_t begin, int64_t end) const {
    for (int64_t i = 0; i < offsets_.positions(); ++i) {
      std::memcpy(to + offsets[i] + begin, from + i * rest_.run + begin, static_cast<size_t>(end - begin));
    }
  }

  void write_range(char* to, const char* from, const int64_t* offsets, int64_t begin, int64_t end) const {
    const int64_t first = rest_.offset(0);
    for (int64_t i = 0; i < offsets_.positions(); ++i) {
      if (offsets[i] < begin || offsets[i] >= end) continue;
      copy_run(to + offsets[i] + first, from + i * rest_.run, rest_.run);
    }
  }

  Offsets offsets_;
  Rest rest_;
  int64_t lowest_ = 0;  // offsets, in bytes
  int64_t highest_ = 0;
};

// Rows of the mask are cut into pieces; their true elements are counted first.
class NonzeroKernel final : public Kernel {
 public:
  NonzeroKernel(const BufferSpec& mask, int64_t count)
      : shape_(mask.shape), size_(element_count(mask.shape)), count_(count) {
    pieces_ = std::clamp<int64_t>(size_ / mask_bytes_per_thread, 1, most_pieces);
    scratchpad_bytes = static_cast<size_t>(pieces_) * sizeof(int64_t);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* mask = static_cast<const uint8_t*>(inputs[0]);
    auto* y = static_cast<int64_t*>(outputs[0]);
    auto* starts = static_cast<int64_t*>(context.scratchpad);
    runtime::parallel_for(pieces_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        starts[piece] = op::count_true(mask + first(piece), first(piece + 1) - first(piece));
      }
    });
    int64_t found = 0;
    for (int64_t piece = 0; piece < pieces_; ++piece) found += std::exchange(starts[piece], found);
    if (found != count_) {
      throw ValueError(concat_text("nonzero_positions: ", found, " elements are true, not ", count_));
    }
    runtime::parallel_for(pieces_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t stop = piece + 1 < pieces_ ? starts[piece + 1] : count_;
        write(mask, first(piece), first(piece + 1), starts[piece], stop, y);
      }
    });
  }

 private:
  static constexpr int64_t most_pieces = 256;

  int64_t first(int64_t piece) const { return size_ * piece / pieces_; }

  // What is true between `begin` and `end` has the slots from `slot` to `stop`.
  void write(const uint8_t* mask, int64_t begin, int64_t end, int64_t slot, int64_t stop, int64_t* y) const {
    const int rank = shape_.rank();
    const int64_t row_length = shape_[rank - 1];
    for (int64_t i = begin; i < end;) {
      const int64_t row = i / row_length;
      const int64_t row_end = std::min((row + 1) * row_length, end);
      const int64_t row_slot = slot;
      int64_t* columns = y + (rank - 1) * count_;
      // Every position is written, and those of false elements are overwritten by the next one: no branch depends on
      // single elements.
      for (; i + 8 <= row_end && slot + 8 <= stop; i += 8) {
        const uint64_t eight = op::eight_bools(mask + i);
        if (eight == 0) continue;
        const uint64_t sums = op::sums_of_bytes(eight);
        for (int k = 0; k < 8; ++k) {
          columns[slot + static_cast<int64_t>(sums << 8 >> (8 * k) & 0xFF)] = i + k - row * row_length;
        }
        slot += static_cast<int64_t>(sums >> 56);
      }
      for (; i < row_end; ++i) {
        if (mask[i] != 0) columns[slot++] = i - row * row_length;
      }
      int64_t outer = row;
      for (int axis = rank - 2; axis >= 0; --axis) {
        std::fill(y + axis * count_ + row_slot, y + axis * count_ + slot, outer % shape_[axis]);
        outer /= shape_[axis];
      }
    }
  }

  Dims shape_;
  int64_t size_;
  int64_t count_;
  int64_t pieces_;
};

bool are_row_major(std::span<const BufferSpec> specs) {
  return std::all_of(specs.begin(), specs.end(),
                     [](const BufferSpec& spec) { return is_contiguous(spec.shape, spec.strides); });
}

std::unique_ptr<Kernel> prepare_index(const KernelCall& call) {
  if (element_count(call.outputs[0].shape) == 0 || !are_row_major(call.inputs.subspan(1))) return nullptr;
  return std::make_unique<IndexKernel>(call);
}

std::unique_ptr<Kernel> prepare_index_assign(const KernelCall& call) {
  if (element_count(call.inputs[1].shape) == 0 || !are_row_major(call.inputs.subspan(1))) return nullptr;
  return std::make_unique<IndexAssignKernel>(call);
}

std::unique_ptr<Kernel> prepare_nonzero(const KernelCall& call) {
  const BufferSpec& mask = call.inputs[0];
  if (mask.shape.rank() == 0 || element_count(mask.shape) == 0 || !is_contiguous(mask.shape, mask.strides)) {
    return nullptr;
  }
  return std::make_unique<NonzeroKernel>(mask, op::from_attrs<op::NonzeroAttrs>(call.attrs).count);
}

}  // namespace

void register_indexing(KernelTable& table) {
  table.add(OpId::index, Provider::cpu, prepare_index);
  table.add(OpId::index_assign, Provider::cpu, prepare_index_assign);
  table.add(OpId::nonzero_positions, Provider::cpu, prepare_nonzero);
}

}  // namespace pydl::cpu
