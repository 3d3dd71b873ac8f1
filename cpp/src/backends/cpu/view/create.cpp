// Creation ops: elements are computed from a rule.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/create.h"
#include "runtime/cpu_features.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of elements for which waking a thread pays off.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_written);

// Converts a number to the stored type: floating point rounds, integers truncate, and a bool is value != 0.
template <class T, class Value>
T stored(Value value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return T::from_float(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<int64_t>(value));
  } else {
    return static_cast<T>(value);
  }
}

// Calls `function` with the number as int64_t (also for bools) or double.
template <class Function>
void visit_number(const op::Element& number, const Function& function) {
  std::visit(
      [&](auto content) {
        using T = std::conditional_t<std::is_same_v<decltype(content), double>, double, int64_t>;
        function(static_cast<T>(content));
      },
      number);
}

template <class T>
class FullKernel final : public Kernel {
 public:
  FullKernel(int64_t count, T value) : count_(count), value_(value) {}

  void run(const KernelContext&, void* const*, void* const* outputs) const override {
    auto* y = static_cast<T*>(outputs[0]);
    if (count_ < block_length) {
      std::fill_n(y, count_, value_);
      return;
    }
    alignas(64) T block[block_length];
    std::fill_n(block, block_length, value_);
    // Results that will have left the caches before anything reads them are written past them.
    const bool streams = count_ * item >= runtime::bytes_beyond_caches() && reinterpret_cast<uintptr_t>(y) % 64 == 0;
    const auto copy = streams ? kernels().copy.stream : kernels().copy.run;
    const int64_t blocks = (count_ + block_length - 1) / block_length;
    runtime::parallel_for(blocks, elements_per_thread / block_length, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        copy(block, y + i * block_length, std::min(block_length, count_ - i * block_length) * item);
      }
      if (streams) kernels().copy.finish_streams();
    });
  }

 private:
  static constexpr auto item = static_cast<int64_t>(sizeof(T));
  static constexpr int64_t block_length = 4096 / item;

  int64_t count_;
  T value_;
};

std::unique_ptr<Kernel> prepare_full(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  std::unique_ptr<Kernel> kernel;
  visit_number(op::from_attrs<op::FullAttrs>(call.attrs).value, [&](auto value) {
    visit_dtype(y.dtype, [&](auto zero) {
      using T = decltype(zero);
      kernel = std::make_unique<FullKernel<T>>(element_count(y.shape), stored<T>(value));
    });
  });
  return kernel;
}

template <class T, class Value>
class ArangeKernel final : public Kernel {
 public:
  ArangeKernel(int64_t count, Value start, Value step) : count_(count), start_(start), step_(step) {}

  void run(const KernelContext&, void* const*, void* const* outputs) const override {
    auto* y = static_cast<T*>(outputs[0]);
    runtime::parallel_for(count_, elements_per_thread, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = stored<T>(element(i));
    });
  }

 private:
  Value element(int64_t i) const {
    if constexpr (std::is_integral_v<Value>) {  // integers wrap around
      return static_cast<Value>(static_cast<uint64_t>(start_) +
                                static_cast<uint64_t>(i) * static_cast<uint64_t>(step_));
    } else {
      return start_ + static_cast<Value>(i) * step_;
    }
  }

  int64_t count_;
  Value start_;
  Value step_;
};

std::unique_ptr<Kernel> prepare_arange(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  std::unique_ptr<Kernel> kernel;
  const auto attrs = op::from_attrs<op::ArangeAttrs>(call.attrs);
  visit_number(attrs.start, [&](auto start) {
    using Value = decltype(start);
    visit_number(attrs.step, [&](auto step) {
      visit_dtype(y.dtype, [&](auto zero) {
        kernel = std::make_unique<ArangeKernel<decltype(zero), Value>>(y.shape[0], start, static_cast<Value>(step));
      });
    });
  });
  return kernel;
}

}  // namespace

void register_create(KernelTable& table) {
  table.add(OpId::full, Provider::cpu, prepare_full);
  table.add(OpId::arange, Provider::cpu, prepare_arange);
}

}  // namespace pydl::cpu
