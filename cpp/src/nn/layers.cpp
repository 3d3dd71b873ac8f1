// Linear, convolutional, normalisation and embedding layers, whose tensors are stored in a ParamSet.
#include "pydl/layers.h"

#include "nn/layer_names.h"
#include "pydl/autograd.h"

namespace pydl::nn {

namespace {

void require_sizes(const std::string& label, const char* what, std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) {
    if (size < 1) throw ValueError(concat_text(label, ": expected ", what, " of at least 1, got ", Dims(sizes)));
  }
}

// Initial values of a convolution weight; its shape is the channels followed by the kernel.
Tensor first_values(const Initializer& weight, const std::string& label, const Dims& shape, DType dtype,
                    Generator& generator) {
  if (!weight) throw ValueError(label + ": expected an initialiser of the weight, got an empty function");
  return weight(shape, dtype, generator);
}

void init_convolution(ParamSet& params, const std::string& prefix, const char* kind, int64_t in_channels,
                      int64_t out_channels, const Dims& kernel, bool transposed, const ConvInit& init,
                      Generator& generator) {
  const std::string label = label_of(prefix, kind);
  require_sizes(label, "numbers of input channels, output channels and groups",
                {in_channels, out_channels, init.groups});
  if (in_channels % init.groups != 0 || out_channels % init.groups != 0) {
    throw ValueError(concat_text(label, ": ", in_channels, " input and ", out_channels,
                                 " output channels cannot be divided into ", init.groups, " groups"));
  }
  if (kernel.rank() < 1 || kernel.rank() > 3 || *std::min_element(kernel.begin(), kernel.end()) < 1) {
    throw ValueError(concat_text(label, ": expected a kernel of 1 to 3 sizes of at least 1, got ", kernel));
  }
  Dims shape =
      transposed ? Dims{in_channels, out_channels / init.groups} : Dims{out_channels, in_channels / init.groups};
  for (const int64_t size : kernel) shape.push_back(size);
  add_parameter(params, name_in(prefix, "weight"), first_values(init.weight, label, shape, init.dtype, generator));
  if (!init.bias) return;
  add_parameter(params, name_in(prefix, "bias"),
                default_bias({out_channels}, fans("conv", shape).in, init.dtype, generator));
}

}  // namespace

// --- linear ------------------------------------------------------------------------------------------

void init_linear(ParamSet& params, const std::string& prefix, int64_t in_features, int64_t out_features,
                 const LinearInit& init, Generator& generator) {
  require_sizes(label_of(prefix, "linear"), "in_features and out_features", {in_features, out_features});
  add_parameter(
      params, name_in(prefix, "weight"),
      first_values(init.weight, label_of(prefix, "linear"), {out_features, in_features}, init.dtype, generator));
  if (!init.bias) return;
  add_parameter(params, name_in(prefix, "bias"), default_bias({out_features}, in_features, init.dtype, generator));
}

Tensor linear(const ParamSet& params, const std::string& prefix, const Tensor& x) {
  const Tensor& weight = parameter(params, name_in(prefix, "weight"));
  return in_layer(label_of(prefix, "linear"),
                  [&] { return pydl::linear(x, weight, find_or_none(params, name_in(prefix, "bias"))); });
}

// --- convolutions ------------------------------------------------------------------------------------

void init_conv(ParamSet& params, const std::string& prefix, int64_t in_channels, int64_t out_channels,
               const Dims& kernel, const ConvInit& init, Generator& generator) {
  init_convolution(params, prefix, "conv", in_channels, out_channels, kernel, false, init, generator);
}

Tensor conv(const ParamSet& params, const std::string& prefix, const Tensor& x, const ConvOptions& options) {
  const Tensor& weight = parameter(params, name_in(prefix, "weight"));
  return in_layer(label_of(prefix, "conv"),
                  [&] { return pydl::conv(x, weight, find_or_none(params, name_in(prefix, "bias")), options); });
}

void init_conv_transpose(ParamSet& params, const std::string& prefix, int64_t in_channels, int64_t out_channels,
                         const Dims& kernel, const ConvInit& init, Generator& generator) {
  init_convolution(params, prefix, "conv_transpose", in_channels, out_channels, kernel, true, init, generator);
}

Tensor conv_transpose(const ParamSet& params, const std::string& prefix, const Tensor& x, const ConvOptions& options,
                      const Dims& output_padding) {
  const Tensor& weight = parameter(params, name_in(prefix, "weight"));
  return in_layer(label_of(prefix, "conv_transpose"), [&] {
    return conv_transpose(x, weight, find_or_none(params, name_in(prefix, "bias")), options, output_padding);
  });
}

// --- normalisation -----------------------------------------------------------------------------------

void init_batch_norm(ParamSet& params, const std::string& prefix, int64_t channels, DType dtype) {
  require_sizes(label_of(prefix, "batch_norm"), "a number of channels", {channels});
  // 16 bits have too few digits for running moments, which would hardly change.
  const DType wide = dtype == DType::float64 ? dtype : DType::float32;
  add_parameter(params, name_in(prefix, "weight"), ones({channels}, dtype));
  add_parameter(params, name_in(prefix, "bias"), zeros({channels}, dtype));
  add_buffer(params, name_in(prefix, "running_mean"), zeros({channels}, wide));
  add_buffer(params, name_in(prefix, "running_var"), ones({channels}, wide));
  add_buffer(params, name_in(prefix, "num_batches_tracked"), zeros({}, DType::int64));
}

Tensor batch_norm(const ParamSet& params, const std::string& prefix, const Tensor& x, const BatchNormOptions& options) {
  const Tensor& mean = parameter(params, name_in(prefix, "running_mean"));
  const Tensor& variance = parameter(params, name_in(prefix, "running_var"));
  const Tensor& count = parameter(params, name_in(prefix, "num_batches_tracked"));
  const Tensor y = in_layer(label_of(prefix, "batch_norm"), [&] {
    return batch_norm(x, mean, variance, find_or_none(params, name_in(prefix, "weight")),
                      find_or_none(params, name_in(prefix, "bias")), options);
  });
  if (options.training) assign(count, count + 1);
  return y;
}

void init_layer_norm(ParamSet& params, const std::string& prefix, const Dims& normalized_shape, bool bias,
                     DType dtype) {
  if (normalized_shape.empty() || *std::min_element(normalized_shape.begin(), normalized_shape.end()) < 1) {
    throw ValueError(
        concat_text(label_of(prefix, "layer_norm"), ": expected sizes of at least 1, got ", normalized_shape));
  }
  add_parameter(params, name_in(prefix, "weight"), ones(normalized_shape, dtype));
  if (bias) add_parameter(params, name_in(prefix, "bias"), zeros(normalized_shape, dtype));
}

Tensor layer_norm(const ParamSet& params, const std::string& prefix, const Tensor& x, double epsilon) {
  const Tensor& weight = parameter(params, name_in(prefix, "weight"));
  return in_layer(label_of(prefix, "layer_norm"), [&] {
    return layer_norm(x, weight.shape(), weight, find_or_none(params, name_in(prefix, "bias")), epsilon);
  });
}

// --- embeddings --------------------------------------------------------------------------------------

void init_embedding(ParamSet& params, const std::string& prefix, int64_t rows, int64_t size,
                    std::optional<int64_t> padding_index, DType dtype, Generator& generator) {
  const std::string label = label_of(prefix, "embedding");
  require_sizes(label, "numbers of rows and columns", {rows, size});
  if (padding_index && (*padding_index < -rows || *padding_index >= rows)) {
    throw ValueError(concat_text(label, ": expected a padding_index within ", rows, " rows, got ", *padding_index));
  }
  const Tensor values = normal({rows, size}, 0, 1, dtype, generator);
  if (padding_index) {
    const int64_t row = *padding_index < 0 ? *padding_index + rows : *padding_index;
    assign(slice(values, {row, 0}, {1, size}, {1, 1}), zeros({1, size}, dtype));
  }
  add_parameter(params, name_in(prefix, "weight"), values);
}

Tensor embedding(const ParamSet& params, const std::string& prefix, const Tensor& indices,
                 std::optional<int64_t> padding_index) {
  const Tensor& weight = parameter(params, name_in(prefix, "weight"));
  return in_layer(label_of(prefix, "embedding"), [&] { return embedding(indices, weight, padding_index); });
}

}  // namespace pydl::nn
