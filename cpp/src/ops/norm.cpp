// Normalisation: per channel with given moments, and of rows.
#include "op/attrs/norm.h"
#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/post_operations.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

// Statistics in 16-bit floats would lose most of their information.
DType statistics_dtype(DType dtype) { return item_size(dtype) == 2 ? DType::float32 : dtype; }

void require_channels(const char* name, const BufferSpec& x) {
  require_floating(name, x);
  if (x.shape.rank() < 2) throw ValueError(concat_text(name, ": expected x of shape (N, C, ...), got ", x.shape));
}

// Moments, weight, bias and sums have one column per channel of x.
void require_per_channel(const char* name, const char* argument, const BufferSpec& x, const BufferSpec& spec,
                         bool two_rows) {
  const Dims expected = two_rows ? Dims{2, x.shape[1]} : Dims{x.shape[1]};
  if (spec.shape != expected) {
    throw ValueError(concat_text(name, ": x of shape ", x.shape, " expects ", argument, " of shape ", expected,
                                 ", got ", spec.shape));
  }
  if (spec.dtype != x.dtype && spec.dtype != statistics_dtype(x.dtype)) {
    throw TypeError(concat_text(name, ": x of ", x.dtype, " expects ", argument, " of ", statistics_dtype(x.dtype),
                                ", got ", spec.dtype));
  }
}

void require_gradient(const char* name, const BufferSpec& g, const BufferSpec& x) {
  require_same_dtype(name, g, x);
  if (g.shape == x.shape) return;
  throw ValueError(concat_text(name, ": expected a gradient of shape ", x.shape, ", got ", g.shape));
}

void infer_channel_moments(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_channels("channel_moments", inputs[0]);
  *output = row_major(statistics_dtype(inputs[0].dtype), {2, inputs[0].shape[1]});
}

void check_norm_attrs(const Attrs& attrs) {
  attrs.number("epsilon");
  attrs.flag("batch");
}

void infer_batch_norm(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "batch_norm";
  const BufferSpec& x = inputs[0];
  check_norm_attrs(attrs);
  require_channels(name, x);
  require_per_channel(name, "moments", x, inputs[1], true);
  require_per_channel(name, "a weight", x, inputs[2], false);
  require_per_channel(name, "a bias", x, inputs[3], false);
  *output = {x.dtype, x.shape, output_strides(inputs.first(1), x.shape)};
}

// The incoming gradient may be that of an activation after the normalisation; weight and bias are then passed as well.
bool is_gated(const Attrs& attrs) { return !op::gate_of(attrs).empty(); }

void require_input_count(const char* name, size_t given, size_t expected) {
  if (given != expected) throw ValueError(concat_text(name, ": expected ", expected, " tensors, got ", given));
}

void infer_channel_sums(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "channel_sums";
  const BufferSpec& x = inputs[1];
  check_norm_attrs(attrs);
  require_channels(name, x);
  require_gradient(name, inputs[0], x);
  require_per_channel(name, "moments", x, inputs[2], true);
  require_input_count(name, inputs.size(), is_gated(attrs) ? 5 : 3);
  if (is_gated(attrs)) {
    require_per_channel(name, "a weight", x, inputs[3], false);
    require_per_channel(name, "a bias", x, inputs[4], false);
  }
  *output = row_major(statistics_dtype(x.dtype), {2, x.shape[1]});
}

void infer_batch_norm_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "batch_norm_backward";
  const BufferSpec& x = inputs[1];
  check_norm_attrs(attrs);
  require_channels(name, x);
  require_gradient(name, inputs[0], x);
  require_per_channel(name, "moments", x, inputs[2], true);
  require_per_channel(name, "a weight", x, inputs[3], false);
  if (attrs.flag("batch") != (inputs.size() >= 5)) {
    throw ValueError(concat_text(name, ": the sums are needed with batch, and only then"));
  }
  if (inputs.size() >= 5) require_per_channel(name, "sums", x, inputs[4], true);
  if (is_gated(attrs)) {
    require_input_count(name, inputs.size(), 6);
    require_per_channel(name, "a bias", x, inputs[5], false);
  } else if (inputs.size() > 5) {
    require_input_count(name, inputs.size(), 5);
  }
  *output = {x.dtype, x.shape, output_strides(inputs.subspan(1, 1), x.shape)};
}

template <OpId id>
void infer_normalize(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& x = inputs.back();
  const int64_t axes = attrs.integer("axes");
  attrs.number("epsilon");
  attrs.flag("center");
  require_floating(name, x);
  if (axes < 1 || axes > x.shape.rank()) {
    throw ValueError(
        concat_text(name, ": expected 1 to ", x.shape.rank(), " trailing axes of shape ", x.shape, ", got ", axes));
  }
  if (inputs.size() == 2) require_gradient(name, inputs[0], x);
  *output = row_major(x.dtype, x.shape);
}

// --- derivatives per channel -----------------------------------------------------------------------

// A row of a (2, C) tensor.
Tensor row(const Tensor& pair, int64_t index) {
  return reshape(slice(pair, {index, 0}, {1, pair.size(1)}, {1, 1}), {-1});
}

double epsilon_of(const BackwardContext& c) { return c.attrs().number("epsilon"); }
bool is_of_batch(const BackwardContext& c) { return c.attrs().flag("batch"); }

Gradients batch_norm_gradients(const BackwardContext& c) {
  const Tensor& g = c.gradient;
  const Tensor x = c.input(0);
  const Tensor moments = c.input(1);
  Gradients gradients(4);
  const bool needs_sums = (c.needs(0) && is_of_batch(c)) || c.needs(2) || c.needs(3);
  const Tensor sums = needs_sums ? channel_sums(g, x, moments, epsilon_of(c), is_of_batch(c)) : Tensor{};
  if (c.needs(0)) {
    gradients[0] = batch_norm_backward(g, x, moments, c.input(2), sums, epsilon_of(c), is_of_batch(c));
  }
  if (c.needs(2)) gradients[2] = astype(row(sums, 1), c.input_dtype(2));
  if (c.needs(3)) gradients[3] = astype(row(sums, 0), c.input_dtype(3));
  return gradients;
}

// The sums are linear in g, and their transpose is batch_norm with the rows of h (2, C) as bias and weight. Their
// gradient for x is that of batch_norm with the weight h[1].
Gradients channel_sums_gradients(const BackwardContext& c) {
  const Tensor& h = c.gradient;
  const Tensor g = c.input(0);
  const Tensor x = c.input(1);
  const Tensor moments = c.input(2);
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = batch_norm(x, moments, row(h, 1), row(h, 0), epsilon_of(c), is_of_batch(c));
  if (c.needs(1)) {
    const Tensor sums = is_of_batch(c) ? channel_sums(g, x, moments, epsilon_of(c), true) : Tensor{};
    gradients[1] = batch_norm_backward(g, x, moments, row(h, 1), sums, epsilon_of(c), is_of_batch(c));
  }
  return gradients;
}

// All axes except the channel axis.
Axes axes_beside_channels(const Tensor& x) {
  std::vector<int64_t> axes = {0};
  for (int axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  return axes;
}

// One number per channel, reshaped so that it broadcasts over x.
Tensor along_channels(const Tensor& values, const Tensor& x) {
  Dims shape = Dims::filled(x.rank(), 1);
  shape[1] = x.size(1);
  return reshape(values, shape);
}

// The derivative of F = w r g, where r = 1 / sqrt(variance + epsilon) is constant.
Gradients scaled_gradients(const BackwardContext& c) {
  const Tensor& h = c.gradient;
  const Tensor g = c.input(0);
  const Tensor moments = c.input(2);
  Gradients gradients(4);
  if (c.needs(0)) gradients[0] = batch_norm_backward(h, c.input(1), moments, c.input(3), {}, epsilon_of(c), false);
  if (c.needs(3)) {
    const Tensor r = rsqrt(row(moments, 1) + epsilon_of(c));
    gradients[3] = astype(astype(sum(h * g, axes_beside_channels(g)), r.dtype()) * r, c.input_dtype(3));
  }
  return gradients;
}

// The derivative of F = w r (g - s0 / n - x' s1 / n), x' = r (x - mean), for an incoming gradient h. The moments are
// recomputed from x, so that this can be differentiated again.
Gradients batch_norm_backward_gradients(const BackwardContext& c) {
  if (!is_of_batch(c)) return scaled_gradients(c);
  const DType dtype = statistics_dtype(c.gradient.dtype());
  const Tensor h = astype(c.gradient, dtype);
  const Tensor g = astype(c.input(0), dtype);
  const Tensor x = astype(c.input(1), dtype);
  const Tensor weight = along_channels(astype(c.input(3), dtype), x);
  const Axes axes = axes_beside_channels(x);
  const double n = x.size(1) == 0 ? 0 : static_cast<double>(x.size() / x.size(1));
  const Tensor s0 = along_channels(astype(row(c.input(4), 0), dtype), x) * (1 / n);
  const Tensor s1 = along_channels(astype(row(c.input(4), 1), dtype), x) * (1 / n);
  const Tensor centred = x - mean(x, axes, true);
  const Tensor r = rsqrt(var(x, axes, 0, true) + epsilon_of(c));
  const Tensor scaled = h * weight * r;
  const auto per_channel = [&](const Tensor& sums, int input) {
    return astype(reshape(sums, {-1}), c.input_dtype(input));
  };
  Gradients gradients(5);
  if (c.needs(0)) gradients[0] = astype(scaled, c.input_dtype(0));
  if (c.needs(1)) {
    const Tensor q = h * weight;
    const Tensor a = sum(q * (g - s0), axes, true);
    const Tensor b = sum(q * centred, axes, true);
    // Through x - mean, and through r, whose derivative is -r^3 (x - mean) / n.
    const Tensor direct = square(r) * s1 * (q - mean(q, axes, true));
    const Tensor slope = square(r) * r * (a - r * s1 * b * 2.0) * (1 / n);
    gradients[1] = astype(-(direct + slope * centred), c.input_dtype(1));
  }
  if (c.needs(3)) gradients[3] = per_channel(sum(h * r * (g - s0 - centred * r * s1), axes, true), 3);
  if (c.needs(4)) {
    const Tensor parts[] = {sum(scaled, axes), sum(scaled * centred * r, axes)};
    gradients[4] = astype(stack(parts) * (-1 / n), c.input_dtype(4));
  }
  return gradients;
}

// --- derivatives of rows ---------------------------------------------------------------------------

Tensor normalize_backward_of(const BackwardContext& c, const Tensor& g, const Tensor& x) {
  return normalize_backward(g, x, c.attrs().integer("axes"), epsilon_of(c), c.attrs().flag("center"));
}

Gradients normalize_gradients(const BackwardContext& c) { return {normalize_backward_of(c, c.gradient, c.input(0))}; }

// The derivative of F = r (g - mean(g) - x' mean(g x')), x' = r (x - mean), for an incoming gradient h. It is symmetric
// in g and h: <h, F> = r <h', g'> - r^3 <h', z> <g', z> / n, where a prime subtracts the mean and z = x - mean. Without
// `center`, no mean is subtracted.
Gradients normalize_backward_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  const Tensor x_given = c.input(1);
  if (c.needs(0)) gradients[0] = normalize_backward_of(c, c.gradient, x_given);
  if (!c.needs(1)) return gradients;
  const DType dtype = statistics_dtype(x_given.dtype());
  const Tensor x = astype(x_given, dtype);
  std::vector<int64_t> axes;
  double n = 1;
  for (int64_t axis = x.rank() - c.attrs().integer("axes"); axis < x.rank(); ++axis) {
    axes.push_back(axis);
    n *= static_cast<double>(x.size(axis));
  }
  const bool center = c.attrs().flag("center");
  const auto centred = [&](const Tensor& t) { return center ? t - mean(t, axes, true) : t; };
  const Tensor z = centred(x);
  const Tensor g = centred(astype(c.input(0), dtype));
  const Tensor h = centred(astype(c.gradient, dtype));
  const Tensor r = rsqrt(mean(square(z), axes, true) + epsilon_of(c));
  const Tensor gz = mean(g * z, axes, true);
  const Tensor hz = mean(h * z, axes, true);
  const Tensor slope = mean(g * h, axes, true) - square(r) * gz * hz * 3.0;
  const Tensor cubed = square(r) * r;
  gradients[1] = astype(-(cubed * (slope * z + hz * g + gz * h)), c.input_dtype(1));
  return gradients;
}

template <int64_t per_element>
int64_t count_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec&) {
  return per_element * element_count(inputs[0].shape);
}

}  // namespace

void define_norm(Registry& registry) {
  const auto first = [](int count) { return (1U << count) - 1; };
  // Normalisation. Channels are axis 1. The dtype of statistics is that of x, or float32 for 16 bits; moments, weight,
  // bias and sums have this dtype or that of x.
  // (x (N, C, ...)) -> (2, C), dtype of statistics
  registry.declare(OpId::channel_moments, {
                                              .doc = "Mean and variance of each channel, over all other axes.",
                                              .inputs = {"x"},
                                              .results = {"moments"},
                                              .infer = infer_channel_moments,
                                              .flops = count_flops<4>,
                                          });
  // (x (N, C, ...), moments (2, C), weight (C), bias (C)) -> (y, strides as for elementwise ops) {epsilon number; batch
  // bool: the moments are those of x, and the derivative for x also goes through them, otherwise they are constants;
  // relu or relu6 bool, set by passes: applied to the whole result}
  registry.declare(OpId::batch_norm, {
                                         .doc = "(x - mean) / sqrt(variance + epsilon) * weight + bias, by channel.",
                                         .inputs = {"x", "moments", "weight", "bias"},
                                         .attributes = op::fields_of<op::BatchNormAttrs>(),
                                         .infer = infer_batch_norm,
                                         .backward = batch_norm_gradients,
                                         .saves_inputs = first(3),
                                         .flops = count_flops<3>,
                                     });
  // (g, x, moments) -> (2, C), dtype of statistics: sums of g and of g times the normalised x {epsilon, batch; relu or
  // relu6 bool, set by passes: g is the gradient of the activated result, and weight and bias are operands too}
  registry.declare(OpId::channel_sums, {
                                           .doc = "Gradients of batch_norm for bias and weight.",
                                           .inputs = {"g", "x", "moments", "weight?", "bias?"},
                                           .results = {"sums"},
                                           .attributes = op::fields_of<op::BatchNormAttrs>(),
                                           .infer = infer_channel_sums,
                                           .backward = channel_sums_gradients,
                                           .saves_inputs = first(3),
                                           .flops = count_flops<4>,
                                       });
  // (g, x, moments, weight, sums of channel_sums: if batch) -> (dx, strides as for elementwise ops on x) {epsilon,
  // batch; relu or relu6 as above, with bias as the last operand}
  registry.declare(OpId::batch_norm_backward, {
                                                  .doc = "Gradient of batch_norm for x.",
                                                  .inputs = {"g", "x", "moments", "weight", "sums?", "bias?"},
                                                  .results = {"dx"},
                                                  .attributes = op::fields_of<op::BatchNormAttrs>(),
                                                  .infer = infer_batch_norm_backward,
                                                  .backward = batch_norm_backward_gradients,
                                                  .saves_inputs = first(5),
                                                  .flops = count_flops<5>,
                                              });
  // (x) -> (y, row-major) {axes integer: how many trailing axes form a row; epsilon number; center bool: (x - mean) /
  // sqrt(variance + epsilon), otherwise x / sqrt(mean of squares + epsilon)}
  registry.declare(OpId::normalize,
                   {
                       .doc = "Rows of the trailing axes, brought to mean 0 and variance 1, or to root mean square 1.",
                       .inputs = {"x"},
                       .attributes = op::fields_of<op::NormalizeAttrs>(),
                       .infer = infer_normalize<OpId::normalize>,
                       .backward = normalize_gradients,
                       .saves_inputs = first(1),
                       .flops = count_flops<6>,
                   });
  // (g, x) -> (dx) {same attributes}
  registry.declare(OpId::normalize_backward, {
                                                 .doc = "Gradient of normalize for x; inputs g, x.",
                                                 .inputs = {"g", "x"},
                                                 .results = {"dx"},
                                                 .attributes = op::fields_of<op::NormalizeAttrs>(),
                                                 .infer = infer_normalize<OpId::normalize_backward>,
                                                 .backward = normalize_backward_gradients,
                                                 .saves_inputs = first(2),
                                                 .flops = count_flops<12>,
                                             });
}

}  // namespace ops

Tensor channel_moments(const Tensor& x) try { return op::apply(OpId::channel_moments, {}, {x}); } catch (const Error&) {
  core::rethrow_as("channel_moments");
}

Tensor batch_norm(const Tensor& x, const Tensor& moments, const Tensor& weight, const Tensor& bias, double epsilon,
                  bool batch) try {
  return op::apply(OpId::batch_norm, {{"epsilon", epsilon}, {"batch", batch}}, {x, moments, weight, bias});
} catch (const Error&) {
  core::rethrow_as("batch_norm");
}

Tensor channel_sums(const Tensor& g, const Tensor& x, const Tensor& moments, double epsilon, bool batch) try {
  return op::apply(OpId::channel_sums, {{"epsilon", epsilon}, {"batch", batch}}, {g, x, moments});
} catch (const Error&) {
  core::rethrow_as("channel_sums");
}

Tensor batch_norm_backward(const Tensor& g, const Tensor& x, const Tensor& moments, const Tensor& weight,
                           const Tensor& sums, double epsilon, bool batch) try {
  const Attrs attrs = {{"epsilon", epsilon}, {"batch", batch}};
  if (batch) return op::apply(OpId::batch_norm_backward, attrs, {g, x, moments, weight, sums});
  return op::apply(OpId::batch_norm_backward, attrs, {g, x, moments, weight});
} catch (const Error&) {
  core::rethrow_as("batch_norm_backward");
}

Tensor normalize(const Tensor& x, int64_t axes, double epsilon, bool center) try {
  return op::apply(OpId::normalize, {{"axes", axes}, {"epsilon", epsilon}, {"center", center}}, {x});
} catch (const Error&) {
  core::rethrow_as("normalize");
}

Tensor normalize_backward(const Tensor& g, const Tensor& x, int64_t axes, double epsilon, bool center) try {
  return op::apply(OpId::normalize_backward, {{"axes", axes}, {"epsilon", epsilon}, {"center", center}}, {g, x});
} catch (const Error&) {
  core::rethrow_as("normalize_backward");
}

}  // namespace pydl
