// Normalisation by channel and by row, in double.
#include <cmath>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/norm.h"
#include "op/post_operations.h"

namespace pydl::backends::ref {

namespace {

// The channel of each element, in row-major order.
std::vector<size_t> channels_of(const BufferSpec& x) {
  std::vector<size_t> channels;
  Dims strides = Dims::filled(x.shape.rank(), 0);
  strides[1] = 1;
  for_each_position(x.shape, std::array<Dims, 1>{strides},
                    [&](const auto& offsets) { channels.push_back(static_cast<size_t>(offsets[0])); });
  return channels;
}

std::vector<double> input_values(const RefCall& call, size_t index) {
  return values_of(call.inputs[index], call.input_data[index]);
}

double count_per_channel(const BufferSpec& x) {
  return static_cast<double>(element_count(x.shape)) / static_cast<double>(x.shape[1]);
}

void run_channel_statistics(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const std::vector<double> values = input_values(call, 0);
  const std::vector<size_t> channels = channels_of(x);
  const auto count = static_cast<size_t>(x.shape[1]);
  const double n = count_per_channel(x);
  std::vector<double> means(count, 0.0);
  std::vector<double> variances(count, 0.0);
  for (size_t i = 0; i < values.size(); ++i) means[channels[i]] += values[i];
  for (double& mean : means) mean /= n;
  for (size_t i = 0; i < values.size(); ++i) {
    const double distance = values[i] - means[channels[i]];
    variances[channels[i]] += distance * distance;
  }
  for (double& variance : variances) variance /= n;
  store_values(call.outputs[0], call.output_data[0], means);
  store_values(call.outputs[1], call.output_data[1], variances);
}

// The normalised x, and the scale of each channel.
struct Normalised {
  std::vector<double> values;
  std::vector<double> scales;
};

// Mean and variance are the inputs after x.
Normalised normalised(const RefCall& call, size_t x_input, const std::vector<size_t>& channels) {
  Normalised result = {input_values(call, x_input), {}};
  const std::vector<double> means = input_values(call, x_input + 1);
  const double epsilon = op::from_attrs<op::BatchNormAttrs>(call.attrs).epsilon;
  for (const double variance : input_values(call, x_input + 2)) {
    result.scales.push_back(1 / std::sqrt(variance + epsilon));
  }
  for (size_t i = 0; i < result.values.size(); ++i) {
    result.values[i] = (result.values[i] - means[channels[i]]) * result.scales[channels[i]];
  }
  return result;
}

void run_batch_norm(const RefCall& call) {
  const std::vector<size_t> channels = channels_of(call.inputs[0]);
  Normalised x = normalised(call, 0, channels);
  const std::vector<double> weight = input_values(call, 3);
  const std::vector<double> bias = input_values(call, 4);
  for (size_t i = 0; i < x.values.size(); ++i) {
    x.values[i] = x.values[i] * weight[channels[i]] + bias[channels[i]];
    const std::string_view activation = op::post_operations(call.attrs);
    if (!activation.empty() && x.values[i] < 0) x.values[i] = 0;
    if (activation == "relu6" && x.values[i] > 6) x.values[i] = 6;
  }
  store_values(call.outputs[0], call.output_data[0], x.values);
}

// Statistics first, then the normalisation with them as they were stored.
void run_batch_norm_train(const RefCall& call) {
  run_channel_statistics({call.op, call.attrs, call.inputs.first(1), call.outputs.subspan(1), call.input_data,
                          call.output_data + 1, call.scratchpad});
  const BufferSpec inputs[] = {call.inputs[0], call.outputs[1], call.outputs[2], call.inputs[1], call.inputs[2]};
  void* const data[] = {call.input_data[0], call.output_data[1], call.output_data[2], call.input_data[1],
                        call.input_data[2]};
  run_batch_norm({call.op, call.attrs, inputs, call.outputs.first(1), data, call.output_data, call.scratchpad});
}

// The gradient where the activation after the normalisation is open, and 0 elsewhere. The weight is input 4.
std::vector<double> gated_gradient(const RefCall& call, const Normalised& x, const std::vector<size_t>& channels,
                                   size_t bias_input) {
  std::vector<double> g = input_values(call, 0);
  if (op::gate_of(call.attrs).empty()) return g;
  const bool bounded = op::gate_of(call.attrs) == "relu6";
  const std::vector<double> weight = input_values(call, 4);
  const std::vector<double> bias = input_values(call, bias_input);
  for (size_t i = 0; i < g.size(); ++i) {
    const double value = x.values[i] * weight[channels[i]] + bias[channels[i]];
    if (value <= 0 || (bounded && value >= 6)) g[i] = 0;
  }
  return g;
}

void run_channel_sums(const RefCall& call) {
  const std::vector<size_t> channels = channels_of(call.inputs[1]);
  const Normalised x = normalised(call, 1, channels);
  const std::vector<double> g = gated_gradient(call, x, channels, 5);
  std::vector<double> plain(x.scales.size(), 0.0);
  std::vector<double> along(x.scales.size(), 0.0);
  for (size_t i = 0; i < g.size(); ++i) {
    plain[channels[i]] += g[i];
    along[channels[i]] += g[i] * x.values[i];
  }
  store_values(call.outputs[0], call.output_data[0], plain);
  store_values(call.outputs[1], call.output_data[1], along);
}

void run_batch_norm_backward(const RefCall& call) {
  const std::vector<size_t> channels = channels_of(call.inputs[1]);
  const Normalised x = normalised(call, 1, channels);
  const std::vector<double> weight = input_values(call, 4);
  const double n = count_per_channel(call.inputs[1]);
  const std::vector<double> none(x.scales.size(), 0.0);
  const bool has_sums = call.inputs.size() > 5;
  const std::vector<double> plain = has_sums ? input_values(call, 5) : none;
  const std::vector<double> along = has_sums ? input_values(call, 6) : none;
  std::vector<double> result = gated_gradient(call, x, channels, 7);
  for (size_t i = 0; i < result.size(); ++i) {
    const size_t k = channels[i];
    result[i] = weight[k] * x.scales[k] * (result[i] - plain[k] / n - x.values[i] * along[k] / n);
  }
  store_values(call.outputs[0], call.output_data[0], result);
}

// --- rows ------------------------------------------------------------------------------------------

size_t row_length(const op::NormalizeAttrs& declared, const BufferSpec& x) {
  int64_t length = 1;
  for (int axis = x.shape.rank() - static_cast<int>(declared.axes); axis < x.shape.rank(); ++axis) {
    length *= x.shape[axis];
  }
  return static_cast<size_t>(length);
}

// Normalises a row in place and returns its scale.
double normalize_row(const op::NormalizeAttrs& declared, double* x, size_t length) {
  const auto n = static_cast<double>(length);
  double mean = 0;
  double square = 0;
  if (declared.center) {
    for (size_t i = 0; i < length; ++i) mean += x[i] / n;
  }
  for (size_t i = 0; i < length; ++i) square += (x[i] - mean) * (x[i] - mean) / n;
  const double scale = 1 / std::sqrt(square + declared.epsilon);
  for (size_t i = 0; i < length; ++i) x[i] = (x[i] - mean) * scale;
  return scale;
}

void run_normalize(const RefCall& call) {
  const auto declared = op::from_attrs<op::NormalizeAttrs>(call.attrs);
  std::vector<double> x = input_values(call, 0);
  const size_t length = row_length(declared, call.inputs[0]);
  for (size_t i = 0; i < x.size(); i += length) normalize_row(declared, x.data() + i, length);
  store_values(call.outputs[0], call.output_data[0], x);
}

void run_normalize_backward(const RefCall& call) {
  const auto declared = op::from_attrs<op::NormalizeAttrs>(call.attrs);
  std::vector<double> g = input_values(call, 0);
  std::vector<double> x = input_values(call, 1);
  const size_t length = row_length(declared, call.inputs[1]);
  const auto n = static_cast<double>(length);
  for (size_t start = 0; start < x.size(); start += length) {
    const double scale = normalize_row(declared, x.data() + start, length);
    double mean = 0;
    double along = 0;
    for (size_t i = start; i < start + length; ++i) {
      if (declared.center) mean += g[i] / n;
      along += g[i] * x[i] / n;
    }
    for (size_t i = start; i < start + length; ++i) g[i] = scale * (g[i] - mean - x[i] * along);
  }
  store_values(call.outputs[0], call.output_data[0], g);
}

}  // namespace

void register_norm(KernelTable& table) {
  table.add(OpId::channel_statistics, Provider::ref, prepare<run_channel_statistics, is_floating>);
  table.add(OpId::batch_norm, Provider::ref, prepare<run_batch_norm, is_floating>);
  table.add(OpId::batch_norm_train, Provider::ref, prepare<run_batch_norm_train, is_floating>);
  for (const OpId op : {OpId::batch_norm, OpId::batch_norm_train}) {
    table.allow_post(op, "relu");
    table.allow_post(op, "relu6");
  }
  table.add(OpId::channel_sums, Provider::ref, prepare<run_channel_sums, is_floating>);
  table.add(OpId::batch_norm_backward, Provider::ref, prepare<run_batch_norm_backward, is_floating>);
  table.add(OpId::normalize, Provider::ref, prepare<run_normalize, is_floating>);
  table.add(OpId::normalize_backward, Provider::ref, prepare<run_normalize_backward, is_floating>);
}

}  // namespace pydl::backends::ref
