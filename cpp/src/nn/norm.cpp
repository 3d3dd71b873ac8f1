// Normalisation layers, composed from ops.
#include <cmath>
#include <limits>

#include "core/named.h"
#include "pydl/autograd.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

bool is_half(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }

// The dtype of x combined with parameters: the promoted dtype of all, except that a 16-bit x keeps its dtype if the
// result would be float32.
DType dtype_beside(const Tensor& x, std::initializer_list<const Tensor*> parameters) {
  DType dtype = x.dtype();
  for (const Tensor* parameter : parameters) {
    if (parameter->defined()) dtype = promote(dtype, parameter->dtype());
  }
  return is_half(x.dtype()) && dtype == DType::float32 ? x.dtype() : dtype;
}

DType statistics_dtype(DType dtype) { return is_half(dtype) ? DType::float32 : dtype; }

void require_floating(const char* name, const Tensor& x) {
  if (is_floating(x.dtype())) return;
  throw TypeError(concat_text(name, ": expected a floating-point dtype, got ", x.dtype(), "; use astype"));
}

void require_channels(const char* name, const Tensor& x) {
  require_floating(name, x);
  if (x.rank() < 2) throw ValueError(concat_text(name, ": expected x of shape (N, C, ...), got ", x.shape()));
}

void require_per_channel(const char* name, const char* argument, const Tensor& x, const Tensor& values) {
  if (!values.defined() || values.shape() == Dims{x.size(1)}) return;
  throw ValueError(concat_text(name, ": x of shape ", x.shape(), " has ", x.size(1), " channels: expected ", argument,
                               " of shape (", x.size(1), ",), got ", values.shape()));
}

struct ChannelArguments {
  const Tensor& running_mean;
  const Tensor& running_var;
  const Tensor& weight;
  const Tensor& bias;
};

void check_channel_arguments(const char* name, const Tensor& x, const ChannelArguments& arguments, bool training) {
  require_channels(name, x);
  require_per_channel(name, "running_mean", x, arguments.running_mean);
  require_per_channel(name, "running_var", x, arguments.running_var);
  require_per_channel(name, "weight", x, arguments.weight);
  require_per_channel(name, "bias", x, arguments.bias);
  if (arguments.running_mean.defined() != arguments.running_var.defined()) {
    throw ValueError(concat_text(name, ": expected both running_mean and running_var, or none"));
  }
  if (!training && !arguments.running_mean.defined()) {
    throw ValueError(concat_text(name, ": expected running_mean and running_var outside training"));
  }
}

// running += (fresh - running) * momentum
void advance(const Tensor& running, const Tensor& fresh, const BatchNormOptions& options) {
  const Tensor difference = fresh - running;
  assign(running, running + (options.factor.defined() ? difference * options.factor : difference * options.momentum));
}

// Weight and bias in the dtype of statistics, neutral where they are not given.
struct ChannelParameters {
  Tensor weight;
  Tensor bias;
};
ChannelParameters parameters_for(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const DType dtype = statistics_dtype(x.dtype());
  const Dims channels = {x.size(1)};
  return {weight.defined() ? astype(weight, dtype) : ones(channels, dtype),
          bias.defined() ? astype(bias, dtype) : zeros(channels, dtype)};
}

// Normalises with the running statistics. Where a backward pass may follow, it reads copies, because training may
// overwrite them before.
Tensor normalise_by_running(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                            const ChannelParameters& parameters, double epsilon) {
  const DType dtype = statistics_dtype(x.dtype());
  const bool records =
      grad_enabled() && (x.requires_grad() || parameters.weight.requires_grad() || parameters.bias.requires_grad());
  const auto current = [&](const Tensor& running) {
    return astype(records ? copy(running.detach()) : running.detach(), dtype);
  };
  return pydl::batch_norm(x, current(running_mean), current(running_var), parameters.weight, parameters.bias, epsilon);
}

void require_trailing(const char* name, const Tensor& x, const Dims& normalized_shape, const Tensor& weight,
                      const Tensor& bias) {
  require_floating(name, x);
  const int shift = x.rank() - normalized_shape.rank();
  bool fits = normalized_shape.rank() > 0 && shift >= 0;
  for (int axis = 0; fits && axis < normalized_shape.rank(); ++axis) {
    fits = x.shape()[shift + axis] == normalized_shape[axis];
  }
  if (!fits) {
    throw ValueError(
        concat_text(name, ": expected x whose last axes are ", normalized_shape, ", got shape ", x.shape()));
  }
  for (const auto& [argument, values] : {std::pair("weight", &weight), std::pair("bias", &bias)}) {
    if (!values->defined() || values->shape() == normalized_shape) continue;
    throw ValueError(
        concat_text(name, ": expected a ", argument, " of shape ", normalized_shape, ", got ", values->shape()));
  }
}

// Normalises rows of the last axes, with weights and biases in the dtype of statistics. x has the dtype of the result.
Tensor normalize_rows(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t axes, double epsilon,
                      bool center) {
  const DType dtype = statistics_dtype(x.dtype());
  const Tensor added = bias.defined() ? astype(bias, dtype) : bias;
  if (weight.defined()) return scaled_normalize(x, astype(weight, dtype), added, axes, epsilon, center);
  const Tensor unit = normalize(x, axes, epsilon, center);
  return added.defined() ? astype(unit + added, x.dtype()) : unit;
}

// Groups of channels are rows of x as (N, groups, channels of a group, elements of a channel).
Tensor normalize_groups(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double epsilon) {
  const int64_t channels = x.size(1) / groups;
  int64_t inner = 1;
  for (int axis = 2; axis < x.rank(); ++axis) inner *= x.size(axis);
  const auto by_group = [&](const Tensor& values) {
    return values.defined() ? reshape(values, {groups, channels, 1}) : values;
  };
  const Tensor rows = reshape(x, {x.size(0), groups, channels, inner});
  return reshape(normalize_rows(rows, by_group(weight), by_group(bias), 2, epsilon, true), x.shape());
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight,
                  const Tensor& bias, const BatchNormOptions& options) try {
  check_channel_arguments("batch_norm", x, {running_mean, running_var, weight, bias}, options.training);
  const Tensor elements = astype(x, dtype_beside(x, {&weight, &bias}));
  const ChannelParameters parameters = parameters_for(elements, weight, bias);
  if (!options.training) {
    return normalise_by_running(elements, running_mean, running_var, parameters, options.epsilon);
  }
  const int64_t count = x.size(1) == 0 ? 0 : x.size() / x.size(1);
  if (count < 2 && x.size(1) > 0) {
    throw ValueError(
        concat_text("batch_norm: expected more than 1 value per channel in training, got x of shape ", x.shape()));
  }
  const BatchNormResults results = batch_norm_train(elements, parameters.weight, parameters.bias, options.epsilon);
  if (running_mean.defined()) {
    const GradMode without_history(false);
    const auto n = static_cast<double>(count);
    advance(running_mean, results.mean, options);
    // The factor stays a double until it is used, because a program file derives from it how it depends on the batch
    // size.
    advance(running_var, results.variance * full({}, n / (n - 1), results.variance.dtype()), options);
  }
  return results.y;
} catch (const Error&) {
  core::rethrow_as("batch_norm");
}

Tensor instance_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight,
                     const Tensor& bias, const BatchNormOptions& options) try {
  check_channel_arguments("instance_norm", x, {running_mean, running_var, weight, bias}, options.training);
  if (!options.training) return batch_norm(x, running_mean, running_var, weight, bias, options);
  std::vector<int64_t> axes;
  int64_t count = 1;
  for (int axis = 2; axis < x.rank(); ++axis) {
    axes.push_back(axis);
    count *= x.size(axis);
  }
  if (count < 2) {
    throw ValueError(concat_text("instance_norm: expected more than 1 value per channel and sample in training, got ",
                                 "x of shape ", x.shape()));
  }
  if (running_mean.defined()) {
    const GradMode without_history(false);
    const std::vector<int64_t> samples = {0};
    const Tensor values = astype(x.detach(), statistics_dtype(x.dtype()));
    advance(running_mean, mean(mean(values, axes), samples), options);
    advance(running_var, mean(var(values, axes, 1), samples), options);
  }
  const Tensor elements = astype(x, dtype_beside(x, {&weight, &bias}));
  return normalize_groups(elements, x.size(1), weight, bias, options.epsilon);
} catch (const Error&) {
  core::rethrow_as("instance_norm");
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double epsilon) try {
  require_channels("group_norm", x);
  require_per_channel("group_norm", "weight", x, weight);
  require_per_channel("group_norm", "bias", x, bias);
  if (groups < 1 || x.size(1) % groups != 0) {
    throw ValueError(concat_text("group_norm: expected groups that divide the ", x.size(1), " channels of x of shape ",
                                 x.shape(), ", got ", groups));
  }
  const Tensor elements = astype(x, dtype_beside(x, {&weight, &bias}));
  return normalize_groups(elements, groups, weight, bias, epsilon);
} catch (const Error&) {
  core::rethrow_as("group_norm");
}

Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight, const Tensor& bias,
                  double epsilon) try {
  require_trailing("layer_norm", x, normalized_shape, weight, bias);
  const Tensor elements = astype(x, dtype_beside(x, {&weight, &bias}));
  return normalize_rows(elements, weight, bias, normalized_shape.rank(), epsilon, true);
} catch (const Error&) {
  core::rethrow_as("layer_norm");
}

Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight,
                std::optional<double> epsilon) try {
  require_trailing("rms_norm", x, normalized_shape, weight, {});
  const Tensor elements = astype(x, dtype_beside(x, {&weight}));
  const bool is_double = elements.dtype() == DType::float64;
  const double least = is_double ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
  return normalize_rows(elements, weight, {}, normalized_shape.rank(), epsilon.value_or(least), false);
} catch (const Error&) {
  core::rethrow_as("rms_norm");
}

Tensor local_response_norm(const Tensor& x, int64_t size, double alpha, double beta, double k) try {
  require_channels("local_response_norm", x);
  if (size < 1) throw ValueError(concat_text("local_response_norm: expected a size of at least 1, got ", size));
  const Tensor squares = square(x);
  // Squares, padded with zeros along the channels; each window of `size` channels is summed.
  Dims padded_shape = x.shape();
  padded_shape[1] += size - 1;
  Dims starts = Dims::filled(x.rank(), 0);
  starts[1] = size / 2;
  const Dims steps = Dims::filled(x.rank(), 1);
  const Tensor padded = slice_backward(squares, padded_shape, starts, steps);
  Tensor total;
  for (int64_t i = 0; i < size; ++i) {
    starts[1] = i;
    const Tensor part = slice(padded, starts, x.shape(), steps);
    total = i == 0 ? part : total + part;
  }
  const Tensor base = total * (alpha / static_cast<double>(size)) + k;
  if (beta == 0.75) {  // the usual value
    const Tensor r = rsqrt(base);
    return x * r * sqrt(r);
  }
  return x * pow(base, scalar_like(-beta, base));
} catch (const Error&) {
  core::rethrow_as("local_response_norm");
}

Tensor channel_dropout(const Tensor& x, int axes, double p, bool training, Generator& generator) try {
  const int channel_axis = x.rank() - axes - 1;
  if (channel_axis != 0 && channel_axis != 1) {
    throw ValueError(concat_text("dropout", axes, "d: expected x of ", axes + 2, " axes, or ", axes + 1,
                                 " without a batch, got shape ", x.shape()));
  }
  if (!training) return dropout(x, p, false, generator);
  require_floating("dropout", x);
  Dims shape = x.shape();
  for (int axis = channel_axis + 1; axis < x.rank(); ++axis) shape[axis] = 1;
  return x * dropout(ones(shape, x.dtype()), p, true, generator);
} catch (const Error&) {
  core::rethrow_as("channel_dropout");
}

}  // namespace pydl::nn
