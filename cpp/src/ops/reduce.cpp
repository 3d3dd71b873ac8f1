// Reductions over axes.
#include <cmath>
#include <limits>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/reduce.h"
#include "ops/composing.h"
#include "ops/families.h"
#include "pydl/ops.h"
#include "pydl/program.h"
#include "pydl/statistics.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

bool contains(const Dims& axes, int axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

Dims reduced_shape(const Dims& shape, const Dims& axes, bool keepdims) {
  Dims result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!contains(axes, axis)) {
      result.push_back(shape[axis]);
    } else if (keepdims) {
      result.push_back(1);
    }
  }
  return result;
}

int64_t reduced_count(const Dims& shape, const Dims& axes) {
  int64_t count = 1;
  for (const int64_t axis : axes) count *= shape[static_cast<int>(axis)];
  return count;
}

template <OpId id>
void infer_reduction(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& x = inputs[0];
  const auto [axes, keepdims] = op::from_attrs<op::ReduceAttrs>(attrs);
  if (normalize_axes(name, axes, x.shape.rank()) != axes) {
    throw ValueError(concat_text(name, ": expected ascending axes from 0 on, got ", axes));
  }
  DType dtype = x.dtype;
  if constexpr (id == OpId::mean || id == OpId::var || id == OpId::nansum || id == OpId::euclidean_norm) {
    require_floating(name, x);
  }
  if constexpr (id == OpId::sum) {
    if (dtype == DType::boolean) dtype = DType::int64;
  }
  if constexpr (id == OpId::any || id == OpId::all) {
    if (dtype != DType::boolean) throw TypeError(concat_text(name, ": expected bool, got ", dtype));
  }
  if constexpr (id == OpId::max || id == OpId::min || id == OpId::argmax || id == OpId::argmin) {
    const Dims shape = reduced_shape(x.shape, axes, false);
    if (reduced_count(x.shape, axes) == 0 && element_count(shape) > 0) {
      throw ValueError(concat_text(name, ": no elements to reduce in shape ", x.shape, " over axes ", axes));
    }
  }
  if constexpr (id == OpId::argmax || id == OpId::argmin) {
    if (axes.rank() != 1 && axes.rank() != x.shape.rank()) {
      throw ValueError(concat_text(name, ": expected one axis or all of them, got ", axes));
    }
    dtype = DType::int64;
  }
  *output = row_major(dtype, reduced_shape(x.shape, axes, keepdims));
}

int64_t count_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec&) {
  return element_count(inputs[0].shape);
}

Dims reduced_axes(const BackwardContext& c) { return op::from_attrs<op::ReduceAttrs>(c.attrs()).axes; }

// Expands a reduced tensor to the shape of the reduction's input.
Tensor spread(const BackwardContext& c, const Tensor& reduced) {
  const Dims& shape = c.input_shape(0);
  return expand(reshape(reduced, reduced_shape(shape, reduced_axes(c), true)), shape);
}

int64_t count_of(const BackwardContext& c) { return reduced_count(c.input_shape(0), reduced_axes(c)); }

Axes axes_of(const BackwardContext& c) {
  const Dims axes = reduced_axes(c);
  return std::vector<int64_t>(axes.begin(), axes.end());
}

Gradients sum_gradients(const BackwardContext& c) { return {spread(c, c.gradient)}; }

Gradients mean_gradients(const BackwardContext& c) {
  return {spread(c, c.gradient * (1.0 / static_cast<double>(count_of(c))))};
}

Gradients nansum_gradients(const BackwardContext& c) {
  return {where(isnan(c.input(0)), scalar_like(0, c.gradient), spread(c, c.gradient))};
}

// Vectors of zeros receive a gradient of 0.
Gradients euclidean_norm_gradients(const BackwardContext& c) {
  const Tensor norm = c.result();
  const Tensor divisor = where(equal(norm, scalar_like(0, norm)), scalar_like(1, norm), norm);
  return {gradient_times(spread(c, c.gradient / divisor), c.input(0))};
}

// All elements equal to the extremum share the gradient equally.
Gradients extremum_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const Tensor reached = astype(equal(x, spread(c, c.result())), x.dtype());
  const Tensor share = c.gradient / reshape(sum(reached, axes_of(c)), c.gradient.shape());
  return {gradient_times(spread(c, share), reached)};
}

// For each element the product of all others: of those before it and those after it, without division, so that it is
// correct for zeros and can be differentiated again. In float64, because parts of a product may overflow where the
// whole one does not.
Tensor product_of_others(const Tensor& rows) {
  const Dims part = {rows.size(0), rows.size(1) - 1};
  const Tensor wide = astype(rows, DType::float64);
  const Tensor one = ones({rows.size(0), 1}, DType::float64);
  const Tensor before = cumprod(slice(wide, {0, 0}, part, {1, 1}), 1);
  const Tensor after = cumprod(slice(wide, {0, 1}, part, {1, 1}), 1, true);
  return astype(concat({one, before}, 1) * concat({after, one}, 1), rows.dtype());
}

Gradients prod_gradients(const BackwardContext& c) {
  const Dims& shape = c.input_shape(0);
  const Dims axes = reduced_axes(c);
  Dims order;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!contains(axes, axis)) order.push_back(axis);
  }
  for (const int64_t axis : axes) order.push_back(axis);
  const Tensor moved = permute_dims(c.input(0), order);
  const int64_t count = count_of(c);
  if (count == 0) return {zeros(shape, c.input_dtype(0))};
  const int64_t row_count = moved.size() / count;
  const Tensor others = product_of_others(reshape(moved, {row_count, count}));
  Dims inverse = order;
  for (int i = 0; i < order.rank(); ++i) inverse[static_cast<int>(order[i])] = i;
  return {gradient_times(spread(c, c.gradient), permute_dims(reshape(others, moved.shape()), inverse))};
}

Gradients var_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const double divisor = static_cast<double>(count_of(c)) - op::from_attrs<op::VarAttrs>(c.attrs()).correction;
  const Tensor centred = x - mean(x, axes_of(c), true);
  return {gradient_times(spread(c, c.gradient), centred * (2.0 / divisor))};
}

}  // namespace

void define_reduce(Registry& registry) {
  constexpr uint32_t x_input = 1U;
  // Reductions.
  // (x) -> (y) {axes dims, ascending; keepdims bool}
  registry.declare(OpId::sum, {
                                  .doc = "Sum over axes; of bools, how many are true.",
                                  .inputs = {"x"},
                                  .attributes = op::fields_of<op::ReduceAttrs>(),
                                  .traits = flag(op::Trait::reduction),
                                  .infer = infer_reduction<OpId::sum>,
                                  .backward = sum_gradients,
                                  .flops = count_flops,
                              });
  registry.declare(OpId::mean, {
                                   .doc = "Arithmetic mean over axes.",
                                   .inputs = {"x"},
                                   .attributes = op::fields_of<op::ReduceAttrs>(),
                                   .traits = flag(op::Trait::reduction),
                                   .infer = infer_reduction<OpId::mean>,
                                   .backward = mean_gradients,
                                   .flops = count_flops,
                               });
  registry.declare(OpId::nansum, {
                                     .doc = "Sum over axes without what is not a number.",
                                     .inputs = {"x"},
                                     .attributes = op::fields_of<op::ReduceAttrs>(),
                                     .traits = flag(op::Trait::reduction),
                                     .infer = infer_reduction<OpId::nansum>,
                                     .backward = nansum_gradients,
                                     .saves_inputs = x_input,
                                     .flops = count_flops,
                                 });
  // The squares are added in float64, so that none of a float32 overflows.
  registry.declare(OpId::euclidean_norm, {
                                             .doc = "Square root of the sum of squares over axes.",
                                             .inputs = {"x"},
                                             .attributes = op::fields_of<op::ReduceAttrs>(),
                                             .traits = flag(op::Trait::reduction),
                                             .infer = infer_reduction<OpId::euclidean_norm>,
                                             .backward = euclidean_norm_gradients,
                                             .saves_inputs = x_input,
                                             .saves_results = 1U,
                                             .flops = count_flops,
                                         });
  registry.declare(OpId::prod, {
                                   .doc = "Product over axes.",
                                   .inputs = {"x"},
                                   .attributes = op::fields_of<op::ReduceAttrs>(),
                                   .traits = flag(op::Trait::reduction),
                                   .infer = infer_reduction<OpId::prod>,
                                   .backward = prod_gradients,
                                   .saves_inputs = x_input,
                                   .flops = count_flops,
                               });
  registry.declare(OpId::max, {
                                  .doc = "Largest element over axes; NaN wins.",
                                  .inputs = {"x"},
                                  .attributes = op::fields_of<op::ReduceAttrs>(),
                                  .traits = flag(op::Trait::reduction),
                                  .infer = infer_reduction<OpId::max>,
                                  .backward = extremum_gradients,
                                  .saves_inputs = x_input,
                                  .saves_results = 1U,
                                  .flops = count_flops,
                              });
  registry.declare(OpId::min, {
                                  .doc = "Smallest element over axes; NaN wins.",
                                  .inputs = {"x"},
                                  .attributes = op::fields_of<op::ReduceAttrs>(),
                                  .traits = flag(op::Trait::reduction),
                                  .infer = infer_reduction<OpId::min>,
                                  .backward = extremum_gradients,
                                  .saves_inputs = x_input,
                                  .saves_results = 1U,
                                  .flops = count_flops,
                              });
  // bool -> bool
  registry.declare(OpId::any, {
                                  .doc = "Whether any element over axes is true.",
                                  .inputs = {"x"},
                                  .attributes = op::fields_of<op::ReduceAttrs>(),
                                  .traits = flag(op::Trait::reduction),
                                  .infer = infer_reduction<OpId::any>,
                                  .flops = count_flops,
                              });
  // bool -> bool
  registry.declare(OpId::all, {
                                  .doc = "Whether all elements over axes are true.",
                                  .inputs = {"x"},
                                  .attributes = op::fields_of<op::ReduceAttrs>(),
                                  .traits = flag(op::Trait::reduction),
                                  .infer = infer_reduction<OpId::all>,
                                  .flops = count_flops,
                              });
  // {axes dims; keepdims bool; correction number}: the divisor is count - correction
  registry.declare(OpId::var, {
                                  .doc = "Variance over axes.",
                                  .inputs = {"x"},
                                  .attributes = op::fields_of<op::VarAttrs>(),
                                  .traits = flag(op::Trait::reduction),
                                  .infer = infer_reduction<OpId::var>,
                                  .backward = var_gradients,
                                  .saves_inputs = x_input,
                                  .flops = count_flops,
                              });
  // {axes: one axis, or all of them for the flat index; keepdims} -> int64: the first of equal elements; NaN wins
  registry.declare(OpId::argmax, {
                                     .doc = "Index of the largest element.",
                                     .inputs = {"x"},
                                     .attributes = op::fields_of<op::ReduceAttrs>(),
                                     .traits = flag(op::Trait::reduction),
                                     .infer = infer_reduction<OpId::argmax>,
                                     .flops = count_flops,
                                 });
  registry.declare(OpId::argmin, {
                                     .doc = "Index of the smallest element.",
                                     .inputs = {"x"},
                                     .attributes = op::fields_of<op::ReduceAttrs>(),
                                     .traits = flag(op::Trait::reduction),
                                     .infer = infer_reduction<OpId::argmin>,
                                     .flops = count_flops,
                                 });
}

}  // namespace ops

namespace {

Tensor reduce(OpId id, const Tensor& x, const Axes& axes, bool keepdims) {
  return op::apply(id, op::to_attrs(op::ReduceAttrs{ops::axes_to_reduce(op::op_name(id), x, axes), keepdims}), {x});
}

// Sums of integers and bools are computed in int64.
Tensor widened(const Tensor& x) { return is_floating(x.dtype()) ? x : astype(x, DType::int64); }

Tensor floated(const Tensor& x) { return is_floating(x.dtype()) ? x : astype(x, DType::float32); }

Tensor arg_reduce(OpId id, const Tensor& x, std::optional<int64_t> axis, bool keepdims) {
  const Axes axes = axis ? Axes{*axis} : Axes{};
  return reduce(id, x.dtype() == DType::boolean ? astype(x, DType::uint8) : x, axes, keepdims);
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, bool keepdims) try {
  // In compiled functions, the conversion is part of a larger kernel.
  const bool counts = x.dtype() == DType::boolean && !is_tracing();
  return reduce(OpId::sum, counts ? x : widened(x), axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("sum");
}
Tensor mean(const Tensor& x, const Axes& axes, bool keepdims) try {
  return reduce(OpId::mean, floated(x), axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("mean");
}
Tensor prod(const Tensor& x, const Axes& axes, bool keepdims) try {
  return reduce(OpId::prod, widened(x), axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("prod");
}

Tensor max(const Tensor& x, const Axes& axes, bool keepdims) try {
  if (x.dtype() == DType::boolean) return any(x, axes, keepdims);
  return reduce(OpId::max, x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("max");
}

Tensor min(const Tensor& x, const Axes& axes, bool keepdims) try {
  if (x.dtype() == DType::boolean) return all(x, axes, keepdims);
  return reduce(OpId::min, x, axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("min");
}

Tensor any(const Tensor& x, const Axes& axes, bool keepdims) try {
  return reduce(OpId::any, astype(x, DType::boolean), axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("any");
}

Tensor all(const Tensor& x, const Axes& axes, bool keepdims) try {
  return reduce(OpId::all, astype(x, DType::boolean), axes, keepdims);
} catch (const Error&) {
  core::rethrow_as("all");
}

Tensor var(const Tensor& x, const Axes& axes, double correction, bool keepdims) try {
  const op::VarAttrs attrs = {ops::axes_to_reduce("var", x, axes), keepdims, correction};
  return op::apply(OpId::var, op::to_attrs(attrs), {floated(x)});
} catch (const Error&) {
  core::rethrow_as("var");
}

Tensor std(const Tensor& x, const Axes& axes, double correction, bool keepdims) try {
  // The derivative is 0 if all elements are equal, as in PyTorch; the square root alone has no derivative there.
  const Tensor variance = var(x, axes, correction, keepdims);
  const Tensor zero = scalar_like(0, variance);
  const Tensor is_constant = equal(variance, zero);
  return where(is_constant, zero, sqrt(where(is_constant, scalar_like(1, variance), variance)));
} catch (const Error&) {
  core::rethrow_as("std");
}

Tensor argmax(const Tensor& x, std::optional<int64_t> axis, bool keepdims) try {
  return arg_reduce(OpId::argmax, x, axis, keepdims);
} catch (const Error&) {
  core::rethrow_as("argmax");
}

Tensor argmin(const Tensor& x, std::optional<int64_t> axis, bool keepdims) try {
  return arg_reduce(OpId::argmin, x, axis, keepdims);
} catch (const Error&) {
  core::rethrow_as("argmin");
}

Tensor sum_to(const Tensor& x, const Dims& shape) try {
  if (x.shape() == shape) return x;
  const int shift = x.rank() - shape.rank();
  std::vector<int64_t> axes;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis < shift || (shape[axis - shift] == 1 && x.shape()[axis] != 1)) axes.push_back(axis);
  }
  return reshape(sum(x, axes), shape);
} catch (const Error&) {
  core::rethrow_as("sum_to");
}

}  // namespace pydl
