// Search in sorted elements by halving, without branches.
#include "op/attrs/search.h"

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/sort_key.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// How many of the sorted elements are less than the value, or with `right`, not greater.
template <bool right, class T>
int64_t place_of(const T* sorted, int64_t count, T value) {
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
    auto* places = static_cast<int64_t*>(outputs[0]);
    constexpr int64_t grain = runtime::worth_a_thread(4 * runtime::cost::element_in_passes);
    runtime::parallel_for(total_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* line = sorted + i / values_per_line_ * count_;
        places[i] = right_ ? place_of<true>(line, count_, values[i]) : place_of<false>(line, count_, values[i]);
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
