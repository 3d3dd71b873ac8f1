// Normalisation: by channel, with given statistics or those of the batch, and of rows.
#include "op/attrs/norm.h"
#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/post_operations.h"
#include "ops/families.h"
#include "ops/row_norm_derivatives.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

DType statistics_dtype(DType dtype) { return dtype_of_statistics(dtype); }

void require_channels(const char* name, const BufferSpec& x) {
  require_floating(name, x);
  if (x.shape.rank() < 2) throw ValueError(concat_text(name, ": expected x of shape (N, C, ...), got ", x.shape));
}

// Statistics, weight, bias and sums have one number per channel of x.
void require_per_channel(const char* name, const char* argument, const BufferSpec& x, const BufferSpec& spec) {
  const Dims expected = {x.shape[1]};
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

void require_epsilon(const Attrs& attrs) { op::from_attrs<op::BatchNormAttrs>(attrs); }

BufferSpec statistics_of(const BufferSpec& x) { return row_major(statistics_dtype(x.dtype), {x.shape[1]}); }

BufferSpec like_elements(std::span<const BufferSpec> x) {
  return {x[0].dtype, x[0].shape, output_strides(x, x[0].shape)};
}

void infer_channel_statistics(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  require_channels("channel_statistics", inputs[0]);
  results[0] = results[1] = statistics_of(inputs[0]);
}

void infer_batch_norm(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "batch_norm";
  const BufferSpec& x = inputs[0];
  require_epsilon(attrs);
  require_channels(name, x);
  require_per_channel(name, "a mean", x, inputs[1]);
  require_per_channel(name, "a variance", x, inputs[2]);
  require_per_channel(name, "a weight", x, inputs[3]);
  require_per_channel(name, "a bias", x, inputs[4]);
  *output = like_elements(inputs.first(1));
}

void infer_batch_norm_train(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const char* name = "batch_norm_train";
  const BufferSpec& x = inputs[0];
  require_epsilon(attrs);
  require_channels(name, x);
  require_per_channel(name, "a weight", x, inputs[1]);
  require_per_channel(name, "a bias", x, inputs[2]);
  results[0] = like_elements(inputs.first(1));
  results[1] = results[2] = statistics_of(x);
}

// The incoming gradient may be that of an activation after the normalisation; weight and bias are then passed as well.
bool is_gated(const Attrs& attrs) { return !op::gate_of(attrs).empty(); }

void require_input_count(const char* name, size_t given, size_t expected) {
  if (given != expected) throw ValueError(concat_text(name, ": expected ", expected, " tensors, got ", given));
}

void infer_channel_sums(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const char* name = "channel_sums";
  const BufferSpec& x = inputs[1];
  require_epsilon(attrs);
  require_channels(name, x);
  require_gradient(name, inputs[0], x);
  require_per_channel(name, "a mean", x, inputs[2]);
  require_per_channel(name, "a variance", x, inputs[3]);
  require_input_count(name, inputs.size(), is_gated(attrs) ? 6 : 4);
  if (is_gated(attrs)) {
    require_per_channel(name, "a weight", x, inputs[4]);
    require_per_channel(name, "a bias", x, inputs[5]);
  }
  results[0] = results[1] = statistics_of(x);
}

void infer_batch_norm_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "batch_norm_backward";
  const BufferSpec& x = inputs[1];
  require_epsilon(attrs);
  require_channels(name, x);
  require_gradient(name, inputs[0], x);
  require_per_channel(name, "a mean", x, inputs[2]);
  require_per_channel(name, "a variance", x, inputs[3]);
  require_per_channel(name, "a weight", x, inputs[4]);
  if (is_gated(attrs)) {
    require_input_count(name, inputs.size(), 8);
    require_per_channel(name, "a bias", x, inputs[7]);
  } else if (inputs.size() > 5) {
    require_input_count(name, inputs.size(), 7);
  }
  if (inputs.size() > 5) {
    require_per_channel(name, "dbias", x, inputs[5]);
    require_per_channel(name, "dweight", x, inputs[6]);
  }
  *output = like_elements(inputs.subspan(1, 1));
}

template <OpId id>
void infer_normalize(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& x = inputs.back();
  const int64_t axes = op::from_attrs<op::NormalizeAttrs>(attrs).axes;
  require_floating(name, x);
  if (axes < 1 || axes > x.shape.rank()) {
    throw ValueError(
        concat_text(name, ": expected 1 to ", x.shape.rank(), " trailing axes of shape ", x.shape, ", got ", axes));
  }
  if (inputs.size() == 2) require_gradient(name, inputs[0], x);
  *output = row_major(x.dtype, x.shape);
}

// --- derivatives per channel -----------------------------------------------------------------------

double epsilon_of(const BackwardContext& c) { return op::from_attrs<op::BatchNormAttrs>(c.attrs()).epsilon; }

bool needs_any(const BackwardContext& c, int first_input) {
  for (int input = first_input; input < c.input_count(); ++input) {
    if (c.needs(input)) return true;
  }
  return false;
}

Tensor as_statistics(const Tensor& values) { return astype(values, statistics_dtype(values.dtype())); }

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

// 1 / n, for the n elements of a channel; 0 if there are none.
double share_of(const Tensor& x) { return x.size() == 0 ? 0 : 1 / static_cast<double>(x.size() / x.size(1)); }

Tensor inverse_deviation(const Tensor& variance, double epsilon) { return rsqrt(as_statistics(variance) + epsilon); }

// The gradients of mean and variance in the sum over a channel of g weight (x - mean) / sqrt(variance + epsilon).
ChannelStatistics statistics_gradients(const ChannelSums& sums, const Tensor& variance, const Tensor& weight,
                                       double epsilon) {
  const Tensor r = inverse_deviation(variance, epsilon);
  const Tensor scale = as_statistics(weight) * r;
  return {-(scale * sums.dbias), scale * r * sums.dweight * -0.5};
}

// The gradient of x from those of its statistics, at least one of which is defined: it broadcasts to the shape of x.
Tensor through_statistics(const ChannelStatistics& gradients, const Tensor& x, const Tensor& mean) {
  Tensor result;
  if (gradients.mean.defined()) result = along_channels(gradients.mean * share_of(x), x);
  if (!gradients.variance.defined()) return result;
  const Tensor slope = along_channels(gradients.variance * 2.0 * share_of(x), x);
  const Tensor of_variance = (as_statistics(x) - along_channels(mean, x)) * slope;
  return result.defined() ? result + of_variance : of_variance;
}

Gradients channel_statistics_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const Tensor dx = through_statistics({c.gradients[0], c.gradients[1]}, x, c.result(0));
  return {astype(broadcast_to(dx, x.shape()), x.dtype())};
}

Gradients batch_norm_gradients(const BackwardContext& c) {
  const Tensor& g = c.gradient;
  const Tensor x = c.input(0);
  const Tensor mean = c.input(1);
  const Tensor variance = c.input(2);
  const Tensor weight = c.input(3);
  Gradients gradients(5);
  if (c.needs(0)) gradients[0] = batch_norm_backward(g, x, mean, variance, weight, {}, epsilon_of(c));
  if (!needs_any(c, 1)) return gradients;
  const ChannelSums sums = channel_sums(g, x, mean, variance, epsilon_of(c));
  if (c.needs(1) || c.needs(2)) {
    const ChannelStatistics found = statistics_gradients(sums, variance, weight, epsilon_of(c));
    gradients[1] = astype(found.mean, c.input_dtype(1));
    gradients[2] = astype(found.variance, c.input_dtype(2));
  }
  gradients[3] = astype(sums.dweight, c.input_dtype(3));
  gradients[4] = astype(sums.dbias, c.input_dtype(4));
  return gradients;
}

// Gradients of the statistics cost nothing where there are none.
Gradients batch_norm_train_gradients(const BackwardContext& c) {
  const Tensor& g = c.gradient;
  const Tensor x = c.input(0);
  const Tensor mean = c.result(1);
  const Tensor variance = c.result(2);
  const ChannelStatistics of_statistics = {c.gradients[1], c.gradients[2]};
  Gradients gradients(3);
  if (g.defined()) {
    const ChannelSums sums = channel_sums(g, x, mean, variance, epsilon_of(c));
    if (c.needs(0)) gradients[0] = batch_norm_backward(g, x, mean, variance, c.input(1), sums, epsilon_of(c));
    gradients[1] = astype(sums.dweight, c.input_dtype(1));
    gradients[2] = astype(sums.dbias, c.input_dtype(2));
  }
  if (c.needs(0) && (of_statistics.mean.defined() || of_statistics.variance.defined())) {
    const Tensor more = through_statistics(of_statistics, x, mean);
    gradients[0] = astype(g.defined() ? gradients[0] + more : broadcast_to(more, x.shape()), x.dtype());
  }
  return gradients;
}

// The sums are linear in g, and their transpose is batch_norm with the gradients of dbias and dweight as bias and
// weight.
Gradients channel_sums_gradients(const BackwardContext& c) {
  const Tensor g = c.input(0);
  const Tensor x = c.input(1);
  const Tensor mean = c.input(2);
  const Tensor variance = c.input(3);
  const auto given = [&](size_t result) {
    const Tensor& h = c.gradients[result];
    return h.defined() ? h : zeros({x.size(1)}, statistics_dtype(x.dtype()));
  };
  const Tensor weight = given(1);
  Gradients gradients(4);
  if (c.needs(0)) gradients[0] = batch_norm(x, mean, variance, weight, given(0), epsilon_of(c));
  if (c.needs(1)) gradients[1] = batch_norm_backward(g, x, mean, variance, weight, {}, epsilon_of(c));
  if (c.needs(2) || c.needs(3)) {
    const ChannelStatistics found = statistics_gradients({c.result(0), c.result(1)}, variance, weight, epsilon_of(c));
    gradients[2] = astype(found.mean, c.input_dtype(2));
    gradients[3] = astype(found.variance, c.input_dtype(3));
  }
  return gradients;
}

// The derivative of F = w r (g - s0 / n - x' s1 / n), where x' = r (x - mean) and r = 1 / sqrt(variance + epsilon), for
// an incoming gradient h. Without sums, F = w r g. All but the gradients of g and x are sums over channels, of h, h x'
// and h g.
Gradients batch_norm_backward_gradients(const BackwardContext& c) {
  const Tensor& h = c.gradient;
  const Tensor g = c.input(0);
  const Tensor x = c.input(1);
  const Tensor mean = c.input(2);
  const Tensor variance = c.input(3);
  const bool has_sums = c.input_count() > 5;
  const Tensor weight = as_statistics(c.input(4));
  const Tensor r = inverse_deviation(variance, epsilon_of(c));
  const Tensor scale = weight * r;
  const auto times = [&](const Tensor& factor) {  // factor r h
    return batch_norm_backward(h, x, mean, variance, factor, {}, epsilon_of(c));
  };
  Gradients gradients(static_cast<size_t>(c.input_count()));
  const auto set = [&](int input, const Tensor& gradient) {
    gradients[static_cast<size_t>(input)] = astype(gradient, c.input_dtype(input));
  };
  if (c.needs(0)) gradients[0] = times(weight);
  const auto sum_with_g = [&] { return sum(as_statistics(h) * as_statistics(g), axes_beside_channels(x)); };
  if (!has_sums) {
    if (!needs_any(c, 3)) return gradients;
    const Tensor of_g = sum_with_g();
    set(3, scale * square(r) * of_g * -0.5);
    set(4, r * of_g);
    return gradients;
  }
  const Tensor s0 = as_statistics(c.input(5)) * share_of(x);
  const Tensor s1 = as_statistics(c.input(6)) * share_of(x);
  if (c.needs(1)) gradients[1] = times(-(scale * s1));
  if (!needs_any(c, 2)) return gradients;
  const ChannelSums of_h = channel_sums(h, x, mean, variance, epsilon_of(c));
  set(2, scale * r * s1 * of_h.dbias);
  if (c.needs(3) || c.needs(4)) {
    const Tensor along = s1 * of_h.dweight;
    const Tensor total = sum_with_g() - s0 * of_h.dbias - along;
    set(3, scale * square(r) * (total - along) * -0.5);
    set(4, r * total);
  }
  set(5, scale * of_h.dbias * -share_of(x));
  set(6, scale * of_h.dweight * -share_of(x));
  return gradients;
}

// --- derivatives of rows ---------------------------------------------------------------------------

Tensor normalize_backward_of(const BackwardContext& c, const Tensor& g, const Tensor& x) {
  const auto [axes, epsilon, center] = op::from_attrs<op::NormalizeAttrs>(c.attrs());
  return normalize_backward(g, x, axes, epsilon, center);
}

Gradients normalize_gradients(const BackwardContext& c) { return {normalize_backward_of(c, c.gradient, c.input(0))}; }

Gradients normalize_backward_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  const Tensor x = c.input(1);
  if (c.needs(0)) gradients[0] = normalize_backward_of(c, c.gradient, x);
  if (!c.needs(1)) return gradients;
  const auto declared = op::from_attrs<op::NormalizeAttrs>(c.attrs());
  gradients[1] = astype(normalize_backward_gradient(c.gradient, c.input(0), x, declared), c.input_dtype(1));
  return gradients;
}

template <int64_t per_element>
int64_t count_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec&) {
  return per_element * element_count(inputs[0].shape);
}

}  // namespace

// The derivative of F = r (g - mean(g) - x' mean(g x')), x' = r (x - mean), for an incoming gradient h. It is symmetric
// in g and h: <h, F> = r <h', g'> - r^3 <h', z> <g', z> / n, where a prime subtracts the mean and z = x - mean. Without
// `center`, no mean is subtracted.
Tensor normalize_backward_gradient(const Tensor& h_given, const Tensor& g_given, const Tensor& x_given,
                                   const op::NormalizeAttrs& attrs) {
  const DType dtype = statistics_dtype(x_given.dtype());
  const Tensor x = astype(x_given, dtype);
  std::vector<int64_t> axes;
  for (int64_t axis = x.rank() - attrs.axes; axis < x.rank(); ++axis) axes.push_back(axis);
  const auto centred = [&](const Tensor& t) { return attrs.center ? t - mean(t, axes, true) : t; };
  const Tensor z = centred(x);
  const Tensor g = centred(astype(g_given, dtype));
  const Tensor h = centred(astype(h_given, dtype));
  const Tensor r = rsqrt(mean(square(z), axes, true) + attrs.epsilon);
  const Tensor gz = mean(g * z, axes, true);
  const Tensor hz = mean(h * z, axes, true);
  const Tensor slope = mean(g * h, axes, true) - square(r) * gz * hz * 3.0;
  const Tensor cubed = square(r) * r;
  return -(cubed * (slope * z + hz * g + gz * h));
}

void define_norm(Registry& registry) {
  const auto first = [](int count) { return (1U << count) - 1; };
  // Normalisation. Channels are axis 1. The dtype of statistics is that of x, or float32 for 16 bits; mean, variance,
  // weight, bias and sums have one number per channel, of this dtype or that of x. Elements of results have strides as
  // for elementwise ops on x.
  // (x (N, C, ...)) -> mean (C), variance (C), dtype of statistics
  registry.declare(OpId::channel_statistics, {
                                                 .doc = "Mean and variance of each channel, over all other axes.",
                                                 .inputs = {"x"},
                                                 .results = {"mean", "variance"},
                                                 .infer = infer_channel_statistics,
                                                 .backward = channel_statistics_gradients,
                                                 .saves_inputs = first(1),
                                                 .saves_results = first(1),
                                                 .flops = count_flops<4>,
                                             });
  // (x (N, C, ...), mean (C), variance (C), weight (C), bias (C)) -> y {epsilon number; post text, set by passes: relu
  // or relu6 of the whole result}
  registry.declare(OpId::batch_norm, {
                                         .doc = "(x - mean) / sqrt(variance + epsilon) * weight + bias, by channel.",
                                         .inputs = {"x", "mean", "variance", "weight", "bias"},
                                         .attributes = op::fields_of<op::BatchNormAttrs>(),
                                         .infer = infer_batch_norm,
                                         .backward = batch_norm_gradients,
                                         .saves_inputs = first(4),
                                         .flops = count_flops<3>,
                                     });
  // (x (N, C, ...), weight (C), bias (C)) -> y, mean (C), variance (C) {epsilon; post as above, of y}
  registry.declare(OpId::batch_norm_train,
                   {
                       .doc = "batch_norm with the mean and variance of x itself, which are results too.",
                       .inputs = {"x", "weight", "bias"},
                       .results = {"y", "mean", "variance"},
                       .attributes = op::fields_of<op::BatchNormAttrs>(),
                       .infer = infer_batch_norm_train,
                       .backward = batch_norm_train_gradients,
                       .saves_inputs = first(2),
                       .saves_results = 1U << 1 | 1U << 2,
                       .flops = count_flops<7>,
                   });
  // (g, x, mean, variance) -> dbias (C), dweight (C), dtype of statistics: sums of g and of g times the normalised x
  // {epsilon; gate text, set by passes: g is the gradient of the result after this activation, and weight and bias are
  // operands too}
  registry.declare(OpId::channel_sums, {
                                           .doc = "Gradients of batch_norm for bias and weight.",
                                           .inputs = {"g", "x", "mean", "variance", "weight?", "bias?"},
                                           .results = {"dbias", "dweight"},
                                           .attributes = op::fields_of<op::BatchNormAttrs>(),
                                           .infer = infer_channel_sums,
                                           .backward = channel_sums_gradients,
                                           .saves_inputs = first(4),
                                           .saves_results = first(2),
                                           .flops = count_flops<4>,
                                       });
  // (g, x, mean, variance, weight, dbias?, dweight?) -> dx: with the sums of g, mean and variance are those of x, and
  // the gradient goes through them too {epsilon; gate as above, with sums, and bias as the last operand}
  registry.declare(OpId::batch_norm_backward,
                   {
                       .doc = "Gradient of batch_norm for x; with the sums of g, that of batch_norm_train.",
                       .inputs = {"g", "x", "mean", "variance", "weight", "dbias?", "dweight?", "bias?"},
                       .results = {"dx"},
                       .attributes = op::fields_of<op::BatchNormAttrs>(),
                       .infer = infer_batch_norm_backward,
                       .backward = batch_norm_backward_gradients,
                       .saves_inputs = first(7),
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

ChannelStatistics channel_statistics(const Tensor& x) try {
  const std::vector<Tensor> results = op::apply_all(OpId::channel_statistics, {}, {x});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("channel_statistics");
}

Tensor batch_norm(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& weight, const Tensor& bias,
                  double epsilon) try {
  return op::apply(OpId::batch_norm, {{"epsilon", epsilon}}, {x, mean, variance, weight, bias});
} catch (const Error&) {
  core::rethrow_as("batch_norm");
}

BatchNormResults batch_norm_train(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon) try {
  const std::vector<Tensor> results = op::apply_all(OpId::batch_norm_train, {{"epsilon", epsilon}}, {x, weight, bias});
  return {results[0], results[1], results[2]};
} catch (const Error&) {
  core::rethrow_as("batch_norm_train");
}

ChannelSums channel_sums(const Tensor& g, const Tensor& x, const Tensor& mean, const Tensor& variance,
                         double epsilon) try {
  const std::vector<Tensor> results = op::apply_all(OpId::channel_sums, {{"epsilon", epsilon}}, {g, x, mean, variance});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("channel_sums");
}

Tensor batch_norm_backward(const Tensor& g, const Tensor& x, const Tensor& mean, const Tensor& variance,
                           const Tensor& weight, const ChannelSums& sums, double epsilon) try {
  const Attrs attrs = {{"epsilon", epsilon}};
  if (!sums.dbias.defined() && !sums.dweight.defined()) {
    return op::apply(OpId::batch_norm_backward, attrs, {g, x, mean, variance, weight});
  }
  return op::apply(OpId::batch_norm_backward, attrs, {g, x, mean, variance, weight, sums.dbias, sums.dweight});
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
