// Search in sorted elements without branches: by halving, or by computing the position where they are evenly spaced.
#include "op/attrs/search.h"

#include <cmath>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/sort_key.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// How many of the sorted elements are less than the value, or with `right`, not greater.
template <bool right, class T>
int64_t position_of(const T* sorted, int64_t count, T value) {
  const auto key = op::sort_key(value);
  const auto is_before = [&](T element) { return right ? op::sort_key(element) <= key : op::sort_key(element) < key; };
  const T* first = sorted;
  while (count > 1) {
    const int64_t half = count / 2;
    first += is_before(first[half - 1]) ? half : 0;
    count -= half;
  }
  return first - sorted + (count == 1 && is_before(*first) ? 1 : 0);
}

// Elements that are nearly as far apart as their mean distance: of position t as (x - low) * scale says it, all those
// below floor(t) are less than x, and none above floor(t) + 1.
struct EvenSpacing {
  double low = 0;
  double scale = 0;  // 0 if the elements are not evenly spaced

  template <class T>
  static EvenSpacing of(const T* sorted, int64_t count) {
    if (count < 2) return {};
    const double low = number(sorted[0]);
    const double scale = static_cast<double>(count - 1) / (number(sorted[count - 1]) - low);
    if (!(scale > 0) || std::isinf(scale)) return {};
    for (int64_t i = 0; i < count; ++i) {
      const double distance = (number(sorted[i]) - low) * scale - static_cast<double>(i);
      if (!(std::abs(distance) < 0.5)) return {};
    }
    return {low, scale};
  }

  template <bool right, class T>
  int64_t position_of(const T* sorted, int64_t count, T value) const {
    const auto key = op::sort_key(value);
    const auto is_before = [&](T element) {
      return right ? op::sort_key(element) <= key : op::sort_key(element) < key;
    };
    // Comparisons that are false for what is not a number, which belongs to the end.
    const double position = (number(value) - low) * scale;
    const auto last = static_cast<double>(count - 2);
    const auto first = static_cast<int64_t>(position < last ? (position > 0 ? position : 0.0) : last);
    return first + (is_before(sorted[first]) ? 1 : 0) + (is_before(sorted[first + 1]) ? 1 : 0);
  }

 private:
  template <class T>
  static double number(T value) {
    if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<double>(value);
    } else {
      return value.to_float();
    }
  }
};

template <class T>
class SearchKernel final : public Kernel {
 public:
  SearchKernel(const BufferSpec& sorted, const BufferSpec& values, bool right)
      : count_(sorted.shape.back()),
        total_(element_count(values.shape)),
        values_per_line_(sorted.shape.rank() == 1 ? total_ : values.shape.back()),
        right_(right) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* sorted = static_cast<const T*>(inputs[0]);
    const auto* values = static_cast<const T*>(inputs[1]);
    auto* positions = static_cast<int64_t*>(outputs[0]);
    constexpr int64_t grain = runtime::worth_a_thread(4 * runtime::cost::element_in_passes);
    if (values_per_line_ == total_ && total_ >= 4 * count_) {
      const EvenSpacing spacing = EvenSpacing::of(sorted, count_);
      if (spacing.scale > 0) {
        return runtime::parallel_for(total_, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            positions[i] = right_ ? spacing.position_of<true>(sorted, count_, values[i])
                                  : spacing.position_of<false>(sorted, count_, values[i]);
          }
        });
      }
    }
    runtime::parallel_for(total_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* line = sorted + i / values_per_line_ * count_;
        positions[i] =
            right_ ? position_of<true>(line, count_, values[i]) : position_of<false>(line, count_, values[i]);
      }
    });
  }

 private:
  int64_t count_;
  int64_t total_;
  int64_t values_per_line_;
  bool right_;
};

std::unique_ptr<Kernel> prepare_search(const KernelCall& call) {
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  if (element_count(call.inputs[1].shape) == 0) return nullptr;
  const bool right = op::from_attrs<op::SearchAttrs>(call.attrs).right;
  std::unique_ptr<Kernel> kernel;
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    kernel = std::make_unique<SearchKernel<decltype(zero)>>(call.inputs[0], call.inputs[1], right);
  });
  return kernel;
}

}  // namespace

void register_search(KernelTable& table) { table.add(OpId::search_sorted, Provider::cpu, adapted<prepare_search>); }

}  // namespace pydl::cpu
