// Optimiser updates, one parameter at a time, in double.
#include <cmath>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/update.h"

namespace pydl::backends::ref {

namespace {

// Adds 1 to the step counter and returns it.
int64_t advance_step(const RefCall& call) { return ++*static_cast<int64_t*>(call.input_data[0]); }

double learning_rate(const RefCall& call) { return load<double>(call.input_data[call.inputs.size() - 1], 0); }

// Calls `function(element of group 0, element of group 1, ...)` for each element of each parameter, as an array of
// doubles, and stores all groups except the last, the gradients. Groups are the lists of operands that the op takes,
// with one operand per parameter each.
template <size_t groups, class Function>
void for_each_element(const RefCall& call, int64_t parameters, const Function& function) {
  const auto count = static_cast<size_t>(parameters);
  for (size_t parameter = 0; parameter < count; ++parameter) {
    std::array<Dims, groups> strides;
    std::array<void*, groups> data;
    for (size_t group = 0; group < groups; ++group) {
      const size_t operand = 1 + group * count + parameter;
      strides[group] = call.inputs[operand].strides;
      data[group] = call.input_data[operand];
    }
    const BufferSpec& spec = call.inputs[1 + parameter];
    visit_dtype(spec.dtype, [&](auto zero) {
      using T = decltype(zero);
      for_each_position(spec.shape, strides, [&](const auto& offsets) {
        std::array<double, groups> values;
        for (size_t group = 0; group < groups; ++group) {
          values[group] = static_cast<double>(load<T>(data[group], offsets[group]));
        }
        function(values);
        for (size_t group = 0; group + 1 < groups; ++group) store<T>(data[group], offsets[group], values[group]);
      });
    });
  }
}

void run_sgd_update(const RefCall& call) {
  const int64_t step = advance_step(call);
  const double lr = learning_rate(call);
  const auto attrs = op::from_attrs<op::SgdAttrs>(call.attrs);
  if (attrs.momentum == 0) {
    for_each_element<2>(call, attrs.count, [&](auto& values) {
      auto& [p, g] = values;
      p -= lr * (g + attrs.weight_decay * p);
    });
    return;
  }
  for_each_element<3>(call, attrs.count, [&](auto& values) {
    auto& [p, v, g] = values;
    g += attrs.weight_decay * p;
    v = step == 1 ? g : attrs.momentum * v + (1 - attrs.dampening) * g;
    p -= lr * (attrs.nesterov ? g + attrs.momentum * v : v);
  });
}

// The gradient is summed in the scratchpad, row by row.
void run_sgd_update_rows(const RefCall& call) {
  const BufferSpec& table = call.inputs[0];
  const BufferSpec& index = call.inputs[2];
  const double lr = learning_rate(call);
  const int64_t rows = table.shape[0];
  const int64_t skipped = op::from_attrs<op::SgdRowsAttrs>(call.attrs).skip.value_or(-1);
  auto* sums = static_cast<double*>(call.scratchpad);
  std::fill_n(sums, element_count(table.shape), 0.0);
  Dims sum_strides = contiguous_strides(table.shape);
  const int64_t row_size = rows == 0 ? 0 : element_count(table.shape) / rows;
  // Strides under the gradient's shape: the index has stride 0 along a row, and a row of sums has stride 0 along the
  // axes of the index.
  Dims index_strides = Dims::filled(call.inputs[1].shape.rank(), 0);
  Dims row_strides = index_strides;
  for (int axis = 0; axis < index.shape.rank(); ++axis) index_strides[axis] = index.strides[axis];
  for (int axis = 1; axis < table.shape.rank(); ++axis) row_strides[index.shape.rank() + axis - 1] = sum_strides[axis];
  visit_dtype(table.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      const std::array<Dims, 3> strides = {call.inputs[1].strides, index_strides, row_strides};
      for_each_position(call.inputs[1].shape, strides, [&](const auto& offsets) {
        const int64_t given = load<int64_t>(call.input_data[2], offsets[1]);
        const int64_t row = given < 0 ? given + rows : given;
        if (row < 0 || row >= rows || row == skipped) return;
        sums[row * row_size + offsets[2]] += load<T>(call.input_data[1], offsets[0]);
      });
      for_each_position(table.shape, std::array<Dims, 2>{table.strides, sum_strides}, [&](const auto& offsets) {
        const double value = load<T>(call.input_data[0], offsets[0]);
        store<T>(call.input_data[0], offsets[0], value - lr * sums[offsets[1]]);
      });
    }
  });
}

std::unique_ptr<Kernel> prepare_sgd_update_rows(const KernelCall& call) {
  auto kernel = std::make_unique<RefKernel>(call, run_sgd_update_rows);
  kernel->scratchpad_bytes = static_cast<size_t>(element_count(call.inputs[0].shape)) * sizeof(double);
  return kernel;
}

void run_rmsprop_update(const RefCall& call) {
  advance_step(call);
  const double lr = learning_rate(call);
  const auto attrs = op::from_attrs<op::RmspropAttrs>(call.attrs);
  // Returns the gradient divided by the root of its mean square.
  const auto normalise = [&](double p, double& square_average, double g) {
    g += attrs.weight_decay * p;
    square_average = attrs.alpha * square_average + (1 - attrs.alpha) * g * g;
    return g / (std::sqrt(square_average) + attrs.epsilon);
  };
  if (attrs.momentum == 0) {
    for_each_element<3>(call, attrs.count, [&](auto& values) {
      auto& [p, square_average, g] = values;
      p -= lr * normalise(p, square_average, g);
    });
    return;
  }
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, square_average, v, g] = values;
    v = attrs.momentum * v + normalise(p, square_average, g);
    p -= lr * v;
  });
}

void run_adam_update(const RefCall& call) {
  const auto step = static_cast<double>(advance_step(call));
  const double lr = learning_rate(call);
  const auto attrs = op::from_attrs<op::AdamAttrs>(call.attrs);
  // Moments start at zero; these factors undo the resulting bias.
  const double step_size = lr / (1 - std::pow(attrs.beta1, step));
  const double root_correction = std::sqrt(1 - std::pow(attrs.beta2, step));
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, first, second, g] = values;
    if (attrs.decoupled) {
      p *= 1 - lr * attrs.weight_decay;
    } else {
      g += attrs.weight_decay * p;
    }
    first = attrs.beta1 * first + (1 - attrs.beta1) * g;
    second = attrs.beta2 * second + (1 - attrs.beta2) * g * g;
    p -= step_size * first / (std::sqrt(second) / root_correction + attrs.epsilon);
  });
}

}  // namespace

void register_update(KernelTable& table) {
  table.add(OpId::sgd_update_rows, Provider::ref, prepare_sgd_update_rows);
  table.add(OpId::sgd_update, Provider::ref, prepare<run_sgd_update>);
  table.add(OpId::rmsprop_update, Provider::ref, prepare<run_rmsprop_update>);
  table.add(OpId::adam_update, Provider::ref, prepare<run_adam_update>);
}

}  // namespace pydl::backends::ref
