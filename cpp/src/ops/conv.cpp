// Convolutions: the op and its two gradients, which are each other's derivatives.
#include <limits>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/conv.h"
#include "op/conv_geometry.h"
#include "op/saturating.h"
#include "ops/families.h"
#include "ops/spatial.h"
#include "pydl/autocast.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::ConvGeometry;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

// The name in error messages: conv2d, conv2d_backward_input, ...
std::string name_of(OpId id, int spatial) {
  const std::string name = op::op_name(id);
  return concat_text("conv", spatial, "d", name.substr(4));
}

// "(N=8, C=1, H=28, W=28)"
std::string named_shape(const Dims& shape) {
  static constexpr const char* axes[] = {"D", "H", "W"};
  const int spatial = shape.rank() - 2;
  std::string text = concat_text("(N=", shape[0], ", C=", shape[1]);
  for (int i = 0; i < spatial; ++i) {
    text += concat_text(", ", spatial == 1 ? "L" : axes[max_spatial - spatial + i], "=", shape[2 + i]);
  }
  return text + ")";
}

void require_rank(OpId id, const char* what, const BufferSpec& spec) {
  require_floating(op::op_name(id), spec);
  if (spec.shape.rank() >= 3 && spec.shape.rank() <= 2 + max_spatial) return;
  throw ValueError(concat_text(op::op_name(id), ": expected ", what,
                               " with a batch axis, channels and 1 to 3 spatial axes, got shape ", spec.shape));
}

// Requires that all attributes have one entry per spatial axis, within their ranges, and that the number of groups
// divides the channels.
template <class Options>
void require_options(OpId id, const Options& options, int spatial) {
  const std::string name = name_of(id, spatial);
  require_per_axis(name, options.stride, "stride", spatial, 1);
  require_per_axis(name, options.padding_low, "padding_low", spatial, 0);
  require_per_axis(name, options.padding_high, "padding_high", spatial, 0);
  require_per_axis(name, options.dilation, "dilation", spatial, 1);
  if (options.groups < 1) {
    throw ValueError(concat_text(name, ": expected at least 1 group, got ", options.groups));
  }
}

// The number of input channels, saturated at the largest int64.
int64_t channels_in(const Dims& weight, int64_t groups) {
  int64_t channels = 0;
  return __builtin_mul_overflow(weight[1], groups, &channels) ? std::numeric_limits<int64_t>::max() : channels;
}

// The spatial sizes of the output.
template <class Options>
Dims output_sizes(OpId id, const Options& options, const Dims& input, const Dims& kernel) {
  Dims sizes;
  for (int i = 0; i < input.rank(); ++i) {
    int64_t padded = 0;
    if (__builtin_add_overflow(input[i], options.padding_low[i] + options.padding_high[i], &padded)) {
      throw ValueError(concat_text(name_of(id, input.rank()), ": the input of spatial sizes ", input,
                                   " with its padding has too many elements along spatial axis ", i));
    }
    int64_t span = 0;
    const bool overflows = __builtin_mul_overflow(options.dilation[i], kernel[i] - 1, &span);
    if (kernel[i] < 1 || overflows || ++span > padded) {
      throw ValueError(concat_text(name_of(id, input.rank()), ": a kernel of ", kernel, " with dilation ",
                                   options.dilation, " does not fit into a padded input of ", padded,
                                   " along spatial axis ", i));
    }
    sizes.push_back((padded - span) / options.stride[i] + 1);
  }
  return sizes;
}

// Checks the shapes of the three operands of a convolution, two of which are given, against each other.
template <class Options>
void require_fit(OpId id, const Options& options, const Dims& x, const Dims& weight, const Dims& y) {
  const std::string name = name_of(id, x.rank() - 2);
  const int64_t groups = options.groups;
  if (channels_in(weight, groups) != x[1]) {
    throw ValueError(concat_text(name, ": weight ", weight, groups > 1 ? concat_text(" in ", groups, " groups") : "",
                                 " expects ", channels_in(weight, groups), " input channels, got input ",
                                 named_shape(x)));
  }
  if (weight[0] % groups != 0) {
    throw ValueError(concat_text(name, ": ", weight[0], " output channels cannot be divided into ", groups, " groups"));
  }
  const Dims sizes = output_sizes(id, options, spatial_part(x), spatial_part(weight));
  if (y[0] == x[0] && y[1] == weight[0] && spatial_part(y) == sizes) return;
  throw ValueError(concat_text(name, ": an input ", named_shape(x), " and a weight ", weight,
                               " do not give an output of shape ", y));
}

BufferSpec channels_last(DType dtype, const Dims& shape) { return {dtype, shape, channels_last_strides(shape)}; }

void infer_conv(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const Dims& x = inputs[0].shape;
  const Dims& weight = inputs[1].shape;
  require_rank(OpId::conv, "an input", inputs[0]);
  for (const BufferSpec& input : inputs) require_same_dtype("conv", inputs[0], input);
  const std::string name = name_of(OpId::conv, x.rank() - 2);
  if (weight.rank() != x.rank()) {
    throw ValueError(concat_text(name, ": expected a weight of rank ", x.rank(), " for the input ", named_shape(x),
                                 ", got shape ", weight));
  }
  const auto options = op::from_attrs<op::ConvAttrs>(attrs);
  require_options(OpId::conv, options, x.rank() - 2);
  // Channels are checked first: if their number is wrong, messages about sizes are meaningless.
  Dims y = with_spatial(x[0], weight[0], spatial_part(x));
  if (channels_in(weight, options.groups) == x[1]) {
    y = with_spatial(x[0], weight[0], output_sizes(OpId::conv, options, spatial_part(x), spatial_part(weight)));
  }
  require_fit(OpId::conv, options, x, weight, y);
  if (inputs.size() > 2 && inputs[2].shape != Dims{weight[0]}) {
    throw ValueError(concat_text(name, ": expected a bias of shape (", weight[0], ",), got ", inputs[2].shape));
  }
  *output = channels_last(inputs[0].dtype, y);
}

void infer_backward_input(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  constexpr OpId id = OpId::conv_backward_input;
  const Dims& g = inputs[0].shape;
  const Dims& weight = inputs[1].shape;
  require_rank(id, "a gradient", inputs[0]);
  require_same_dtype("conv_backward_input", inputs[0], inputs[1]);
  const int spatial = g.rank() - 2;
  const auto options = op::from_attrs<op::ConvBackwardInputAttrs>(attrs);
  require_options(id, options, spatial);
  if (weight.rank() != g.rank() || options.size.rank() != spatial) {
    throw ValueError(concat_text(name_of(id, spatial), ": expected a weight of rank ", g.rank(), " and ", spatial,
                                 " spatial sizes, got shape ", weight, " and ", options.size));
  }
  for (const int64_t size : options.size) {
    if (size < 0) throw ValueError(concat_text(name_of(id, spatial), ": sizes ", options.size, " are negative"));
  }
  const Dims x = with_spatial(g[0], channels_in(weight, options.groups), options.size);
  require_fit(id, options, x, weight, g);
  *output = channels_last(inputs[0].dtype, x);
}

void infer_backward_weight(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  constexpr OpId id = OpId::conv_backward_weight;
  const Dims& g = inputs[0].shape;
  const Dims& x = inputs[1].shape;
  require_rank(id, "a gradient", inputs[0]);
  require_same_dtype("conv_backward_weight", inputs[0], inputs[1]);
  const int spatial = g.rank() - 2;
  const auto options = op::from_attrs<op::ConvBackwardWeightAttrs>(attrs);
  require_options(id, options, spatial);
  if (x.rank() != g.rank() || options.kernel.rank() != spatial || x[1] % options.groups != 0) {
    throw ValueError(concat_text(name_of(id, spatial), ": gradient ", g, ", input ", x, " and kernel ", options.kernel,
                                 " do not fit together"));
  }
  const Dims weight = with_spatial(g[1], x[1] / options.groups, options.kernel);
  require_fit(id, options, x, weight, g);
  *output = row_major(inputs[0].dtype, weight);
}

ConvOptions options_of(const Attrs& attrs) {
  const auto given = op::from_attrs<op::ConvAttrs>(attrs);
  return {given.stride, given.padding_low, given.padding_high, given.dilation, given.groups};
}

Gradients conv_gradients(const BackwardContext& c) {
  Gradients gradients(static_cast<size_t>(c.input_count()));
  const Tensor& g = c.gradient;
  const ConvOptions options = options_of(c.attrs());
  if (c.needs(0)) gradients[0] = conv_backward_input(g, c.input(1), spatial_part(c.input_shape(0)), options);
  if (c.needs(1)) gradients[1] = conv_backward_weight(g, c.input(0), spatial_part(c.input_shape(1)), options);
  if (c.input_count() < 3 || !c.needs(2)) return gradients;
  std::vector<int64_t> all_but_channels = {0};
  for (int axis = 2; axis < g.rank(); ++axis) all_but_channels.push_back(axis);
  gradients[2] = sum(g, all_but_channels);
  return gradients;
}

Gradients backward_input_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  const Tensor& h = c.gradient;
  const ConvOptions options = options_of(c.attrs());
  if (c.needs(0)) gradients[0] = conv(h, c.input(1), {}, options);
  if (c.needs(1)) gradients[1] = conv_backward_weight(c.input(0), h, spatial_part(c.input_shape(1)), options);
  return gradients;
}

Gradients backward_weight_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  const Tensor& h = c.gradient;
  const ConvOptions options = options_of(c.attrs());
  if (c.needs(0)) gradients[0] = conv(c.input(1), h, {}, options);
  if (c.needs(1)) gradients[1] = conv_backward_input(c.input(0), h, spatial_part(c.input_shape(1)), options);
  return gradients;
}

template <OpId id>
int64_t conv_flops(const Attrs& attrs, std::span<const BufferSpec> inputs, const BufferSpec& output) {
  const op::ConvGeometry g = op::conv_geometry({id, attrs, inputs, {&output, 1}});
  return op::saturating_product(
      {2, g.batch, g.groups, g.out_channels, g.output_size(), g.in_channels, g.kernel_size()});
}

}  // namespace

void define_conv(Registry& registry) {
  constexpr uint32_t first_two_inputs = 3U;
  // Convolutions with 1 to 3 spatial axes, whose results are channels-last; op/conv_geometry.h reads the attributes.
  // (x (N, C, S...), weight (O, C / groups, K...), bias (O)?) -> (y (N, O, T...)) {..., relu as for linear}
  registry.declare(OpId::conv, {
                                   .doc = "Convolution (cross-correlation, as networks use it) over the spatial axes.",
                                   .inputs = {"x", "weight", "bias?"},
                                   .attributes = op::fields_of<op::ConvAttrs>(),
                                   .infer = infer_conv,
                                   .backward = conv_gradients,
                                   .saves_inputs = first_two_inputs,
                                   .flops = conv_flops<OpId::conv>,
                               });
  // (g (N, O, T...), weight) -> (y (N, C, S...)) {..., size dims: S}
  registry.declare(OpId::conv_backward_input, {
                                                  .doc = "Gradient of conv for its input: the transposed convolution.",
                                                  .inputs = {"g", "weight"},
                                                  .attributes = op::fields_of<op::ConvBackwardInputAttrs>(),
                                                  .infer = infer_backward_input,
                                                  .backward = backward_input_gradients,
                                                  .saves_inputs = first_two_inputs,
                                                  .flops = conv_flops<OpId::conv_backward_input>,
                                              });
  // (g (N, O, T...), x) -> (y (O, C / groups, K...), row-major) {..., kernel dims: K}
  registry.declare(OpId::conv_backward_weight, {
                                                   .doc = "Gradient of conv for its weight.",
                                                   .inputs = {"g", "x"},
                                                   .attributes = op::fields_of<op::ConvBackwardWeightAttrs>(),
                                                   .infer = infer_backward_weight,
                                                   .backward = backward_weight_gradients,
                                                   .saves_inputs = first_two_inputs,
                                                   .flops = conv_flops<OpId::conv_backward_weight>,
                                               });
}

}  // namespace ops

namespace {

// The fields that the attributes of all three ops have.
template <class Fields>
Fields attrs_of(const ConvOptions& options, int rank) {
  const int spatial = std::max(rank - 2, 0);
  Fields fields;
  fields.stride = or_filled(options.stride, spatial, 1);
  fields.padding_low = or_filled(options.padding_low, spatial, 0);
  fields.padding_high = or_filled(options.padding_high, spatial, 0);
  fields.dilation = or_filled(options.dilation, spatial, 1);
  fields.groups = options.groups;
  return fields;
}

}  // namespace

Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& options) try {
  const Attrs attrs = op::to_attrs(attrs_of<op::ConvAttrs>(options, x.rank()));
  DType dtype = promote(x.dtype(), weight.dtype());
  if (bias.defined()) dtype = promote(dtype, bias.dtype());
  dtype = product_dtype(dtype);
  if (!bias.defined()) return op::apply(OpId::conv, attrs, {astype(x, dtype), astype(weight, dtype)});
  return op::apply(OpId::conv, attrs, {astype(x, dtype), astype(weight, dtype), astype(bias, dtype)});
} catch (const Error&) {
  core::rethrow_as("conv");
}

Tensor conv_backward_input(const Tensor& g, const Tensor& weight, const Dims& size, const ConvOptions& options) try {
  auto attrs = attrs_of<op::ConvBackwardInputAttrs>(options, g.rank());
  attrs.size = size;
  const DType dtype = product_dtype(promote(g.dtype(), weight.dtype()));
  return op::apply(OpId::conv_backward_input, op::to_attrs(attrs), {astype(g, dtype), astype(weight, dtype)});
} catch (const Error&) {
  core::rethrow_as("conv_backward_input");
}

Tensor conv_backward_weight(const Tensor& g, const Tensor& x, const Dims& kernel, const ConvOptions& options) try {
  auto attrs = attrs_of<op::ConvBackwardWeightAttrs>(options, g.rank());
  attrs.kernel = kernel;
  const DType dtype = product_dtype(promote(g.dtype(), x.dtype()));
  return op::apply(OpId::conv_backward_weight, op::to_attrs(attrs), {astype(g, dtype), astype(x, dtype)});
} catch (const Error&) {
  core::rethrow_as("conv_backward_weight");
}

}  // namespace pydl
