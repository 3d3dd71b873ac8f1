// Cumulative reductions along an axis, in the compute type.
#include "op/attrs/cumulative.h"

#include <algorithm>
#include <limits>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"

namespace pydl::backends::ref {

namespace {

// Calls `visit(line offsets, strides of the axis)` for each line of the first input and of the results, which have its
// shape.
template <class Visit>
void for_each_line(const RefCall& call, const Visit& visit) {
  const auto axis = static_cast<int>(op::from_attrs<op::CumulativeAttrs>(call.attrs).axis);
  const BufferSpec& other = call.inputs.back();
  const std::array<const BufferSpec*, 3> specs = {&call.inputs[0], &other, &call.outputs[0]};
  std::array<Dims, 3> strides;
  std::array<int64_t, 3> along;
  for (size_t i = 0; i < specs.size(); ++i) {
    strides[i] = without(specs[i]->strides, axis);
    along[i] = specs[i]->strides[axis];
  }
  for_each_position(without(call.inputs[0].shape, axis), strides, [&](const auto& offsets) { visit(offsets, along); });
}

// The offsets of the elements of a line, from the first to the last of the reduction.
template <class Visit>
void for_each_element(const RefCall& call, const std::array<int64_t, 3>& line, const std::array<int64_t, 3>& along,
                      const Visit& visit) {
  const auto attrs = op::from_attrs<op::CumulativeAttrs>(call.attrs);
  const int64_t length = call.inputs[0].shape[static_cast<int>(attrs.axis)];
  for (int64_t i = 0; i < length; ++i) {
    const int64_t position = attrs.reverse ? length - 1 - i : i;
    visit(position, std::array<int64_t, 3>{line[0] + position * along[0], line[1] + position * along[1],
                                           line[2] + position * along[2]});
  }
}

// Integers wrap around.
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  return a + b;
}
template <class T>
T times(T a, T b) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  return a * b;
}

template <bool product>
void run_accumulation(const RefCall& call) {
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    using Result = std::conditional_t<is_floating(DTypeOf<T>::value), T, int64_t>;
    for_each_line(call, [&](const auto& line, const auto& along) {
      Compute<T> total = product ? 1 : 0;
      for_each_element(call, line, along, [&](int64_t, const auto& at) {
        const Compute<T> x = load<T>(call.input_data[0], at[0]);
        total = product ? times(total, x) : plus(total, x);
        store<Result>(call.output_data[0], at[2], total);
      });
    });
  });
}

// The last of equal elements is the one that is named, and NaN is larger and smaller than all numbers.
template <bool largest>
void run_extremum_so_far(const RefCall& call) {
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_line(call, [&](const auto& line, const auto& along) {
      Compute<T> found = 0;
      int64_t index = -1;
      for_each_element(call, line, along, [&](int64_t position, const auto& at) {
        const Compute<T> x = load<T>(call.input_data[0], at[0]);
        if (index < 0 || x != x || (largest ? x >= found : x <= found)) {
          found = x;
          index = position;
        }
        store<T>(call.output_data[0], at[2], found);
        static_cast<int64_t*>(call.output_data[1])[at[2]] = index;
      });
    });
  });
}

double log_of_sum(double a, double b) {
  const double larger = std::max(a, b);
  if (std::isinf(larger) || a != a || b != b) return a != a ? a : b != b ? b : larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

void run_logcumsumexp(const RefCall& call) {
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_line(call, [&](const auto& line, const auto& along) {
      double total = -std::numeric_limits<double>::infinity();
      for_each_element(call, line, along, [&](int64_t, const auto& at) {
        total = log_of_sum(total, static_cast<double>(load<T>(call.input_data[0], at[0])));
        store<T>(call.output_data[0], at[2], total);
      });
    });
  });
}

void run_recurrence(const RefCall& call) {
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_line(call, [&](const auto& line, const auto& along) {
      Compute<T> y = 0;
      bool is_first = true;
      for_each_element(call, line, along, [&](int64_t, const auto& at) {
        const Compute<T> x = load<T>(call.input_data[1], at[1]);
        y = is_first ? x : load<T>(call.input_data[0], at[0]) * y + x;
        is_first = false;
        store<T>(call.output_data[0], at[2], y);
      });
    });
  });
}

}  // namespace

void register_cumulative(KernelTable& table) {
  table.add(OpId::cumsum, Provider::ref, prepare<run_accumulation<false>>);
  table.add(OpId::cumprod, Provider::ref, prepare<run_accumulation<true>>);
  table.add(OpId::cummax, Provider::ref, prepare<run_extremum_so_far<true>>);
  table.add(OpId::cummin, Provider::ref, prepare<run_extremum_so_far<false>>);
  table.add(OpId::logcumsumexp, Provider::ref, prepare<run_logcumsumexp, is_floating>);
  table.add(OpId::linear_recurrence, Provider::ref, prepare<run_recurrence, is_floating>);
}

}  // namespace pydl::backends::ref
