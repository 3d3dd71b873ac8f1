// Cumulative reductions along an axis. Each line is summed in a fixed order, many adjacent lines at a time.
#include <algorithm>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/attrs/cumulative.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_accumulated);
// The number of columns whose sums stay in registers and the L1 cache.
constexpr int64_t chunk = 64;

// `length` rows of `inner` columns.
template <class T, class Sum>
class CumsumKernel final : public Kernel {
 public:
  explicit CumsumKernel(const KernelCall& call) {
    const auto attrs = op::from_attrs<op::CumsumAttrs>(call.attrs);
    reverse_ = attrs.reverse;
    const Dims& shape = call.inputs[0].shape;
    const auto axis = static_cast<int>(attrs.axis);
    length_ = shape[axis];
    for (int i = 0; i < axis; ++i) outer_ *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner_ *= shape[i];
    chunks_ = (inner_ + chunk - 1) / chunk;
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<Result*>(outputs[0]);
    const int64_t piece = length_ * std::min(inner_, chunk);
    runtime::parallel_for(outer_ * chunks_, elements_per_thread / piece, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % chunks_ * chunk;
        const int64_t offset = i / chunks_ * length_ * inner_ + first;
        sum_columns(x + offset, y + offset, std::min(chunk, inner_ - first));
      }
    });
  }

 private:
  using Result = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;

  void sum_columns(const T* x, Result* y, int64_t columns) const {
    Sum sums[chunk] = {};
    for (int64_t i = 0; i < length_; ++i) {
      const int64_t row = (reverse_ ? length_ - 1 - i : i) * inner_;
      for (int64_t j = 0; j < columns; ++j) {
        sums[j] += static_cast<Sum>(x[row + j]);
        y[row + j] = static_cast<Result>(sums[j]);
      }
    }
  }

  bool reverse_;
  int64_t outer_ = 1;
  int64_t length_;
  int64_t inner_ = 1;
  int64_t chunks_;
};

std::unique_ptr<Kernel> prepare_cumsum(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (!is_contiguous(x.shape, x.strides) || element_count(x.shape) == 0) return nullptr;
  switch (x.dtype) {
    case DType::float32: return std::make_unique<CumsumKernel<float, double>>(call);
    case DType::float64: return std::make_unique<CumsumKernel<double, double>>(call);
    case DType::int64: return std::make_unique<CumsumKernel<int64_t, uint64_t>>(call);
    case DType::int32: return std::make_unique<CumsumKernel<int32_t, uint64_t>>(call);
    case DType::uint8: return std::make_unique<CumsumKernel<uint8_t, uint64_t>>(call);
    case DType::boolean: return std::make_unique<CumsumKernel<bool, uint64_t>>(call);
    default: return nullptr;
  }
}

}  // namespace

void register_cumulative(KernelTable& table) { table.add(OpId::cumsum, Provider::cpu, adapted<prepare_cumsum>); }

}  // namespace pydl::cpu
