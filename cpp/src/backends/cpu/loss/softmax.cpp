// Softmax and related ops along one axis of contiguous tensors.
#include <algorithm>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/softmax.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of elements for which waking a thread pays off.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_in_passes);
// The number of columns of one piece of work.
constexpr int64_t chunk_length = 64;

// The tensor as (outer, count, inner), with softmax along the middle axis.
class SoftmaxKernel final : public Kernel {
 public:
  SoftmaxKernel(const SoftmaxKernels& kernels, const BufferSpec& x, int axis, bool gradient)
      : kernels_(kernels),
        item_size_(static_cast<int64_t>(item_size(x.dtype))),
        count_(x.shape[axis]),
        gradient_(gradient) {
    for (int i = 0; i < axis; ++i) outer_ *= x.shape[i];
    for (int i = axis + 1; i < x.shape.rank(); ++i) inner_ *= x.shape[i];
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* a = static_cast<const char*>(inputs[0]);
    const auto* b = gradient_ ? static_cast<const char*>(inputs[1]) : nullptr;
    auto* y = static_cast<char*>(outputs[0]);
    const int64_t chunks = (inner_ + chunk_length - 1) / chunk_length;
    const int64_t grain = elements_per_thread / (count_ * std::min(inner_, chunk_length));
    runtime::parallel_for(outer_ * chunks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t first = piece % chunks * chunk_length;
        const int64_t offset = (piece / chunks * count_ * inner_ + first) * item_size_;
        const char* second = gradient_ ? b + offset : nullptr;
        if (inner_ == 1) {
          kernels_.row(a + offset, second, y + offset, count_);
        } else {
          kernels_.columns(a + offset, second, y + offset, count_, std::min(chunk_length, inner_ - first), inner_);
        }
      }
    });
  }

 private:
  SoftmaxKernels kernels_;
  int64_t item_size_;
  int64_t outer_ = 1;
  int64_t count_;
  int64_t inner_ = 1;
  bool gradient_;  // whether the second input is the output of the forward op
};

template <SoftmaxOp op>
std::unique_ptr<Kernel> prepare_softmax(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (x.dtype != DType::float32 && x.dtype != DType::float64) return nullptr;
  if (x.shape.rank() == 0 || element_count(x.shape) == 0) return nullptr;
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  const auto& table = kernels().softmax[op][x.dtype == DType::float64 ? 1 : 0];
  const auto axis = static_cast<int>(op::from_attrs<op::SoftmaxAttrs>(call.attrs).axis);
  return std::make_unique<SoftmaxKernel>(table, x, axis, call.inputs.size() > 1);
}

}  // namespace

void register_softmax(KernelTable& table) {
  table.add(OpId::softmax, Provider::cpu, adapted<prepare_softmax<softmax_forward>>);
  table.add(OpId::log_softmax, Provider::cpu, adapted<prepare_softmax<log_softmax_forward>>);
  table.add(OpId::softmax_backward, Provider::cpu, adapted<prepare_softmax<softmax_back>>);
  table.add(OpId::log_softmax_backward, Provider::cpu, adapted<prepare_softmax<log_softmax_back>>);
}

}  // namespace pydl::cpu
