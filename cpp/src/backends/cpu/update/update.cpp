// Optimiser updates: one pass over all parameters, treated as one long row of elements that threads divide evenly.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/update.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element);
constexpr int max_groups = 4;

class FusedUpdate final : public Kernel {
 public:
  FusedUpdate(const KernelCall& call, size_t count, UpdateKernel kernel, const UpdateConstants& constants, int groups)
      : op_(call.op), kernel_(kernel), constants_(constants), groups_(static_cast<size_t>(groups)) {
    const BufferSpec& first = call.inputs[1];
    item_size_ = static_cast<int64_t>(item_size(first.dtype));
    ends_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const int64_t before = i == 0 ? 0 : ends_[i - 1];
      ends_.push_back(before + element_count(call.inputs[1 + i].shape));
    }
  }

  void run(const KernelContext&, void* const* inputs, void* const*) const override {
    const size_t count = ends_.size();
    const int64_t step = ++*static_cast<int64_t*>(inputs[0]);
    const UpdateConstants constants = constants_of(step, *static_cast<const double*>(inputs[1 + groups_ * count]));
    runtime::parallel_for(ends_.back(), elements_per_thread, [&](int64_t begin, int64_t end) {
      auto parameter = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
      for (; begin < end; ++parameter) {
        const int64_t start = parameter == 0 ? 0 : ends_[parameter - 1];
        const int64_t stop = std::min(end, ends_[parameter]);
        void* operands[max_groups];
        for (size_t group = 0; group < groups_; ++group) {
          operands[group] = static_cast<char*>(inputs[1 + group * count + parameter]) + (begin - start) * item_size_;
        }
        kernel_(operands, stop - begin, constants);
        begin = stop;
      }
    });
  }

 private:
  UpdateConstants constants_of(int64_t step, double lr) const {
    UpdateConstants constants = constants_;
    constants.lr = lr;
    constants.first_step = step == 1;
    if (op_ == OpId::adam_update) {
      // Moments start at zero; these factors undo their bias towards it.
      constants.step_size = lr / (1 - std::pow(constants.beta1, static_cast<double>(step)));
      constants.root_correction = std::sqrt(1 - std::pow(constants.beta2, static_cast<double>(step)));
    }
    return constants;
  }

  OpId op_;
  UpdateKernel kernel_;
  UpdateConstants constants_;
  size_t groups_;  // lists of tensors, the gradients last
  int64_t item_size_;
  std::vector<int64_t> ends_;  // where each parameter ends in the row of all elements
};

std::unique_ptr<Kernel> prepare_update(const KernelCall& call, int64_t count, const UpdateKernel* kernels,
                                       const UpdateConstants& constants, int groups) {
  if (count == 0) return nullptr;
  const DType dtype = call.inputs[1].dtype;
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  for (const BufferSpec& input : call.inputs.subspan(1, call.inputs.size() - 2)) {
    if (input.dtype != dtype || !is_contiguous(input.shape, input.strides)) return nullptr;
  }
  return std::make_unique<FusedUpdate>(call, static_cast<size_t>(count), kernels[dtype == DType::float64 ? 1 : 0],
                                       constants, groups);
}

std::unique_ptr<Kernel> prepare_sgd(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::SgdAttrs>(call.attrs);
  UpdateConstants constants{};
  constants.momentum = attrs.momentum;
  constants.dampening = attrs.dampening;
  constants.weight_decay = attrs.weight_decay;
  constants.nesterov = attrs.nesterov;
  return prepare_update(call, attrs.count, kernels().sgd, constants, constants.momentum == 0 ? 2 : 3);
}

std::unique_ptr<Kernel> prepare_rmsprop(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::RmspropAttrs>(call.attrs);
  UpdateConstants constants{};
  constants.alpha = attrs.alpha;
  constants.epsilon = attrs.epsilon;
  constants.momentum = attrs.momentum;
  constants.weight_decay = attrs.weight_decay;
  return prepare_update(call, attrs.count, kernels().rmsprop, constants, constants.momentum == 0 ? 3 : 4);
}

std::unique_ptr<Kernel> prepare_adam(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::AdamAttrs>(call.attrs);
  UpdateConstants constants{};
  constants.beta1 = attrs.beta1;
  constants.beta2 = attrs.beta2;
  constants.epsilon = attrs.epsilon;
  constants.weight_decay = attrs.weight_decay;
  constants.decoupled = attrs.decoupled;
  return prepare_update(call, attrs.count, kernels().adam, constants, 4);
}

// Updates the rows of a table that an index refers to. Occurrences of a row are linked, so that each row is summed in
// the order of the index, as `take_backward` does, and written once. Threads divide the columns.
class RowUpdate final : public Kernel {
 public:
  explicit RowUpdate(const KernelCall& call)
      : is_double_(call.inputs[0].dtype == DType::float64),
        rows_(call.inputs[0].shape[0]),
        row_bytes_(element_count(call.inputs[0].shape) / rows_ * item()),
        count_(element_count(call.inputs[2].shape)),
        skip_(op::from_attrs<op::SgdRowsAttrs>(call.attrs).skip.value_or(-1)) {
    scratchpad_bytes = static_cast<size_t>(rounded(row_bytes_) + (rows_ + count_) * 4);
  }

  void run(const KernelContext& context, void* const* inputs, void* const*) const override {
    const auto* index = static_cast<const int64_t*>(inputs[2]);
    auto* sums = static_cast<char*>(context.scratchpad);
    // The first occurrence of each row and the next occurrence after each, counted from 1; 0 means none.
    auto* first = reinterpret_cast<int32_t*>(sums + rounded(row_bytes_));
    int32_t* next = first + rows_;
    link_occurrences(index, first, next);
    UpdateConstants constants{};
    constants.lr = *static_cast<const double*>(inputs[3]);
    const int64_t lines = (row_bytes_ + line_bytes - 1) / line_bytes;
    const int64_t lines_per_thread =
        runtime::worth_a_thread(runtime::cost::byte_gathered) / std::max<int64_t>(count_ * line_bytes, 1) + 1;
    runtime::parallel_for(lines, lines_per_thread, [&](int64_t begin, int64_t end) {
      const int64_t start = begin * line_bytes;
      const int64_t bytes = std::min(end * line_bytes, row_bytes_) - start;
      for (int64_t i = 0; i < count_; ++i) {
        const int64_t row = row_of(index[i]);
        if (row < 0 || first[row] != i + 1) continue;
        const auto* g = static_cast<const char*>(inputs[1]) + start;
        std::memcpy(sums + start, g + i * row_bytes_, static_cast<size_t>(bytes));
        for (int64_t j = next[i]; j != 0; j = next[j - 1]) add(sums + start, g + (j - 1) * row_bytes_, bytes);
        void* operands[] = {static_cast<char*>(inputs[0]) + row * row_bytes_ + start, sums + start};
        kernels().sgd[is_double_ ? 1 : 0](operands, bytes / item(), constants);
      }
    });
  }

 private:
  static constexpr int64_t line_bytes = 64;

  static int64_t rounded(int64_t bytes) { return (bytes + line_bytes - 1) / line_bytes * line_bytes; }
  int64_t item() const { return is_double_ ? 8 : 4; }
  void add(char* sums, const char* g, int64_t bytes) const {
    kernels().add_rows[is_double_ ? 1 : 0](sums, g, bytes / item());
  }

  // Returns -1 for an index that is skipped.
  int64_t row_of(int64_t index) const {
    const int64_t row = index < 0 ? index + rows_ : index;
    return row < 0 || row >= rows_ || row == skip_ ? -1 : row;
  }

  void link_occurrences(const int64_t* index, int32_t* first, int32_t* next) const {
    std::fill_n(first, rows_, 0);
    for (int64_t i = count_ - 1; i >= 0; --i) {
      const int64_t row = row_of(index[i]);
      if (row < 0) continue;
      next[i] = first[row];
      first[row] = static_cast<int32_t>(i + 1);
    }
  }

  bool is_double_;
  int64_t rows_;
  int64_t row_bytes_;
  int64_t count_;
  int64_t skip_;
};

std::unique_ptr<Kernel> prepare_sgd_rows(const KernelCall& call) {
  const DType dtype = call.inputs[0].dtype;
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  if (element_count(call.inputs[0].shape) == 0 || element_count(call.inputs[2].shape) >= INT32_MAX) return nullptr;
  for (const BufferSpec& input : call.inputs.first(3)) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  return std::make_unique<RowUpdate>(call);
}

}  // namespace

void register_update(KernelTable& table) {
  table.add(OpId::sgd_update, Provider::cpu, prepare_sgd);
  table.add(OpId::sgd_update_rows, Provider::cpu, prepare_sgd_rows);
  table.add(OpId::rmsprop_update, Provider::cpu, prepare_rmsprop);
  table.add(OpId::adam_update, Provider::cpu, prepare_adam);
}

}  // namespace pydl::cpu
