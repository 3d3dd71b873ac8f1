// Optimiser updates, one parameter at a time, in double.
#include <algorithm>
#include <cmath>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/update.h"
#include "op/update_factors.h"

namespace pydl::backends::ref {

namespace {

// Adds 1 to the step counter and returns it.
int64_t advance_step(const RefCall& call) { return ++*static_cast<int64_t*>(call.input_data[0]); }

double learning_rate(const RefCall& call) { return load<double>(call.input_data[call.inputs.size() - 1], 0); }

double load_number(DType dtype, const void* data, int64_t offset) {
  double value = 0;
  visit_dtype(dtype, [&](auto zero) { value = static_cast<double>(load<decltype(zero)>(data, offset)); });
  return value;
}

void store_number(DType dtype, void* data, int64_t offset, double value) {
  visit_dtype(dtype, [&](auto zero) { store<decltype(zero)>(data, offset, value); });
}

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
    for_each_position(spec.shape, strides, [&](const auto& offsets) {
      std::array<double, groups> values;
      for (size_t group = 0; group < groups; ++group) {
        values[group] = load_number(call.inputs[1 + group * count + parameter].dtype, data[group], offsets[group]);
      }
      function(values);
      for (size_t group = 0; group + 1 < groups; ++group) {
        store_number(call.inputs[1 + group * count + parameter].dtype, data[group], offsets[group], values[group]);
      }
    });
  }
}

// Changes the gradient and the parameter as options that all optimisers share say.
template <class Attrs>
void decay_weights(const Attrs& attrs, double lr, double& p, double& g) {
  if (attrs.maximize) g = -g;
  if constexpr (requires { attrs.weight_decay; }) {
    if (op::is_decoupled(attrs)) {
      p *= 1 - lr * attrs.weight_decay;
    } else {
      g += attrs.weight_decay * p;
    }
  }
}

void run_sgd_update(const RefCall& call) {
  const int64_t step = advance_step(call);
  const double lr = learning_rate(call);
  const auto attrs = op::from_attrs<op::SgdAttrs>(call.attrs);
  if (attrs.momentum == 0) {
    for_each_element<2>(call, attrs.count, [&](auto& values) {
      auto& [p, g] = values;
      decay_weights(attrs, lr, p, g);
      p -= lr * g;
    });
    return;
  }
  for_each_element<3>(call, attrs.count, [&](auto& values) {
    auto& [p, v, g] = values;
    decay_weights(attrs, lr, p, g);
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

// With `mean`, gradients are divided by their standard deviation.
double rmsprop_direction(const op::RmspropAttrs& attrs, double g, double& square_average, double* mean) {
  square_average = attrs.alpha * square_average + (1 - attrs.alpha) * g * g;
  double variance = square_average;
  if (mean != nullptr) {
    *mean = attrs.alpha * *mean + (1 - attrs.alpha) * g;
    variance = std::max(square_average - *mean * *mean, 0.0);
  }
  return g / (std::sqrt(variance) + attrs.epsilon);
}

// The groups are the parameter, the square average, the velocity and the mean where there are such, and the gradient.
template <size_t groups>
void run_rmsprop(const RefCall& call, const op::RmspropAttrs& attrs) {
  const double lr = learning_rate(call);
  const bool moves = attrs.momentum != 0;
  for_each_element<groups>(call, attrs.count, [&](auto& values) {
    double& p = values[0];
    double& g = values[groups - 1];
    decay_weights(attrs, lr, p, g);
    const double direction = rmsprop_direction(attrs, g, values[1], attrs.centered ? &values[groups - 2] : nullptr);
    if (moves) values[2] = attrs.momentum * values[2] + direction;
    p -= lr * (moves ? values[2] : direction);
  });
}

void run_rmsprop_update(const RefCall& call) {
  advance_step(call);
  const auto attrs = op::from_attrs<op::RmspropAttrs>(call.attrs);
  const int states = (attrs.momentum != 0 ? 1 : 0) + (attrs.centered ? 1 : 0);
  if (states == 0) run_rmsprop<3>(call, attrs);
  if (states == 1) run_rmsprop<4>(call, attrs);
  if (states == 2) run_rmsprop<5>(call, attrs);
}

// The running means of gradients and their squares, and how their bias towards zero is undone.
struct Moments {
  template <class Attrs>
  Moments(const Attrs& attrs, double step)
      : beta1(attrs.beta1),
        beta2(attrs.beta2),
        correction1(1 - std::pow(beta1, step)),
        root_correction2(std::sqrt(1 - std::pow(beta2, step))) {}

  void add(double& first, double& second, double g) const {
    first = beta1 * first + (1 - beta1) * g;
    second = beta2 * second + (1 - beta2) * g * g;
  }

  double beta1, beta2, correction1, root_correction2;
};

void run_adam_update(const RefCall& call) {
  const auto attrs = op::from_attrs<op::AdamAttrs>(call.attrs);
  const Moments moments(attrs, static_cast<double>(advance_step(call)));
  const double lr = learning_rate(call);
  const auto make_step = [&](double& p, double first, double second) {
    p -= lr / moments.correction1 * first / (std::sqrt(second) / moments.root_correction2 + attrs.epsilon);
  };
  if (attrs.amsgrad) {
    for_each_element<5>(call, attrs.count, [&](auto& values) {
      auto& [p, first, second, largest, g] = values;
      decay_weights(attrs, lr, p, g);
      moments.add(first, second, g);
      largest = std::max(largest, second);
      make_step(p, first, largest);
    });
    return;
  }
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, first, second, g] = values;
    decay_weights(attrs, lr, p, g);
    moments.add(first, second, g);
    make_step(p, first, second);
  });
}

void run_adagrad_update(const RefCall& call) {
  const int64_t step = advance_step(call);
  const auto attrs = op::from_attrs<op::AdagradAttrs>(call.attrs);
  const double lr = learning_rate(call);
  const double decayed = lr / (1 + static_cast<double>(step - 1) * attrs.lr_decay);
  for_each_element<3>(call, attrs.count, [&](auto& values) {
    auto& [p, sum, g] = values;
    decay_weights(attrs, lr, p, g);
    if (step == 1) sum += attrs.initial_accumulator_value;
    sum += g * g;
    p -= decayed * g / (std::sqrt(sum) + attrs.epsilon);
  });
}

void run_adadelta_update(const RefCall& call) {
  advance_step(call);
  const auto attrs = op::from_attrs<op::AdadeltaAttrs>(call.attrs);
  const double lr = learning_rate(call);
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, squares, deltas, g] = values;
    decay_weights(attrs, lr, p, g);
    squares = attrs.rho * squares + (1 - attrs.rho) * g * g;
    const double delta = std::sqrt(deltas + attrs.epsilon) / std::sqrt(squares + attrs.epsilon) * g;
    deltas = attrs.rho * deltas + (1 - attrs.rho) * delta * delta;
    p -= lr * delta;
  });
}

void run_adamax_update(const RefCall& call) {
  const auto attrs = op::from_attrs<op::AdamaxAttrs>(call.attrs);
  const Moments moments(attrs, static_cast<double>(advance_step(call)));
  const double lr = learning_rate(call);
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, first, norm, g] = values;
    decay_weights(attrs, lr, p, g);
    first = attrs.beta1 * first + (1 - attrs.beta1) * g;
    norm = std::max(std::abs(g) + attrs.epsilon, attrs.beta2 * norm);
    p -= lr / moments.correction1 * first / norm;
  });
}

void run_nadam_update(const RefCall& call) {
  const auto step = static_cast<double>(advance_step(call));
  const auto attrs = op::from_attrs<op::NadamAttrs>(call.attrs);
  const Moments moments(attrs, step);
  const double lr = learning_rate(call);
  const op::NadamFactors factors = op::nadam_factors(attrs, step);
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, first, second, g] = values;
    decay_weights(attrs, lr, p, g);
    moments.add(first, second, g);
    const double divisor = std::sqrt(second) / moments.root_correction2 + attrs.epsilon;
    p -= lr * (factors.gradient * g + factors.moment * first) / divisor;
  });
}

void run_radam_update(const RefCall& call) {
  const auto step = static_cast<double>(advance_step(call));
  const auto attrs = op::from_attrs<op::RadamAttrs>(call.attrs);
  const Moments moments(attrs, step);
  const double lr = learning_rate(call);
  const double rectification = op::radam_rectification(attrs, step);
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, first, second, g] = values;
    decay_weights(attrs, lr, p, g);
    moments.add(first, second, g);
    const double length = lr * first / moments.correction1;
    const double adapted = rectification * moments.root_correction2 / (std::sqrt(second) + attrs.epsilon);
    p -= length * (rectification != 0 ? adapted : 1);
  });
}

double sign_of(double x) { return x > 0 ? 1 : (x < 0 ? -1 : x); }

void run_rprop_update(const RefCall& call) {
  const int64_t step = advance_step(call);
  const auto attrs = op::from_attrs<op::RpropAttrs>(call.attrs);
  const double lr = learning_rate(call);
  for_each_element<4>(call, attrs.count, [&](auto& values) {
    auto& [p, previous, size, g] = values;
    decay_weights(attrs, lr, p, g);
    if (step == 1) size = lr;
    if (g * previous > 0) size *= attrs.eta_plus;
    if (g * previous < 0) size *= attrs.eta_minus;
    size = std::clamp(size, attrs.step_min, attrs.step_max);
    if (g * previous < 0) g = 0;
    previous = g;
    p -= sign_of(g) * size;
  });
}

void run_lion_update(const RefCall& call) {
  advance_step(call);
  const auto attrs = op::from_attrs<op::LionAttrs>(call.attrs);
  const double lr = learning_rate(call);
  for_each_element<3>(call, attrs.count, [&](auto& values) {
    auto& [p, mean, g] = values;
    decay_weights(attrs, lr, p, g);
    p -= lr * sign_of(attrs.beta1 * mean + (1 - attrs.beta1) * g);
    mean = attrs.beta2 * mean + (1 - attrs.beta2) * g;
  });
}

// A call for one of the parameters of a call.
struct OneParameter {
  OneParameter(const RefCall& call, size_t parameter, size_t count) {
    for (size_t i = 1 + parameter; i + 1 < call.inputs.size(); i += count) {
      inputs.push_back(call.inputs[i]);
      data.push_back(call.input_data[i]);
    }
    inputs.insert(inputs.begin(), call.inputs[0]);
    data.insert(data.begin(), call.input_data[0]);
  }
  std::vector<BufferSpec> inputs;
  std::vector<void*> data;
};

void run_lamb_update(const RefCall& call) {
  const auto attrs = op::from_attrs<op::LambAttrs>(call.attrs);
  const Moments moments(attrs, static_cast<double>(advance_step(call)));
  const double lr = learning_rate(call);
  const auto count = static_cast<size_t>(attrs.count);
  const auto direction = [&](double p, double first, double second) {
    const double divisor = std::sqrt(second) / moments.root_correction2 + attrs.epsilon;
    return first / moments.correction1 / divisor + attrs.weight_decay * p;
  };
  for (size_t i = 0; i < count; ++i) {
    const OneParameter own(call, i, count);
    const RefCall part = {call.op, call.attrs, own.inputs, {}, own.data.data(), nullptr, nullptr};
    double of_parameter = 0;
    double of_step = 0;
    for_each_element<4>(part, 1, [&](auto& values) {
      auto& [p, first, second, g] = values;
      moments.add(first, second, attrs.maximize ? -g : g);
      of_parameter += p * p;
      of_step += std::pow(direction(p, first, second), 2);
    });
    const double trust = of_parameter > 0 && of_step > 0 ? std::sqrt(of_parameter / of_step) : 1;
    for_each_element<4>(part, 1, [&](auto& values) {
      auto& [p, first, second, g] = values;
      p -= lr * trust * direction(p, first, second);
    });
  }
}

}  // namespace

void register_update(KernelTable& table) {
  table.add(OpId::sgd_update_rows, Provider::ref, prepare_sgd_update_rows);
#define PYDL_ADD(name, Name) table.add(OpId::name##_update, Provider::ref, prepare<run_##name##_update>);
  PYDL_FUSED_UPDATES(PYDL_ADD)
#undef PYDL_ADD
}

}  // namespace pydl::backends::ref
