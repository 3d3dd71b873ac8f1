// Distributions: the ops that draw by rejection, and what is composed of uniform and normal numbers.
#include "pydl/distributions.h"

#include <cmath>
#include <limits>

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/distributions.h"
#include "op/attrs/random.h"
#include "ops/families.h"
#include "pydl/autograd.h"
#include "pydl/nn.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

namespace ops {

namespace {

// The parameters have one shape and one floating-point dtype; the state is the last input.
template <OpId id>
void infer_variate(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& state = inputs.back();
  if (state.dtype != DType::int64 || state.shape != Dims{2}) {
    throw ValueError(concat_text(name, ": expected a generator state, int64 of shape (2,), got ", state.dtype,
                                 " of shape ", state.shape));
  }
  require_floating(name, inputs[0]);
  for (const BufferSpec& input : inputs.first(inputs.size() - 1)) {
    require_same_dtype(name, inputs[0], input);
    if (input.shape == inputs[0].shape) continue;
    throw ValueError(
        concat_text(name, ": expected parameters of one shape, got ", inputs[0].shape, " and ", input.shape));
  }
  *output = row_major(inputs[0].dtype, inputs[0].shape);
}

void infer_multinomial(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t* offset) {
  infer_variate<OpId::multinomial>(attrs, inputs, output, offset);
  const auto fields = op::from_attrs<op::MultinomialAttrs>(attrs);
  Dims shape = inputs[0].shape;
  const int last = shape.rank() - 1;
  if (last < 0 || shape[last] == 0) {
    throw ValueError(concat_text("multinomial: expected probabilities of shape (..., K) with K > 0, got ", shape));
  }
  if (fields.count < 0 || (!fields.replacement && fields.count > shape[last])) {
    throw ValueError(concat_text("multinomial: expected to draw from 0 to the ", shape[last],
                                 " categories without replacement, got ", fields.count));
  }
  shape[last] = fields.count;
  require_sizes("multinomial", shape);
  *output = row_major(DType::int64, shape);
}

}  // namespace

void define_distributions(Registry& registry) {
  registry.declare(OpId::standard_gamma, {
                                             .doc = "Gamma variates of scale 1, or their logarithms.",
                                             .inputs = {"concentration", "state"},
                                             .attributes = op::fields_of<op::GammaAttrs>(),
                                             .traits = flag(op::Trait::random),
                                             .infer = infer_variate<OpId::standard_gamma>,
                                         });
  registry.declare(OpId::poisson, {
                                      .doc = "Numbers of events at the given rates.",
                                      .inputs = {"rate", "state"},
                                      .traits = flag(op::Trait::random),
                                      .infer = infer_variate<OpId::poisson>,
                                  });
  registry.declare(OpId::truncated_normal, {
                                               .doc = "Standard normal numbers in [low, high].",
                                               .inputs = {"low", "high", "state"},
                                               .traits = flag(op::Trait::random),
                                               .infer = infer_variate<OpId::truncated_normal>,
                                           });
  registry.declare(OpId::bernoulli, {
                                        .doc = "1 with probability p, else 0.",
                                        .inputs = {"p", "state"},
                                        .traits = flag(op::Trait::random),
                                        .infer = infer_variate<OpId::bernoulli>,
                                    });
  registry.declare(OpId::multinomial, {
                                          .doc = "Categories by their probabilities along the last axis.",
                                          .inputs = {"probs", "state"},
                                          .attributes = op::fields_of<op::MultinomialAttrs>(),
                                          .traits = flag(op::Trait::random),
                                          .infer = infer_multinomial,
                                      });
}

}  // namespace ops

namespace random {

namespace {

// What numbers may be, and what elements of tensors must be for the result not to be NaN.
struct ParameterRange {
  double least;
  bool includes_least;
  double most;
  const char* text;
  bool contains(double value) const { return (includes_least ? value >= least : value > least) && value <= most; }
};

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr ParameterRange not_negative = {0, true, infinity, ">= 0"};
constexpr ParameterRange positive = {0, false, infinity, "> 0"};
constexpr ParameterRange probability = {0, true, 1, "in [0, 1]"};
constexpr ParameterRange positive_probability = {0, false, 1, "in (0, 1]"};

// The shape and the dtype of a result.
struct Drawing {
  Dims shape;
  DType dtype = DType::float32;
  Generator& generator;
};

void include_parameter(const char* name, const DistributionParameter& parameter, std::optional<DType>& dtype,
                       Dims& shape) {
  const Tensor* tensor = parameter.tensor();
  if (tensor == nullptr) return;
  if (!tensor->defined()) throw ValueError(concat_text(name, ": an undefined tensor was given"));
  shape = broadcast_shapes(name, shape, tensor->shape());
  if (is_floating(tensor->dtype())) dtype = dtype ? promote(*dtype, tensor->dtype()) : tensor->dtype();
}

Drawing drawing_of(const char* name, const DrawOptions& options,
                   std::initializer_list<const DistributionParameter*> parameters) {
  std::optional<DType> dtype;
  Dims shape;
  for (const DistributionParameter* parameter : parameters) include_parameter(name, *parameter, dtype, shape);
  if (options.shape) {
    ops::require_sizes(name, *options.shape);
    if (broadcast_shapes(name, *options.shape, shape) != *options.shape) {
      throw ValueError(
          concat_text(name, ": parameters of shape ", shape, " cannot be broadcast to shape ", *options.shape));
    }
  }
  const DType chosen = options.dtype.value_or(dtype.value_or(DType::float32));
  if (!is_floating(chosen)) throw TypeError(concat_text(name, ": expected a floating-point dtype, got ", chosen));
  return {options.shape.value_or(shape), chosen, options.generator};
}

Tensor number_of(double value, DType dtype) { return Tensor::scalar(value, dtype); }

// A parameter without a range.
Tensor values_of(const DistributionParameter& parameter, DType dtype) {
  return parameter.tensor() != nullptr ? astype(*parameter.tensor(), dtype) : number_of(*parameter.number(), dtype);
}

// A parameter for an op that itself gives NaN where an element is outside of its range.
Tensor unmasked_values_of(const char* name, const char* argument, const DistributionParameter& parameter,
                          const ParameterRange& range, DType dtype) {
  const double* number = parameter.number();
  if (number != nullptr && !range.contains(*number)) {
    throw ValueError(concat_text(name, ": expected ", argument, " ", range.text, ", got ", *number));
  }
  return values_of(parameter, dtype);
}

Tensor values_of(const char* name, const char* argument, const DistributionParameter& parameter,
                 const ParameterRange& range, DType dtype) {
  const Tensor values = unmasked_values_of(name, argument, parameter, range, dtype);
  if (parameter.number() != nullptr) return values;
  const Tensor above = range.includes_least ? greater_equal(values, range.least) : greater(values, range.least);
  const Tensor within = logical_and(above, less_equal(values, range.most));
  return where(within, values, number_of(std::numeric_limits<double>::quiet_NaN(), dtype));
}

// Whether a parameter is this number, with which nothing needs to be computed.
bool is_number(const DistributionParameter& parameter, double value) {
  return parameter.number() != nullptr && *parameter.number() == value;
}

Tensor standard_variate(op::StandardDistribution distribution, const Drawing& drawing) {
  return op::apply(OpId::standard_variate,
                   op::to_attrs(op::StandardVariateAttrs{drawing.shape, drawing.dtype, distribution}),
                   {drawing.generator.take(element_count(drawing.shape))});
}

Tensor standard_normal(const Drawing& drawing) {
  return pydl::normal(drawing.shape, 0, 1, drawing.dtype, drawing.generator);
}

Tensor moved_and_stretched(const char* name, const DistributionParameter& loc, const DistributionParameter& scale,
                           op::StandardDistribution distribution, const DrawOptions& options) {
  const Drawing drawing = drawing_of(name, options, {&loc, &scale});
  const Tensor factor = values_of(name, "scale", scale, not_negative, drawing.dtype);
  Tensor drawn = standard_variate(distribution, drawing);
  if (!is_number(scale, 1)) drawn = factor * drawn;
  return is_number(loc, 0) ? drawn : values_of(loc, drawing.dtype) + drawn;
}

// A dtype that holds the parameter exactly: float64, unless it has the dtype of the result already.
DType exact_dtype(const DistributionParameter& parameter, const Drawing& drawing) {
  const bool has_dtype = parameter.tensor() != nullptr && parameter.tensor()->dtype() == drawing.dtype;
  return has_dtype ? drawing.dtype : DType::float64;
}

// Draws by an op of parameters that are broadcast to the shape of the result.
Tensor draw_by(OpId id, const Attrs& attrs, std::vector<Tensor> parameters, const Drawing& drawing) {
  for (Tensor& parameter : parameters) parameter = expand(parameter.detach(), drawing.shape);
  parameters.push_back(drawing.generator.take(element_count(drawing.shape)));
  return op::apply(id, attrs, parameters);
}

// The logarithms of gamma variates, in float64.
Tensor log_gamma_variates(const char* name, const char* argument, const DistributionParameter& concentration,
                          const Drawing& drawing) {
  const Tensor values = values_of(name, argument, concentration, positive, DType::float64);
  return draw_by(OpId::standard_gamma, op::to_attrs(op::GammaAttrs{.logarithm = true}), {values}, drawing);
}

}  // namespace

Tensor bernoulli(const DistributionParameter& p, const DrawOptions& options) try {
  const Drawing drawing = drawing_of("bernoulli", options, {&p});
  const Tensor values = unmasked_values_of("bernoulli", "p", p, probability, exact_dtype(p, drawing));
  return astype(draw_by(OpId::bernoulli, {}, {values}, drawing), drawing.dtype);
} catch (const Error&) {
  core::rethrow_as("bernoulli");
}

Tensor uniform(const DistributionParameter& low, const DistributionParameter& high, const DrawOptions& options) try {
  const Drawing drawing = drawing_of("uniform", options, {&low, &high});
  if (low.number() != nullptr && high.number() != nullptr) {
    return pydl::uniform(drawing.shape, *low.number(), *high.number(), drawing.dtype, drawing.generator);
  }
  const Tensor unit = pydl::uniform(drawing.shape, 0, 1, drawing.dtype, drawing.generator);
  const Tensor bottom = values_of(low, drawing.dtype);
  const Tensor top = values_of(high, drawing.dtype);
  const Tensor nothing = number_of(std::numeric_limits<double>::quiet_NaN(), drawing.dtype);
  const Tensor result = where(less_equal(bottom, top), bottom + (top - bottom) * unit, nothing);
  // Rounding may reach `high`, which is not part of the interval.
  return where(logical_and(equal(result, top), less(bottom, top)), bottom, result);
} catch (const Error&) {
  core::rethrow_as("uniform");
}

Tensor normal(const DistributionParameter& mean, const DistributionParameter& std, const DrawOptions& options) try {
  const Drawing drawing = drawing_of("normal", options, {&mean, &std});
  if (mean.number() != nullptr && std.number() != nullptr) {
    return pydl::normal(drawing.shape, *mean.number(), *std.number(), drawing.dtype, drawing.generator);
  }
  const Tensor spread = values_of("normal", "std", std, not_negative, drawing.dtype);
  return values_of(mean, drawing.dtype) + spread * standard_normal(drawing);
} catch (const Error&) {
  core::rethrow_as("normal");
}

Tensor log_normal(const DistributionParameter& mean, const DistributionParameter& std, const DrawOptions& options) try {
  return exp(normal(mean, std, options));
} catch (const Error&) {
  core::rethrow_as("log_normal");
}

Tensor truncated_normal(const DistributionParameter& low, const DistributionParameter& high,
                        const DistributionParameter& mean, const DistributionParameter& std,
                        const DrawOptions& options) try {
  const Drawing drawing = drawing_of("truncated_normal", options, {&low, &high, &mean, &std});
  if (low.number() != nullptr && high.number() != nullptr && !(*low.number() <= *high.number())) {
    throw ValueError(
        concat_text("truncated_normal: expected low <= high, got ", *low.number(), " and ", *high.number()));
  }
  const GradMode mode(false);
  const Tensor bottom = values_of(low, DType::float64);
  const Tensor top = values_of(high, DType::float64);
  const Tensor middle = values_of(mean, DType::float64);
  const Tensor spread = values_of("truncated_normal", "std", std, positive, DType::float64);
  Tensor drawn = draw_by(OpId::truncated_normal, {}, {(bottom - middle) / spread, (top - middle) / spread}, drawing);
  if (!is_number(mean, 0) || !is_number(std, 1)) drawn = middle + spread * drawn;
  const Tensor result = astype(drawn, drawing.dtype);
  return clip(result, astype(bottom, drawing.dtype), astype(top, drawing.dtype));
} catch (const Error&) {
  core::rethrow_as("truncated_normal");
}

Tensor exponential(const DistributionParameter& scale, const DrawOptions& options) try {
  return moved_and_stretched("exponential", 0.0, scale, op::StandardDistribution::exponential, options);
} catch (const Error&) {
  core::rethrow_as("exponential");
}

Tensor laplace(const DistributionParameter& loc, const DistributionParameter& scale, const DrawOptions& options) try {
  return moved_and_stretched("laplace", loc, scale, op::StandardDistribution::laplace, options);
} catch (const Error&) {
  core::rethrow_as("laplace");
}

Tensor gumbel(const DistributionParameter& loc, const DistributionParameter& scale, const DrawOptions& options) try {
  return moved_and_stretched("gumbel", loc, scale, op::StandardDistribution::gumbel, options);
} catch (const Error&) {
  core::rethrow_as("gumbel");
}

Tensor cauchy(const DistributionParameter& loc, const DistributionParameter& scale, const DrawOptions& options) try {
  return moved_and_stretched("cauchy", loc, scale, op::StandardDistribution::cauchy, options);
} catch (const Error&) {
  core::rethrow_as("cauchy");
}

Tensor geometric(const DistributionParameter& p, const DrawOptions& options) try {
  const Drawing drawing = drawing_of("geometric", options, {&p});
  const Tensor values = values_of("geometric", "p", p, positive_probability, DType::float64).detach();
  const Tensor waits =
      standard_variate(op::StandardDistribution::exponential, {drawing.shape, DType::float64, drawing.generator});
  return astype(floor(waits / negative(log1p(negative(values)))) + 1.0, drawing.dtype);
} catch (const Error&) {
  core::rethrow_as("geometric");
}

Tensor gamma(const DistributionParameter& concentration, const DistributionParameter& scale,
             const DrawOptions& options) try {
  const Drawing drawing = drawing_of("gamma", options, {&concentration, &scale});
  const Tensor values = unmasked_values_of("gamma", "concentration", concentration, not_negative, drawing.dtype);
  const Tensor stretch = values_of("gamma", "scale", scale, not_negative, drawing.dtype);
  const Tensor drawn = draw_by(OpId::standard_gamma, op::to_attrs(op::GammaAttrs{}), {values}, drawing);
  return is_number(scale, 1) ? drawn : drawn * stretch;
} catch (const Error&) {
  core::rethrow_as("gamma");
}

Tensor beta(const DistributionParameter& a, const DistributionParameter& b, const DrawOptions& options) try {
  const Drawing drawing = drawing_of("beta", options, {&a, &b});
  const Tensor first = log_gamma_variates("beta", "a", a, drawing);
  return astype(sigmoid(first - log_gamma_variates("beta", "b", b, drawing)), drawing.dtype);
} catch (const Error&) {
  core::rethrow_as("beta");
}

Tensor poisson(const DistributionParameter& rate, const DrawOptions& options) try {
  const Drawing drawing = drawing_of("poisson", options, {&rate});
  const Tensor values = unmasked_values_of("poisson", "rate", rate, not_negative, exact_dtype(rate, drawing));
  return astype(draw_by(OpId::poisson, {}, {values}, drawing), drawing.dtype);
} catch (const Error&) {
  core::rethrow_as("poisson");
}

Tensor dirichlet(const Tensor& concentration, const DrawOptions& options) try {
  if (!concentration.defined()) throw ValueError("dirichlet: an undefined tensor was given");
  if (concentration.rank() == 0) {
    throw ValueError("dirichlet: expected a concentration of shape (..., K), got a single number");
  }
  Dims shape = options.shape.value_or(Dims{});
  for (const int64_t size : concentration.shape()) shape.push_back(size);
  const DistributionParameter parameter(concentration);
  const Drawing drawing = drawing_of("dirichlet", {shape, options.dtype, options.generator}, {&parameter});
  return astype(softmax(log_gamma_variates("dirichlet", "concentration", parameter, drawing), -1), drawing.dtype);
} catch (const Error&) {
  core::rethrow_as("dirichlet");
}

Tensor multinomial(const Tensor& probs, int64_t count, bool replacement, Generator& generator) try {
  if (!probs.defined()) throw ValueError("multinomial: an undefined tensor was given");
  Dims shape = probs.shape();
  if (shape.rank() == 0) throw ValueError("multinomial: expected probabilities of shape (..., K), got a single number");
  if (count < 0) throw ValueError(concat_text("multinomial: expected a count >= 0, got ", count));
  shape[shape.rank() - 1] = count;
  ops::require_sizes("multinomial", shape);
  const Tensor weights = is_floating(probs.dtype()) ? probs.detach() : astype(probs, DType::float64);
  return op::apply(OpId::multinomial, op::to_attrs(op::MultinomialAttrs{count, replacement}),
                   {weights, generator.take(element_count(shape))});
} catch (const Error&) {
  core::rethrow_as("multinomial");
}

Tensor categorical(const Tensor& probs, const Dims& shape, Generator& generator) try {
  ops::require_sizes("categorical", shape);
  const Tensor drawn = multinomial(probs, element_count(shape), true, generator);
  // (..., count) -> (count, ...) -> (shape..., ...)
  const int rank = drawn.rank();
  std::vector<int64_t> axes = {rank - 1};
  Dims result = shape;
  for (int axis = 0; axis < rank - 1; ++axis) {
    axes.push_back(axis);
    result.push_back(drawn.shape()[axis]);
  }
  return reshape(permute_dims(drawn, axes), result);
} catch (const Error&) {
  core::rethrow_as("categorical");
}

Tensor permutation(const Tensor& x, int64_t axis, Generator& generator) try {
  if (!x.defined()) throw ValueError("permutation: an undefined tensor was given");
  const int chosen = normalize_axis("permutation", axis, x.rank());
  return take(x, pydl::permutation(x.shape()[chosen], generator), chosen);
} catch (const Error&) {
  core::rethrow_as("permutation");
}

void shuffle(const Tensor& x, int64_t axis, Generator& generator) try {
  assign(x, permutation(x, axis, generator));
} catch (const Error&) {
  core::rethrow_as("shuffle");
}

}  // namespace random

}  // namespace pydl
