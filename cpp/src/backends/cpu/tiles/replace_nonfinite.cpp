// Numbers instead of NaN and infinities, in one pass.
#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/special.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

class ReplaceNonfiniteKernel final : public Kernel {
 public:
  ReplaceNonfiniteKernel(ReplaceKernel kernel, const BufferSpec& x, const op::ReplaceNonfiniteAttrs& attrs)
      : kernel_(kernel),
        count_(element_count(x.shape)),
        item_(static_cast<int64_t>(item_size(x.dtype))),
        values_{attrs.nan, attrs.positive, attrs.negative} {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const char*>(inputs[0]);
    auto* y = static_cast<char*>(outputs[0]);
    // In units of a cache line, so that no two threads write to the same one.
    constexpr int64_t step = 64;
    const int64_t grain = runtime::worth_a_thread(runtime::cost::element) / step;
    runtime::parallel_for((count_ + step - 1) / step, grain, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * step;
      kernel_(y + first * item_, x + first * item_, std::min(end * step, count_) - first, values_);
    });
  }

 private:
  ReplaceKernel kernel_;
  int64_t count_;
  int64_t item_;
  double values_[3];
};

std::unique_ptr<Kernel> prepare_replace(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  const bool is_wide = x.dtype == DType::float32 || x.dtype == DType::float64;
  if (!is_wide || !is_contiguous(x.shape, x.strides) || element_count(x.shape) == 0) return nullptr;
  const ReplaceKernel kernel = kernels().replace[x.dtype == DType::float64 ? 1 : 0];
  return std::make_unique<ReplaceNonfiniteKernel>(kernel, x, op::from_attrs<op::ReplaceNonfiniteAttrs>(call.attrs));
}

}  // namespace

void register_replace_nonfinite(KernelTable& table) {
  table.add(OpId::replace_nonfinite, Provider::cpu, adapted<prepare_replace>);
}

}  // namespace pydl::cpu
