// Products: the matrix product and the linear layer.
#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/saturating.h"
#include "ops/families.h"
#include "pydl/autocast.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

Dims batch_of(const Dims& shape) { return Dims(std::span(shape.begin(), static_cast<size_t>(shape.rank() - 2))); }

void require_numbers(const char* name, const BufferSpec& spec) {
  if (spec.dtype == DType::boolean) throw TypeError(concat_text(name, ": bool has no arithmetic; use astype"));
}

void infer_matmul(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const Dims& a = inputs[0].shape;
  const Dims& b = inputs[1].shape;
  require_same_dtype("matmul", inputs[0], inputs[1]);
  require_numbers("matmul", inputs[0]);
  if (a.rank() < 2 || b.rank() < 2) {
    throw ValueError(concat_text("matmul: expected at least two axes each, got shapes ", a, " and ", b));
  }
  if (a.back() != b[b.rank() - 2]) {
    throw ValueError(concat_text("matmul: the last axis of the first and the last but one of the second must agree, ",
                                 "got shapes ", a, " and ", b));
  }
  Dims shape = broadcast_shapes("matmul", batch_of(a), batch_of(b));
  shape.push_back(a[a.rank() - 2]);
  shape.push_back(b.back());
  require_sizes("matmul", shape);
  *output = row_major(inputs[0].dtype, shape);
}

int64_t matmul_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec& output) {
  return op::saturating_product({2, element_count(output.shape), inputs[0].shape.back()});
}

Gradients matmul_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = sum_to(matmul(c.gradient, matrix_transpose(c.input(1))), c.input_shape(0));
  if (c.needs(1)) gradients[1] = sum_to(matmul(matrix_transpose(c.input(0)), c.gradient), c.input_shape(1));
  return gradients;
}

void infer_linear(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const Dims& x = inputs[0].shape;
  const Dims& weight = inputs[1].shape;
  require_numbers("linear", inputs[0]);
  for (const BufferSpec& input : inputs) require_same_dtype("linear", inputs[0], input);
  if (weight.rank() != 2) {
    throw ValueError(concat_text("linear: expected a weight of shape (outputs, inputs), got ", weight));
  }
  if (x.rank() == 0 || x.back() != weight[1]) {
    throw ValueError(concat_text("linear: weight ", weight, " expects ", weight[1], " inputs on the last axis, got ",
                                 "input of shape ", x));
  }
  if (inputs.size() > 2 && inputs[2].shape != Dims{weight[0]}) {
    throw ValueError(concat_text("linear: expected a bias of shape (", weight[0], ",), got ", inputs[2].shape));
  }
  Dims shape = x;
  shape[shape.rank() - 1] = weight[0];
  require_sizes("linear", shape);
  *output = row_major(inputs[0].dtype, shape);
}

Gradients linear_gradients(const BackwardContext& c) {
  Gradients gradients(static_cast<size_t>(c.input_count()));
  const Tensor weight = c.input(1);
  if (c.needs(0)) gradients[0] = matmul(c.gradient.rank() > 1 ? c.gradient : reshape(c.gradient, {1, -1}), weight);
  if (c.needs(0)) gradients[0] = reshape(gradients[0], c.input_shape(0));
  if (!c.needs(1) && (c.input_count() < 3 || !c.needs(2))) return gradients;
  const int64_t outputs = weight.size(0);
  const int64_t inputs = weight.size(1);
  const int64_t rows = outputs == 0 ? 0 : c.gradient.size() / outputs;
  const Tensor gradient = reshape(c.gradient, {rows, outputs});
  if (c.needs(1)) {
    gradients[1] = matmul(matrix_transpose(gradient), reshape(c.input(0), {rows, inputs}));
  }
  if (c.input_count() == 3 && c.needs(2)) gradients[2] = sum(gradient, std::vector<int64_t>{0});
  return gradients;
}

int64_t linear_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec& output) {
  return op::saturating_product({2, element_count(output.shape), inputs[0].shape.back()});
}

}  // namespace

void define_matmul(Registry& registry) {
  constexpr uint32_t first_two_inputs = 3U;
  // (a (..., M, K), b (..., K, N)) -> (y (..., M, N)), ranks >= 2, batch axes broadcast; same dtype
  registry.declare(OpId::matmul, {
                                     .doc = "Matrix product, batched over leading axes.",
                                     .inputs = {"a", "b"},
                                     .infer = infer_matmul,
                                     .backward = matmul_gradients,
                                     .saves_inputs = first_two_inputs,
                                     .flops = matmul_flops,
                                 });
  // (x (..., I), weight (O, I), bias (O)?) -> (y (..., O)) {relu bool, set by passes: relu of the whole result}
  registry.declare(OpId::linear, {
                                     .doc = "x times the transposed weight, plus bias.",
                                     .inputs = {"x", "weight", "bias?"},
                                     .infer = infer_linear,
                                     .backward = linear_gradients,
                                     .saves_inputs = first_two_inputs,
                                     .flops = linear_flops,
                                 });
}

}  // namespace ops

Tensor matmul(const Tensor& a, const Tensor& b) try {
  if (a.rank() == 0 || b.rank() == 0) {
    throw ValueError(
        concat_text("matmul: expected at least one axis each, got shapes ", a.shape(), " and ", b.shape()));
  }
  const DType dtype = product_dtype(promote(a.dtype(), b.dtype()));
  const Tensor left = a.rank() == 1 ? expand_dims(astype(a, dtype), 0) : astype(a, dtype);
  const Tensor right = b.rank() == 1 ? expand_dims(astype(b, dtype), 1) : astype(b, dtype);
  const Tensor product = op::apply(OpId::matmul, {}, {left, right});
  Dims shape = product.shape();
  if (b.rank() == 1) shape.erase(shape.rank() - 1);
  if (a.rank() == 1) shape.erase(b.rank() == 1 ? shape.rank() - 1 : shape.rank() - 2);
  return reshape(product, shape);
} catch (const Error&) {
  core::rethrow_as("matmul");
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) try {
  DType dtype = promote(x.dtype(), weight.dtype());
  if (bias.defined()) dtype = promote(dtype, bias.dtype());
  dtype = product_dtype(dtype);
  if (!bias.defined()) return op::apply(OpId::linear, {}, {astype(x, dtype), astype(weight, dtype)});
  return op::apply(OpId::linear, {}, {astype(x, dtype), astype(weight, dtype), astype(bias, dtype)});
} catch (const Error&) {
  core::rethrow_as("linear");
}

}  // namespace pydl
