// Cross products of vectors in space, in one pass. The result may not coincide with an operand.
#include "op/attrs/cross.h"

#include <type_traits>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// Overflow of integers wraps around.
template <class T>
T determinant(T a, T b, T c, T d) {
  if constexpr (std::is_integral_v<T>) {
    using Bits = uint64_t;
    return static_cast<T>(static_cast<Bits>(a) * static_cast<Bits>(d) - static_cast<Bits>(b) * static_cast<Bits>(c));
  } else {
    return a * d - b * c;
  }
}

template <class T>
class CrossKernel final : public Kernel {
 public:
  CrossKernel(int64_t outer, int64_t inner) : outer_(outer), inner_(inner) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* a = static_cast<const T*>(inputs[0]);
    const auto* b = static_cast<const T*>(inputs[1]);
    auto* y = static_cast<T*>(outputs[0]);
    constexpr int64_t grain = runtime::worth_a_thread(3 * runtime::cost::element);
    if (inner_ == 1) {
      return runtime::parallel_for(outer_, grain, [&](int64_t begin, int64_t end) {
        cross(a + 3 * begin, b + 3 * begin, y + 3 * begin, end - begin, 3, 1);
      });
    }
    runtime::parallel_for(outer_, grain / inner_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = 3 * i * inner_;
        cross(a + first, b + first, y + first, inner_, 1, inner_);
      }
    });
  }

 private:
  // `step` from vector to vector, and `apart` from component to component.
  static void cross(const T* __restrict a, const T* __restrict b, T* __restrict y, int64_t count, int64_t step,
                    int64_t apart) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = i * step;
      const T a0 = a[at], a1 = a[at + apart], a2 = a[at + 2 * apart];
      const T b0 = b[at], b1 = b[at + apart], b2 = b[at + 2 * apart];
      y[at] = determinant(a1, a2, b1, b2);
      y[at + apart] = determinant(a2, a0, b2, b0);
      y[at + 2 * apart] = determinant(a0, a1, b0, b1);
    }
  }

  int64_t outer_;
  int64_t inner_;
};

std::unique_ptr<Kernel> prepare_cross(const KernelCall& call) {
  const BufferSpec& a = call.inputs[0];
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  const auto axis = static_cast<int>(op::from_attrs<op::CrossAttrs>(call.attrs).axis);
  int64_t outer = 1;
  int64_t inner = 1;
  for (int i = 0; i < a.shape.rank(); ++i) {
    if (i < axis) outer *= a.shape[i];
    if (i > axis) inner *= a.shape[i];
  }
  if (outer * inner == 0) return nullptr;
  std::unique_ptr<Kernel> kernel;
  visit_dtype(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      kernel = std::make_unique<CrossKernel<T>>(outer, inner);
    }
  });
  return kernel;
}

}  // namespace

void register_cross(KernelTable& table) { table.add(OpId::cross_product, Provider::cpu, adapted<prepare_cross>); }

}  // namespace pydl::cpu
