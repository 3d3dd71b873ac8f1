// What a mask selects among the leading axes of contiguous memory, in one pass over the mask and x.
#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "backends/cpu/families.h"
#include "backends/cpu/index/copy_run.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/indexing.h"
#include "op/true_bytes.h"
#include "pydl/error.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t bytes_per_piece = runtime::worth_a_thread(runtime::cost::byte_moved);

// The true elements of each piece are counted first, so that each piece knows where its results go.
class CompressKernel final : public Kernel {
 public:
  CompressKernel(const BufferSpec& x, const BufferSpec& mask, int64_t count)
      : size_(element_count(mask.shape)), count_(count), bytes_(static_cast<int64_t>(item_size(x.dtype))) {
    const int64_t item = bytes_;
    for (int axis = mask.shape.rank(); axis < x.shape.rank(); ++axis) bytes_ *= x.shape[axis];
    is_item_ = bytes_ == item;
    pieces_ = std::clamp<int64_t>(size_ * (bytes_ + 1) / bytes_per_piece, 1, std::min(size_, most_pieces));
    scratchpad_bytes = static_cast<size_t>(pieces_) * sizeof(int64_t);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const char*>(inputs[0]);
    const auto* mask = static_cast<const uint8_t*>(inputs[1]);
    auto* y = static_cast<char*>(outputs[0]);
    auto* starts = static_cast<int64_t*>(context.scratchpad);
    runtime::parallel_for(pieces_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece)
        starts[piece] = op::count_true(mask + first(piece), first(piece + 1) - first(piece));
    });
    int64_t found = 0;
    for (int64_t piece = 0; piece < pieces_; ++piece) found += std::exchange(starts[piece], found);
    if (found != count_) throw ValueError(concat_text("compress: ", found, " elements are true, not ", count_));
    runtime::parallel_for(pieces_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t stop = piece + 1 < pieces_ ? starts[piece + 1] : count_;
        select(x, mask, first(piece), first(piece + 1), y + starts[piece] * bytes_, stop - starts[piece]);
      }
    });
  }

 private:
  static constexpr int64_t most_pieces = 256;

  int64_t first(int64_t piece) const {
    const int64_t rest = size_ % pieces_;
    return size_ / pieces_ * piece + std::min(piece, rest);
  }

  void select(const char* x, const uint8_t* mask, int64_t begin, int64_t end, char* y, int64_t count) const {
    switch (is_item_ ? bytes_ : 0) {
      case 1: return select_items<uint8_t>(x, mask, begin, end, y, count);
      case 2: return select_items<uint16_t>(x, mask, begin, end, y, count);
      case 4: return select_items<uint32_t>(x, mask, begin, end, y, count);
      case 8: return select_items<uint64_t>(x, mask, begin, end, y, count);
      default: break;
    }
    for (int64_t i = begin; i < end; ++i) {
      if (mask[i] == 0) continue;
      copy_run(y, x + i * bytes_, bytes_);
      y += bytes_;
    }
  }

  // Every element is written, and what is not selected is overwritten by the next one: no branch depends on the mask.
  template <class T>
  static void select_items(const char* source, const uint8_t* mask, int64_t begin, int64_t end, char* target,
                           int64_t count) {
    const T* x = reinterpret_cast<const T*>(source);
    T* y = reinterpret_cast<T*>(target);
    int64_t next = 0;
    int64_t i = begin;
    for (; i + 8 <= end && next + 8 <= count; i += 8) {
      const uint64_t eight = op::eight_bools(mask + i);
      if (eight == 0) continue;
      const uint64_t sums = op::sums_of_bytes(eight);
      write_eight(x + i, sums << 8, y + next, std::make_integer_sequence<int, 8>());
      next += static_cast<int64_t>(sums >> 56);
    }
    for (; i < end && next < count; ++i) {
      y[next] = x[i];
      next += mask[i] != 0 ? 1 : 0;
    }
  }

  // Byte k of `before` says how many of the elements before element k are selected.
  template <class T, int... k>
  static void write_eight(const T* x, uint64_t before, T* y, std::integer_sequence<int, k...>) {
    ((y[before >> (8 * k) & 0xFF] = x[k]), ...);
  }

  int64_t size_;
  int64_t count_;
  int64_t bytes_;  // of a slice
  bool is_item_;   // whether a slice is a single element
  int64_t pieces_;
};

class FillWhereKernel final : public Kernel {
 public:
  FillWhereKernel(const BufferSpec& x, const BufferSpec& mask)
      : size_(element_count(mask.shape)), item_(static_cast<int64_t>(item_size(x.dtype))) {
    for (int axis = mask.shape.rank(); axis < x.shape.rank(); ++axis) items_ *= x.shape[axis];
  }

  void run(const KernelContext&, void* const* inputs, void* const*) const override {
    auto* x = static_cast<char*>(inputs[0]);
    const auto* mask = static_cast<const uint8_t*>(inputs[1]);
    const int64_t bytes = items_ * item_;
    runtime::parallel_for(size_, bytes_per_piece / std::max<int64_t>(bytes, 1), [&](int64_t begin, int64_t end) {
      switch (item_) {
        case 1: return fill<uint8_t>(x, mask, begin, end, inputs[2]);
        case 2: return fill<uint16_t>(x, mask, begin, end, inputs[2]);
        case 4: return fill<uint32_t>(x, mask, begin, end, inputs[2]);
        default: return fill<uint64_t>(x, mask, begin, end, inputs[2]);
      }
    });
  }

 private:
  template <class T>
  void fill(char* destination, const uint8_t* mask, int64_t begin, int64_t end, const void* source) const {
    T* x = reinterpret_cast<T*>(destination);
    T value{};
    std::memcpy(&value, source, sizeof(T));
    if (items_ == 1) return fill_items(x, mask, begin, end, value);
    for (int64_t i = begin; i < end; ++i) {
      if (mask[i] != 0) std::fill_n(x + i * items_, items_, value);
    }
  }

  template <class T>
  static void fill_items(T* x, const uint8_t* mask, int64_t begin, int64_t end, T value) {
    const TileKernel choose = kernels().where[std::countr_zero(sizeof(T))];
    constexpr int64_t size = 512;
    T values[size];
    std::fill_n(values, size, value);
    for (int64_t i = begin; i < end; i += size) {
      const void* const operands[] = {mask + i, values, x + i};
      choose(x + i, operands, std::min(size, end - i));
    }
  }

  int64_t size_;
  int64_t item_;       // bytes
  int64_t items_ = 1;  // of a slice
};

bool are_contiguous(const KernelCall& call) {
  return is_contiguous(call.inputs[0].shape, call.inputs[0].strides) &&
         is_contiguous(call.inputs[1].shape, call.inputs[1].strides) && element_count(call.inputs[0].shape) > 0;
}

std::unique_ptr<Kernel> prepare_compress(const KernelCall& call) {
  if (!are_contiguous(call)) return nullptr;
  const int64_t count = op::from_attrs<op::NonzeroAttrs>(call.attrs).count;
  return std::make_unique<CompressKernel>(call.inputs[0], call.inputs[1], count);
}

std::unique_ptr<Kernel> prepare_fill_where(const KernelCall& call) {
  if (!are_contiguous(call)) return nullptr;
  return std::make_unique<FillWhereKernel>(call.inputs[0], call.inputs[1]);
}

}  // namespace

void register_masks(KernelTable& table) {
  table.add(OpId::compress, Provider::cpu, prepare_compress);
  table.add(OpId::fill_where, Provider::cpu, prepare_fill_where);
}

}  // namespace pydl::cpu
