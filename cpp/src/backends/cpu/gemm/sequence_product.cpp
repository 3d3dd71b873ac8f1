// Products of two batches of sequences, over their valid steps.
#include <algorithm>
#include <cstring>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/recurrent/sequences.h"
#include "backends/cpu/workspace.h"
#include "op/attrs/recurrent.h"
#include "pydl/error.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

/// Gathers the rows that count, some hundreds at a time, and multiplies them.
template <class T>
class SequenceProductKernel final : public Kernel {
 public:
  explicit SequenceProductKernel(const KernelCall& call)
      : name_(op::op_name(call.op)),
        steps_(call.inputs[0].shape[0]),
        batch_(call.inputs[0].shape[1]),
        a_columns_(call.inputs[0].shape[2]),
        b_columns_(call.inputs[1].shape[2]),
        shift_(op::from_attrs<op::SequenceProductAttrs>(call.attrs).shift) {
    for (int axis = 0; axis < 2; ++axis) {
      a_strides_[axis] = call.inputs[0].strides[axis];
      b_strides_[axis] = call.inputs[1].strides[axis];
    }
    // With fewer rows, blocks are less deep and may be wider, so the maximum is taken over all counts.
    for (int64_t count = 1; count <= rows_at_once; ++count) {
      product_bytes_ =
          std::max(product_bytes_, static_cast<int64_t>(product(count, Gemm::Tiles::allowed).scratchpad_bytes()));
    }
    Workspace workspace;
    Memory(*this, workspace);
    scratchpad_bytes = workspace.used();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    Workspace workspace(context.scratchpad);
    const Memory memory(*this, workspace);
    if (!sum(inputs, outputs, memory, Gemm::Tiles::allowed)) sum(inputs, outputs, memory, Gemm::Tiles::avoided);
  }

 private:
  static constexpr int64_t rows_at_once = 384;

  // Reserves the largest amount of memory that the products need.
  struct Memory {
    Memory(const SequenceProductKernel& kernel, Workspace& workspace) {
      a = workspace.take<T>(rows_at_once * kernel.a_columns_);
      b = workspace.take<T>(rows_at_once * kernel.b_columns_);
      a_rows = workspace.take<const T*>(rows_at_once);
      b_rows = workspace.take<const T*>(rows_at_once);
      product = workspace.take<char>(kernel.product_bytes_);
    }
    T *a, *b;
    const T **a_rows, **b_rows;
    char* product;
  };

  // Returns false if tiles may have turned Inf into NaN.
  bool sum(void* const* inputs, void* const* outputs, const Memory& memory, Gemm::Tiles tiles) const {
    const auto* lengths = static_cast<const int64_t*>(inputs[2]);
    std::memset(outputs[0], 0, static_cast<size_t>(a_columns_ * b_columns_) * sizeof(T));
    int64_t count = 0;
    bool exact = true;
    const Gemm whole = product(rows_at_once, tiles);
    const auto flush = [&] {
      if (count == 0) return;
      gather(memory, count);
      const Gemm rest = product(count, tiles);
      const Gemm& chosen = count == rows_at_once ? whole : rest;
      exact &= chosen.run(reinterpret_cast<const char*>(memory.a), reinterpret_cast<const char*>(memory.b),
                          static_cast<char*>(outputs[0]), nullptr, memory.product);
      count = 0;
    };
    for (int64_t n = 0; n < batch_; ++n) {
      if (lengths[n] < 0 || lengths[n] > steps_) {
        throw IndexError(concat_text(name_, ": length ", lengths[n], " of sequence ", n, " is outside 0 to ", steps_));
      }
      for (int64_t t = 0; t < lengths[n]; ++t) {
        const int64_t other = t + shift_;
        memory.a_rows[count] = static_cast<const T*>(inputs[0]) + t * a_strides_[0] + n * a_strides_[1];
        memory.b_rows[count] = other >= 0 && other < lengths[n]
                                   ? static_cast<const T*>(inputs[1]) + other * b_strides_[0] + n * b_strides_[1]
                                   : static_cast<const T*>(inputs[3]) + n * b_columns_;
        if (++count == rows_at_once) flush();
      }
    }
    flush();
    return exact;
  }

  Gemm product(int64_t count, Gemm::Tiles tiles) const {
    return {{a_columns_, count, 1, a_columns_},
            {count, b_columns_, b_columns_, 1},
            b_columns_,
            std::is_same_v<T, double>,
            runtime::thread_count(),
            Gemm::Result::added,
            tiles};
  }

  void gather(const Memory& memory, int64_t count) const {
    runtime::parallel_for(count, ceil_div(packed_per_thread, a_columns_ + b_columns_), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        std::memcpy(memory.a + i * a_columns_, memory.a_rows[i], static_cast<size_t>(a_columns_) * sizeof(T));
        std::memcpy(memory.b + i * b_columns_, memory.b_rows[i], static_cast<size_t>(b_columns_) * sizeof(T));
      }
    });
  }

  const char* name_;
  int64_t steps_;
  int64_t batch_;
  int64_t a_columns_;
  int64_t b_columns_;
  int64_t shift_;
  int64_t product_bytes_ = 0;
  int64_t a_strides_[2];
  int64_t b_strides_[2];
};

std::unique_ptr<Kernel> prepare_sequence_product(const KernelCall& call) {
  const bool fits = has_contiguous_rows(call.inputs[0]) && has_contiguous_rows(call.inputs[1]);
  return fits && are_contiguous(call.inputs, 2) ? prepare_of_dtype<SequenceProductKernel>(call) : nullptr;
}

}  // namespace

void register_sequence_product(KernelTable& table) {
  table.add(OpId::sequence_product, Provider::cpu, adapted<prepare_sequence_product>);
}

}  // namespace pydl::cpu
