// Normalisation of rows with weights and biases, in one pass over memory: layer, RMS, group and instance normalisation.
#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/scaled_rows.h"
#include "ops/families.h"
#include "ops/row_norm_derivatives.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::NormalizeAttrs;
using op::OpId;

namespace ops {

namespace {

void require_weights(const char* name, const char* argument, const NormalizeAttrs& attrs, const BufferSpec& x,
                     const BufferSpec& weight) {
  if (!op::ScaledRows::fits(attrs, x, weight.shape)) {
    throw ValueError(concat_text(name, ": x of shape ", x.shape, " expects ", argument,
                                 " of the shape of its last axes, at least ", attrs.axes, ", got shape ",
                                 weight.shape));
  }
  if (weight.dtype != x.dtype && weight.dtype != dtype_of_statistics(x.dtype)) {
    throw TypeError(concat_text(name, ": x of ", x.dtype, " expects ", argument, " of ", dtype_of_statistics(x.dtype),
                                ", got ", weight.dtype));
  }
}

NormalizeAttrs require_rows(const char* name, const Attrs& attrs, const BufferSpec& x) {
  const auto declared = op::from_attrs<NormalizeAttrs>(attrs);
  require_floating(name, x);
  if (declared.axes < 1 || declared.axes > x.shape.rank()) {
    throw ValueError(concat_text(name, ": expected 1 to ", x.shape.rank(), " trailing axes of shape ", x.shape,
                                 ", got ", declared.axes));
  }
  return declared;
}

void infer_scaled_normalize(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = "scaled_normalize";
  const NormalizeAttrs declared = require_rows(name, attrs, inputs[0]);
  require_weights(name, "a weight", declared, inputs[0], inputs[1]);
  if (inputs.size() > 2 && inputs[2].shape != inputs[1].shape) {
    throw ValueError(concat_text(name, ": expected a bias of the shape of the weight, ", inputs[1].shape, ", got ",
                                 inputs[2].shape));
  }
  if (inputs.size() > 2) require_weights(name, "a bias", declared, inputs[0], inputs[2]);
  *output = row_major(inputs[0].dtype, inputs[0].shape);
}

void infer_scaled_normalize_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results,
                                     int64_t*) {
  const char* name = "scaled_normalize_backward";
  const BufferSpec& x = inputs[1];
  const NormalizeAttrs declared = require_rows(name, attrs, x);
  require_same_dtype(name, inputs[0], x);
  if (inputs[0].shape != x.shape) {
    throw ValueError(concat_text(name, ": expected a gradient of shape ", x.shape, ", got ", inputs[0].shape));
  }
  require_weights(name, "a weight", declared, x, inputs[2]);
  results[0] = row_major(x.dtype, x.shape);
  results[1] = results[2] = row_major(dtype_of_statistics(x.dtype), inputs[2].shape);
}

Gradients scaled_normalize_gradients(const BackwardContext& c) {
  const auto [axes, epsilon, center] = op::from_attrs<NormalizeAttrs>(c.attrs());
  const ScaledNormGradients found =
      scaled_normalize_backward(c.gradient, c.input(0), c.input(1), axes, epsilon, center);
  Gradients gradients = {found.dx, astype(found.dweight, c.input_dtype(1))};
  if (c.input_count() > 2) gradients.push_back(astype(found.dbias, c.input_dtype(2)));
  return gradients;
}

void add_to(Tensor& sum, const Tensor& term) { sum = sum.defined() ? sum + term : term; }

// With N the normalisation and N' its gradient, the results are N'(g weight), the sum of g N(x) and the sum of g. N' is
// its own transpose.
Gradients scaled_normalize_backward_gradients(const BackwardContext& c) {
  const auto declared = op::from_attrs<NormalizeAttrs>(c.attrs());
  const auto [axes, epsilon, center] = declared;
  const Tensor x = c.input(1);
  const DType dtype = dtype_of_statistics(x.dtype());
  const Tensor g = astype(c.input(0), dtype);
  const Tensor weight = astype(c.input(2), dtype);
  Gradients sums(3);
  if (const Tensor& h = c.gradients[0]; h.defined()) {
    const Tensor through = astype(normalize_backward(h, x, axes, epsilon, center), dtype);
    if (c.needs(0)) add_to(sums[0], through * weight);
    if (c.needs(1)) add_to(sums[1], normalize_backward_gradient(h, g * weight, x, declared));
    if (c.needs(2)) add_to(sums[2], sum_to(through * g, weight.shape()));
  }
  if (const Tensor& h = c.gradients[1]; h.defined()) {
    if (c.needs(0)) add_to(sums[0], astype(normalize(x, axes, epsilon, center), dtype) * h);
    if (c.needs(1)) {
      add_to(sums[1], astype(normalize_backward(astype(g * h, x.dtype()), x, axes, epsilon, center), dtype));
    }
  }
  if (const Tensor& h = c.gradients[2]; h.defined() && c.needs(0)) add_to(sums[0], broadcast_to(h, x.shape()));
  for (int input = 0; input < 3; ++input) {
    Tensor& sum = sums[static_cast<size_t>(input)];
    if (sum.defined()) sum = astype(sum, c.input_dtype(input));
  }
  return sums;
}

template <int64_t per_element>
int64_t flops_per_element(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec&) {
  return per_element * element_count(inputs[0].shape);
}

}  // namespace

void define_scaled_norm(Registry& registry) {
  // (x, weight, bias?) -> (y, row-major) {attributes of normalize}: the weights have the shape of trailing axes of x,
  // at least those of a row, where the last axes within the row may be 1; their dtype is that of x, or float32 for 16
  // bits
  registry.declare(OpId::scaled_normalize, {
                                               .doc = "normalize(x) * weight + bias.",
                                               .inputs = {"x", "weight", "bias?"},
                                               .attributes = op::fields_of<NormalizeAttrs>(),
                                               .infer = infer_scaled_normalize,
                                               .backward = scaled_normalize_gradients,
                                               .saves_inputs = 0b11,
                                               .flops = flops_per_element<8>,
                                           });
  // (g, x, weight) -> dx, dweight, dbias, the last two of the dtype of statistics {same attributes}
  registry.declare(OpId::scaled_normalize_backward, {
                                                        .doc = "Gradients of scaled_normalize for all inputs.",
                                                        .inputs = {"g", "x", "weight"},
                                                        .results = {"dx", "dweight", "dbias"},
                                                        .attributes = op::fields_of<NormalizeAttrs>(),
                                                        .infer = infer_scaled_normalize_backward,
                                                        .backward = scaled_normalize_backward_gradients,
                                                        .saves_inputs = 0b111,
                                                        .flops = flops_per_element<17>,
                                                    });
}

}  // namespace ops

Tensor scaled_normalize(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t axes, double epsilon,
                        bool center) try {
  const Attrs attrs = {{"axes", axes}, {"epsilon", epsilon}, {"center", center}};
  if (!bias.defined()) return op::apply(OpId::scaled_normalize, attrs, {x, weight});
  return op::apply(OpId::scaled_normalize, attrs, {x, weight, bias});
} catch (const Error&) {
  core::rethrow_as("scaled_normalize");
}

ScaledNormGradients scaled_normalize_backward(const Tensor& g, const Tensor& x, const Tensor& weight, int64_t axes,
                                              double epsilon, bool center) try {
  const Attrs attrs = {{"axes", axes}, {"epsilon", epsilon}, {"center", center}};
  const std::vector<Tensor> results = op::apply_all(OpId::scaled_normalize_backward, attrs, {g, x, weight});
  return {results[0], results[1], results[2]};
} catch (const Error&) {
  core::rethrow_as("scaled_normalize_backward");
}

}  // namespace pydl
