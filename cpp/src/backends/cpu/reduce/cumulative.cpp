// Cumulative reductions along an axis. Each line is reduced in a fixed order, many lines at a time, whose states stay
// in registers and the L1 cache.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/attrs/cumulative.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of neighbouring columns that are reduced at a time.
constexpr int64_t chunk = 64;
// The number of rows that are reduced at a time if the axis is the last one: their chains of additions overlap. With
// more rows, whose distance is often a power of two, elements would leave the L1 cache before all of a line are used.
constexpr int64_t overlapping_rows = 4;

// What is computed: a state per line, and how an element changes it. The types are those of the inputs, of the result,
// and of the state.
template <class T>
using Widened = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;
template <class T>
using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <class T>
struct Sum {
  using Element = T;
  using Result = Widened<T>;
  using State = Accumulator<T>;
  static constexpr bool has_indices = false;
  static constexpr int64_t rows_at_once = std::is_floating_point_v<T> ? overlapping_rows : 1;
  static constexpr int64_t cost = runtime::cost::element_accumulated;
  static constexpr State start = 0;
  static void advance(State& state, const T* x, const T*, int64_t, bool) { state += static_cast<State>(*x); }
  static Result result(const State& state) { return static_cast<Result>(state); }
};

template <class T>
struct Product : Sum<T> {
  using State = typename Sum<T>::State;
  static constexpr int64_t rows_at_once = overlapping_rows;
  static constexpr State start = 1;
  static void advance(State& state, const T* x, const T*, int64_t, bool) { state *= static_cast<State>(*x); }
};

template <class T>
struct ElementAt {
  T value;
  int64_t index;
};

template <class T, bool largest>
struct Extremum {
  using Element = T;
  using Result = T;
  using State = ElementAt<T>;
  static constexpr bool has_indices = true;
  static constexpr int64_t rows_at_once = 1;  // the branch is easy to predict
  static constexpr int64_t cost = runtime::cost::element_accumulated;
  static constexpr State start = {};
  static void advance(State& state, const T* x, const T*, int64_t position, bool is_first) {
    const T value = *x;
    const bool replaces = is_first || value != value || (largest ? value >= state.value : value <= state.value);
    state.value = replaces ? value : state.value;
    state.index = replaces ? position : state.index;
  }
  static Result result(const State& state) { return state.value; }
};

struct ScaledSum {
  double largest;
  double sum;  // of exp(x - largest)
};

template <class T>
struct LogSumExp {
  using Element = T;
  using Result = T;
  using State = ScaledSum;
  static constexpr bool has_indices = false;
  static constexpr int64_t rows_at_once = 8;
  static constexpr int64_t cost = 8 * runtime::cost::element_in_passes;
  static constexpr State start = {-std::numeric_limits<double>::infinity(), 0};
  static void advance(State& state, const T* x, const T*, int64_t, bool) {
    const auto value = static_cast<double>(*x);
    if (value == state.largest) {  // also where both are infinite
      state.sum += 1;
    } else if (value > state.largest) {
      state.sum = state.sum * std::exp(state.largest - value) + 1;
      state.largest = value;
    } else {
      state.sum += std::exp(value - state.largest);
    }
  }
  static Result result(const State& state) { return static_cast<T>(state.largest + std::log(state.sum)); }
};

// y[i] = a[i] y[i - 1] + x[i]; the first input is a.
template <class T>
struct Recurrence {
  using Element = T;
  using Result = T;
  using State = double;
  static constexpr bool has_indices = false;
  static constexpr int64_t rows_at_once = overlapping_rows;
  static constexpr int64_t cost = runtime::cost::element_accumulated;
  static constexpr State start = 0;
  static void advance(State& state, const T* a, const T* x, int64_t, bool is_first) {
    const auto added = static_cast<double>(*x);
    state = is_first ? added : static_cast<double>(*a) * state + added;
  }
  static Result result(const State& state) { return static_cast<T>(state); }
};

// `outer` matrices of `length` rows and `inner` columns, whose columns are reduced.
template <class Step>
class CumulativeKernel final : public Kernel {
 public:
  explicit CumulativeKernel(const KernelCall& call) : input_count_(call.inputs.size()) {
    const auto attrs = op::from_attrs<op::CumulativeAttrs>(call.attrs);
    reverse_ = attrs.reverse;
    const Dims& shape = call.inputs[0].shape;
    const auto axis = static_cast<int>(attrs.axis);
    length_ = shape[axis];
    for (int i = 0; i < axis; ++i) outer_ *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner_ *= shape[i];
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const Operands all = {static_cast<const T*>(inputs[0]), static_cast<const T*>(inputs[input_count_ - 1]),
                          static_cast<Result*>(outputs[0]),
                          Step::has_indices ? static_cast<int64_t*>(outputs[Step::has_indices ? 1 : 0]) : nullptr};
    constexpr int64_t elements_per_thread = runtime::worth_a_thread(Step::cost);
    if (inner_ == 1) {
      const int64_t blocks = (outer_ + row_block - 1) / row_block;
      runtime::parallel_for(blocks, elements_per_thread / (length_ * row_block), [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) scan_rows(all, block * row_block);
      });
      return;
    }
    const int64_t chunks = (inner_ + chunk - 1) / chunk;
    const int64_t piece = length_ * std::min(inner_, chunk);
    runtime::parallel_for(outer_ * chunks, elements_per_thread / piece, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % chunks * chunk;
        scan_columns(all.from(i / chunks * length_ * inner_ + first), std::min(chunk, inner_ - first));
      }
    });
  }

 private:
  using T = typename Step::Element;
  using Result = typename Step::Result;
  using State = typename Step::State;
  static constexpr int64_t row_block = Step::rows_at_once;

  struct Operands {
    const T* first;
    const T* last;  // the same if there is only one input
    Result* y;
    int64_t* indices;

    Operands from(int64_t offset) const {
      return {first + offset, last + offset, y + offset, Step::has_indices ? indices + offset : nullptr};
    }
  };

  static void step(State& state, const Operands& at, int64_t offset, int64_t position, bool is_first) {
    Step::advance(state, at.first + offset, at.last + offset, position, is_first);
    at.y[offset] = Step::result(state);
    if constexpr (Step::has_indices) at.indices[offset] = state.index;
  }

  int64_t position_of(int64_t i) const { return reverse_ ? length_ - 1 - i : i; }

  void scan_columns(const Operands& at, int64_t columns) const {
    State states[chunk];
    std::fill_n(states, columns, Step::start);
    for (int64_t i = 0; i < length_; ++i) {
      const int64_t position = position_of(i);
      for (int64_t j = 0; j < columns; ++j) step(states[j], at, position * inner_ + j, position, i == 0);
    }
  }

  void scan_rows(const Operands& all, int64_t first_row) const {
    const Operands at = all.from(first_row * length_);
    if (first_row + row_block <= outer_) {
      scan_together<row_block>(at);
      return;
    }
    for (int64_t row = first_row; row < outer_; ++row) scan_together<1>(all.from(row * length_));
  }

  template <int64_t rows>
  void scan_together(const Operands& at) const {
    State states[rows];
    std::fill_n(states, rows, Step::start);
    int64_t position = position_of(0);
    const int64_t direction = reverse_ ? -1 : 1;
    for (int64_t row = 0; row < rows; ++row) step(states[row], at, row * length_ + position, position, true);
    for (int64_t i = 1; i < length_; ++i) {
      position += direction;
#pragma GCC unroll 8
      for (int64_t row = 0; row < rows; ++row) step(states[row], at, row * length_ + position, position, false);
    }
  }

  size_t input_count_;
  bool reverse_;
  int64_t outer_ = 1;
  int64_t length_;
  int64_t inner_ = 1;
};

template <template <class> class Step>
std::unique_ptr<Kernel> prepare_cumulative(const KernelCall& call) {
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  if (element_count(call.inputs[0].shape) == 0) return nullptr;
  switch (call.inputs[0].dtype) {
    case DType::float32: return std::make_unique<CumulativeKernel<Step<float>>>(call);
    case DType::float64: return std::make_unique<CumulativeKernel<Step<double>>>(call);
    default: return nullptr;
  }
}

// The same for integers too, and for bools where results are widened.
template <template <class> class Step, bool takes_bools>
std::unique_ptr<Kernel> prepare_any(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (is_floating(x.dtype)) return prepare_cumulative<Step>(call);
  if (!is_contiguous(x.shape, x.strides) || element_count(x.shape) == 0) return nullptr;
  switch (x.dtype) {
    case DType::int64: return std::make_unique<CumulativeKernel<Step<int64_t>>>(call);
    case DType::int32: return std::make_unique<CumulativeKernel<Step<int32_t>>>(call);
    case DType::uint8: return std::make_unique<CumulativeKernel<Step<uint8_t>>>(call);
    case DType::boolean:
      if constexpr (takes_bools) return std::make_unique<CumulativeKernel<Step<bool>>>(call);
      return nullptr;
    default: return nullptr;
  }
}

template <class T>
using Largest = Extremum<T, true>;
template <class T>
using Smallest = Extremum<T, false>;

}  // namespace

void register_cumulative(KernelTable& table) {
  table.add(OpId::cumsum, Provider::cpu, adapted<prepare_any<Sum, true>>);
  table.add(OpId::cumprod, Provider::cpu, adapted<prepare_any<Product, true>>);
  table.add(OpId::cummax, Provider::cpu, adapted<prepare_any<Largest, false>>);
  table.add(OpId::cummin, Provider::cpu, adapted<prepare_any<Smallest, false>>);
  table.add(OpId::logcumsumexp, Provider::cpu, adapted<prepare_cumulative<LogSumExp>>);
  table.add(OpId::linear_recurrence, Provider::cpu, adapted<prepare_cumulative<Recurrence>>);
}

}  // namespace pydl::cpu
