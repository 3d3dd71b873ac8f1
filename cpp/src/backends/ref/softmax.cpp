// Softmax and related functions along one axis, in double.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/softmax.h"

namespace pydl::backends::ref {

namespace {

// One row of an operand along the axis; element i is `row[i]`.
template <class T>
struct Row {
  void* data;
  int64_t offset;
  int64_t stride;

  double operator[](int64_t i) const { return load<T>(data, offset + i * stride); }
  void set(int64_t i, double value) const { store<T>(data, offset + i * stride, value); }
};

// Calls `function(length, first input, second input, output)` for each row; if there is only one input, both are that
// one.
template <class Function>
void for_each_row(const RefCall& call, const Function& function) {
  const int axis = static_cast<int>(op::from_attrs<op::SoftmaxAttrs>(call.attrs).axis);
  const size_t second = call.inputs.size() - 1;
  const std::array<Dims, 3> strides = {call.inputs[0].strides, call.inputs[second].strides, call.outputs[0].strides};
  Dims rows = call.outputs[0].shape;
  const int64_t length = std::exchange(rows[axis], 1);
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      for_each_position(rows, strides, [&](const auto& offsets) {
        function(length, Row<T>{call.input_data[0], offsets[0], strides[0][axis]},
                 Row<T>{call.input_data[second], offsets[1], strides[1][axis]},
                 Row<T>{call.output_data[0], offsets[2], strides[2][axis]});
      });
    }
  });
}

struct Normaliser {
  double shift;  // the largest element, so that no exponential overflows
  double sum;
};

template <class T>
Normaliser normaliser_of(int64_t length, const Row<T>& x) {
  Normaliser result = {-std::numeric_limits<double>::infinity(), 0};
  for (int64_t i = 0; i < length; ++i) result.shift = std::max(result.shift, x[i]);
  for (int64_t i = 0; i < length; ++i) result.sum += std::exp(x[i] - result.shift);
  return result;
}

void run_softmax(const RefCall& call) {
  for_each_row(call, [](int64_t length, auto x, auto, auto y) {
    const Normaliser n = normaliser_of(length, x);
    for (int64_t i = 0; i < length; ++i) y.set(i, std::exp(x[i] - n.shift) / n.sum);
  });
}

void run_log_softmax(const RefCall& call) {
  for_each_row(call, [](int64_t length, auto x, auto, auto y) {
    const Normaliser n = normaliser_of(length, x);
    for (int64_t i = 0; i < length; ++i) y.set(i, x[i] - n.shift - std::log(n.sum));
  });
}

void run_softmax_backward(const RefCall& call) {
  for_each_row(call, [](int64_t length, auto g, auto y, auto result) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += g[i] * y[i];
    for (int64_t i = 0; i < length; ++i) result.set(i, y[i] * (g[i] - sum));
  });
}

void run_log_softmax_backward(const RefCall& call) {
  for_each_row(call, [](int64_t length, auto g, auto y, auto result) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += g[i];
    for (int64_t i = 0; i < length; ++i) result.set(i, g[i] - std::exp(y[i]) * sum);
  });
}

}  // namespace

void register_softmax(KernelTable& table) {
  table.add(OpId::softmax, Provider::ref, prepare<run_softmax, is_floating>);
  table.add(OpId::log_softmax, Provider::ref, prepare<run_log_softmax, is_floating>);
  table.add(OpId::softmax_backward, Provider::ref, prepare<run_softmax_backward, is_floating>);
  table.add(OpId::log_softmax_backward, Provider::ref, prepare<run_log_softmax_backward, is_floating>);
}

}  // namespace pydl::backends::ref
