// Choices without replacement: the categories whose exponential clocks, with their weights as rates, ring first
// (backends/ref/distributions.cpp), for several rows at a time.
#include "runtime/choices.h"

#include <algorithm>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/distributions.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

template <class T>
class ChoiceKernel final : public Kernel {
 public:
  ChoiceKernel(const KernelCall& call, int64_t count)
      : state_stride_(call.inputs[1].strides[0]),
        categories_(call.inputs[0].shape.back()),
        rows_(element_count(call.inputs[0].shape) / categories_),
        count_(count),
        parts_(std::min<int64_t>(rows_, 16)) {
    scratchpad_bytes = static_cast<size_t>(parts_ * categories_) * (sizeof(double) + sizeof(Clock));
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* weights = static_cast<const T*>(inputs[0]);
    // Before any thread starts, so that the error reports the first wrong row.
    for (int64_t row = 0; row < rows_; ++row) runtime::require_weights(row_of(weights, row), count_);
    const auto* state = static_cast<const int64_t*>(inputs[1]);
    auto* y = static_cast<int64_t*>(outputs[0]);
    const int64_t share = (rows_ + parts_ - 1) / parts_;
    const int64_t grain = runtime::worth_a_thread(runtime::cost::element_sorted) / (share * categories_);
    runtime::parallel_for(parts_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        auto* clocks = static_cast<Clock*>(context.scratchpad) + part * categories_;
        auto* waits = reinterpret_cast<double*>(static_cast<Clock*>(context.scratchpad) + parts_ * categories_) +
                      part * categories_;
        for (int64_t row = part * share; row < std::min((part + 1) * share, rows_); ++row) {
          kernels().variates.exponentials(static_cast<uint64_t>(state[0]), static_cast<uint64_t>(state[state_stride_]),
                                          row * count_, categories_, waits);
          choose(row_of(weights, row), waits, clocks, y + row * count_);
        }
      }
    });
  }

 private:
  struct Clock {
    double time;
    int64_t category;

    friend bool operator<(const Clock& a, const Clock& b) {
      return a.time < b.time || (a.time == b.time && a.category < b.category);
    }
  };

  std::span<const T> row_of(const T* weights, int64_t row) const {
    return {weights + row * categories_, static_cast<size_t>(categories_)};
  }

  void choose(std::span<const T> weights, const double* waits, Clock* clocks, int64_t* chosen) const {
    Clock* end = clocks;
    for (int64_t k = 0; k < categories_; ++k) {
      const auto weight = static_cast<double>(weights[static_cast<size_t>(k)]);
      *end = {waits[k] / weight, k};
      end += weight > 0 ? 1 : 0;
    }
    std::partial_sort(clocks, clocks + count_, end);
    for (int64_t i = 0; i < count_; ++i) chosen[i] = clocks[i].category;
  }

  int64_t state_stride_;
  int64_t categories_;
  int64_t rows_;
  int64_t count_;
  int64_t parts_;
};

std::unique_ptr<Kernel> prepare_multinomial(const KernelCall& call) {
  const auto attrs = op::from_attrs<op::MultinomialAttrs>(call.attrs);
  const BufferSpec& probs = call.inputs[0];
  if (attrs.replacement || element_count(call.outputs[0].shape) == 0) return nullptr;
  if (!is_contiguous(probs.shape, probs.strides)) return nullptr;
  if (probs.dtype == DType::float32) return std::make_unique<ChoiceKernel<float>>(call, attrs.count);
  if (probs.dtype == DType::float64) return std::make_unique<ChoiceKernel<double>>(call, attrs.count);
  return nullptr;
}

}  // namespace

void register_choices(KernelTable& table) { table.add(OpId::multinomial, Provider::cpu, adapted<prepare_multinomial>); }

}  // namespace pydl::cpu
