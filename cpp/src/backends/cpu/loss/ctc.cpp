// CTC of contiguous operands. Each sample is one piece of work.
#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/loss/ctc_paths.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

template <class T>
class CtcKernel : public Kernel {
 public:
  CtcKernel(const KernelCall& call, size_t first, bool keeps_all)
      : batch_(op::from_attrs<op::CtcAttrs>(call.attrs), call.inputs.subspan(first)),
        length_(batch_.most_states()),
        kept_(keeps_all ? std::max<int64_t>(batch_.steps, 1) : 2),
        parts_(std::clamp<int64_t>(batch_.count, 1, runtime::thread_count())) {
    scratchpad_bytes = static_cast<size_t>(parts_ * CtcPaths<T>::doubles(length_, kept_)) * sizeof(double);
  }

 protected:
  // Calls function(n, steps, paths) for each sample. The first of the `operands` are the log-probabilities.
  template <class Function>
  void for_each_sample(void* const* operands, T* gradient, void* scratchpad, const Function& function) const {
    const auto* log_probs = static_cast<const T*>(operands[0]);
    const auto* targets = static_cast<const int64_t*>(operands[1]);
    const auto* input_lengths = static_cast<const int64_t*>(operands[2]);
    const auto* target_lengths = static_cast<const int64_t*>(operands[3]);
    batch_.check(targets, input_lengths, target_lengths);
    const int64_t stride = batch_.count * batch_.classes;
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        double* memory = static_cast<double*>(scratchpad) + part * CtcPaths<T>::doubles(length_, kept_);
        for (int64_t n = part; n < batch_.count; n += parts_) {
          const op::CtcSample sample = batch_.sample(n, targets, input_lengths, target_lengths);
          const int64_t position = n * batch_.classes;
          const CtcSteps<T> steps = {log_probs + position, gradient == nullptr ? nullptr : gradient + position, stride};
          CtcPaths<T> paths(sample, steps, memory, length_, kept_);
          function(n, steps, paths);
        }
      }
    });
  }

  bool drops(double loss) const { return batch_.zero_infinity && std::isinf(loss); }

  op::CtcBatch batch_;

 private:
  int64_t length_;
  int64_t kept_;
  int64_t parts_;
};

template <class T>
class CtcForward final : public CtcKernel<T> {
 public:
  explicit CtcForward(const KernelCall& call) : CtcKernel<T>(call, 0, false) {}

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* losses = static_cast<T*>(outputs[0]);
    this->for_each_sample(inputs, nullptr, context.scratchpad, [&](int64_t n, const auto&, auto& paths) {
      const double loss = paths.loss();
      losses[n] = this->drops(loss) ? T(0) : static_cast<T>(loss);
    });
  }
};

template <class T>
class CtcBackward final : public CtcKernel<T> {
 public:
  explicit CtcBackward(const KernelCall& call) : CtcKernel<T>(call, 1, true) {}

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* g = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<T*>(outputs[0]);
    this->for_each_sample(inputs + 1, y, context.scratchpad, [&](int64_t n, const auto& steps, auto& paths) {
      for (int64_t t = 0; t < this->batch_.steps; ++t) {
        std::fill_n(steps.gradient + t * steps.stride, this->batch_.classes, T(0));
      }
      if (!this->drops(paths.loss())) paths.subtract_gradient(g[n]);
    });
  }
};

template <template <class> class Ctc, size_t first>
std::unique_ptr<Kernel> prepare_ctc(const KernelCall& call) {
  const DType dtype = call.inputs[first].dtype;
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  if (dtype == DType::float64) return std::make_unique<Ctc<double>>(call);
  return std::make_unique<Ctc<float>>(call);
}

}  // namespace

void register_ctc(KernelTable& table) {
  table.add(OpId::ctc_loss, Provider::cpu, adapted<prepare_ctc<CtcForward, 0>>);
  table.add(OpId::ctc_loss_backward, Provider::cpu, adapted<prepare_ctc<CtcBackward, 1>>);
}

}  // namespace pydl::cpu
