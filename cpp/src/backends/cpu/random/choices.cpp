// Choices among categories, of the same numbers as those of backends/ref/distributions.cpp, for several rows at a time.
// With replacement: the sums of the weights are searched for uniform numbers. Without: the categories whose exponential
// clocks, with their weights as rates, ring first.
#include "runtime/choices.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/distributions.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// Throws what `require_weights` throws. Bits of usual weights are below those of infinity, and in the order of the
// weights; others are looked at one by one.
template <class T>
void check_weights(std::span<const T> weights) {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  Bits most = 0;
  for (const T weight : weights) most = std::max(most, std::bit_cast<Bits>(weight));
  if (most == 0 || most >= std::bit_cast<Bits>(std::numeric_limits<T>::infinity()))
    runtime::require_weights(weights, 1);
}

// The uniform numbers of elements that are asked for in order.
class UnitStream {
 public:
  UnitStream(uint64_t seed, uint64_t offset, int64_t elements) : seed_(seed), offset_(offset), elements_(elements) {}

  double at(int64_t element) {
    if (element >= end_) {
      begin_ = element / 2 * 2;
      end_ = std::min(begin_ + FirstDraws::most, elements_);
      kernels().variates.first_draws(seed_, offset_, begin_, end_ - begin_, {}, draws_);
    }
    return draws_.units[0][element - begin_];
  }

 private:
  uint64_t seed_;
  uint64_t offset_;
  int64_t elements_;
  int64_t begin_ = 0;
  int64_t end_ = 0;
  FirstDraws draws_ = {};
};

// Sums of weights, in which numbers are searched: from a place near the result, if there are so many numbers that a
// table of such places pays off.
template <class T>
class SumsOfWeights {
 public:
  static size_t bytes(int64_t categories) {
    return static_cast<size_t>(categories) * (sizeof(double) + sizeof(int64_t)) + 64;
  }

  SumsOfWeights(std::span<const T> weights, int64_t draws, void* memory)
      : sums_(static_cast<double*>(memory)),
        count_(static_cast<int64_t>(weights.size())),
        places_(reinterpret_cast<int64_t*>(sums_ + count_)) {
    runtime::sum_weights(weights, sums_);
    // What rounding takes beyond the last sum belongs to the last category that is possible.
    last_ = std::lower_bound(sums_, sums_ + count_, sums_[count_ - 1]) - sums_;
    has_places_ = draws >= count_ && count_ > 8;
    if (has_places_) find_places();
  }

  // The first category whose sum is larger than this share of all.
  int64_t search(double share) const {
    const double wanted = share * sums_[count_ - 1];
    if (!has_places_) return first_above(wanted);
    int64_t k = places_[static_cast<int64_t>(share * static_cast<double>(count_))];
    while (k > 0 && sums_[k - 1] > wanted) --k;
    while (k < last_ && sums_[k] <= wanted) ++k;
    return k;
  }

 private:
  int64_t first_above(double wanted) const {
    const double* first = sums_;
    for (int64_t left = last_; left > 0;) {
      const int64_t half = (left + 1) / 2;
      first += first[half - 1] <= wanted ? half : 0;
      left -= half;
    }
    return first - sums_;
  }

  // Of as many equal shares as there are categories.
  void find_places() {
    const double width = sums_[count_ - 1] / static_cast<double>(count_);
    int64_t k = 0;
    for (int64_t i = 0; i < count_; ++i) {
      while (k < last_ && sums_[k] <= width * static_cast<double>(i)) ++k;
      places_[i] = k;
    }
  }

  double* sums_;
  int64_t count_;
  int64_t* places_;
  int64_t last_ = 0;
  bool has_places_ = false;
};

template <class T>
class ReplacedChoiceKernel final : public Kernel {
 public:
  ReplacedChoiceKernel(const KernelCall& call, int64_t count)
      : state_stride_(call.inputs[1].strides[0]),
        categories_(call.inputs[0].shape.back()),
        rows_(element_count(call.inputs[0].shape) / categories_),
        count_(count),
        parts_(std::min<int64_t>(rows_, 16)),
        part_bytes_((SumsOfWeights<T>::bytes(categories_) + 63) / 64 * 64) {
    scratchpad_bytes = static_cast<size_t>(parts_) * part_bytes_;
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* weights = static_cast<const T*>(inputs[0]);
    // Before any thread starts, so that the error reports the first wrong row.
    for (int64_t row = 0; row < rows_; ++row) check_weights(row_of(weights, row));
    const auto* state = static_cast<const int64_t*>(inputs[1]);
    const auto seed = static_cast<uint64_t>(state[0]);
    const auto offset = static_cast<uint64_t>(state[state_stride_]);
    auto* y = static_cast<int64_t*>(outputs[0]);
    if (rows_ == 1) {
      const SumsOfWeights<T> sums(row_of(weights, 0), count_, context.scratchpad);
      runtime::parallel_for(count_, runtime::worth_a_thread(cost_of_draw), [&](int64_t begin, int64_t end) {
        UnitStream units(seed, offset, count_);
        draw(sums, units, 0, begin, end, y);
      });
      return;
    }
    const int64_t share = (rows_ + parts_ - 1) / parts_;
    const int64_t cost = share * (categories_ * runtime::cost::element_accumulated + count_ * cost_of_draw);
    runtime::parallel_for(parts_, runtime::worth_a_thread(cost), [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        void* memory = static_cast<char*>(context.scratchpad) + static_cast<size_t>(part) * part_bytes_;
        UnitStream units(seed, offset, rows_ * count_);
        for (int64_t row = part * share; row < std::min((part + 1) * share, rows_); ++row) {
          draw(SumsOfWeights<T>(row_of(weights, row), count_, memory), units, row, 0, count_, y);
        }
      }
    });
  }

 private:
  static constexpr int64_t cost_of_draw = 8 * runtime::cost::element_in_passes;

  std::span<const T> row_of(const T* weights, int64_t row) const {
    return {weights + row * categories_, static_cast<size_t>(categories_)};
  }

  void draw(const SumsOfWeights<T>& sums, UnitStream& units, int64_t row, int64_t begin, int64_t end,
            int64_t* y) const {
    for (int64_t i = row * count_ + begin; i < row * count_ + end; ++i) y[i] = sums.search(units.at(i));
  }

  int64_t state_stride_;
  int64_t categories_;
  int64_t rows_;
  int64_t count_;
  int64_t parts_;
  size_t part_bytes_;
};

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
  if (element_count(call.outputs[0].shape) == 0 || !is_contiguous(probs.shape, probs.strides)) return nullptr;
  const auto of_dtype = [&](auto zero) -> std::unique_ptr<Kernel> {
    using T = decltype(zero);
    if (attrs.replacement) return std::make_unique<ReplacedChoiceKernel<T>>(call, attrs.count);
    return std::make_unique<ChoiceKernel<T>>(call, attrs.count);
  };
  if (probs.dtype == DType::float32) return of_dtype(float{});
  if (probs.dtype == DType::float64) return of_dtype(double{});
  return nullptr;
}

}  // namespace

void register_choices(KernelTable& table) { table.add(OpId::multinomial, Provider::cpu, adapted<prepare_multinomial>); }

}  // namespace pydl::cpu
