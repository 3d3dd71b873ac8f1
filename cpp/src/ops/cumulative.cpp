// Cumulative reductions along an axis, and the linear recurrence in which their derivatives are written.
#include "op/attrs/cumulative.h"

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/ops.h"
#include "pydl/statistics.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::CumulativeAttrs;
using op::Gradients;
using op::OpId;

constexpr bool has_indices(OpId id) { return id == OpId::cummax || id == OpId::cummin; }

// Sums and products of integers are computed in int64, as NumPy does.
template <OpId id>
void infer_cumulative(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& x = inputs[0];
  require_axis(name, op::from_attrs<CumulativeAttrs>(attrs).axis, x.shape.rank());
  if (id == OpId::logcumsumexp) require_floating(name, x);
  const bool is_widened = (id == OpId::cumsum || id == OpId::cumprod) && !is_floating(x.dtype);
  results[0] = row_major(is_widened ? DType::int64 : x.dtype, x.shape);
  if (has_indices(id)) results[1] = row_major(DType::int64, x.shape);
}

void infer_recurrence(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  const BufferSpec& a = inputs[0];
  const BufferSpec& x = inputs[1];
  require_floating("linear_recurrence", a);
  require_same_dtype("linear_recurrence", a, x);
  if (a.shape != x.shape) {
    throw ValueError(concat_text("linear_recurrence: shapes ", a.shape, " and ", x.shape, " differ"));
  }
  require_axis("linear_recurrence", op::from_attrs<CumulativeAttrs>(attrs).axis, a.shape.rank());
  *result = row_major(a.dtype, a.shape);
}

Tensor floated_input(const Tensor& x) { return is_floating(x.dtype()) ? x : astype(x, DType::float32); }

void canonical_floating(Attrs& attrs, std::vector<Tensor>& inputs) {
  canonical_axis<CumulativeAttrs>(attrs, inputs);
  inputs[0] = floated_input(inputs[0]);
}

// The two are promoted and broadcast together.
void canonical_recurrence(Attrs& attrs, std::vector<Tensor>& inputs) {
  const DType dtype = promote(floated_input(inputs[0]).dtype(), floated_input(inputs[1]).dtype());
  const Dims shape = broadcast_shapes("linear_recurrence", inputs[0].shape(), inputs[1].shape());
  for (Tensor& input : inputs) input = expand(astype(input, dtype), shape);
  canonical_axis<CumulativeAttrs>(attrs, inputs);
}

// For each element the one before it in the direction of the reduction, or after it; `outside` where there is none.
Tensor neighbours(const Tensor& x, const CumulativeAttrs& attrs, bool before, double outside) {
  const auto axis = static_cast<int>(attrs.axis);
  if (x.size(axis) == 0) return x;
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  Dims edge = x.shape();
  edge[axis] = 1;
  sizes[axis] -= 1;
  const bool is_moved_up = before != attrs.reverse;
  starts[axis] = is_moved_up ? 0 : 1;
  const Tensor part = slice(x, starts, sizes, Dims::filled(x.rank(), 1));
  const Tensor filled = expand(Tensor::scalar(outside, x.dtype()), edge);
  return is_moved_up ? concat({filled, part}, attrs.axis) : concat({part, filled}, attrs.axis);
}

Tensor run(OpId id, const CumulativeAttrs& attrs, std::initializer_list<Tensor> inputs) {
  return op::apply(id, op::to_attrs(attrs), inputs);
}

CumulativeAttrs reversed(CumulativeAttrs attrs) {
  attrs.reverse = !attrs.reverse;
  return attrs;
}

// The transpose of a cumulative sum runs in the opposite direction.
Gradients cumsum_gradients(const BackwardContext& c) {
  return {run(OpId::cumsum, reversed(op::from_attrs<CumulativeAttrs>(c.attrs())), {c.gradient})};
}

// The transpose of y = a * (y before) + x is the same recurrence in the opposite direction. It gives the gradient of x.
Gradients recurrence_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<CumulativeAttrs>(c.attrs());
  const Tensor sums =
      run(OpId::linear_recurrence, reversed(attrs), {neighbours(c.input(0), attrs, false, 0), c.gradient});
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = gradient_times(sums, neighbours(c.result(), attrs, true, 0));
  gradients[1] = sums;
  return gradients;
}

// The product of the elements before x[k], times what the later gradients are multiplied by if x[k] changes: no
// division, so that it is correct where there are zeros.
Gradients cumprod_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<CumulativeAttrs>(c.attrs());
  const Tensor later =
      run(OpId::linear_recurrence, reversed(attrs), {neighbours(c.input(0), attrs, false, 1), c.gradient});
  return {gradient_times(later, neighbours(c.result(), attrs, true, 1))};
}

// a - b, with another value where both are the same infinity.
Tensor difference(const Tensor& a, const Tensor& b, const Tensor& if_infinite) {
  return where(logical_and(equal(a, b), isinf(a)), if_infinite, a - b);
}

// dy[i] / dx[k] = exp(x[k] - y[i]) = exp(x[k] - y[k]) exp(y[k] - y[k + 1]) ... exp(y[i - 1] - y[i]): no factor is
// greater than 1. An x of minus infinity has no influence.
Gradients logcumsumexp_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<CumulativeAttrs>(c.attrs());
  const Tensor x = c.input(0);
  const Tensor y = c.result();
  const Tensor zero = scalar_like(0, y);
  const Tensor factors = exp(difference(y, neighbours(y, attrs, false, 0), zero));
  // Factor i leads from y[i] to y[i + 1], and is read where element i + 1 is added.
  const Tensor later = run(OpId::linear_recurrence, reversed(attrs), {factors, c.gradient});
  return {gradient_times(later, exp(difference(x, y, minimum(x, zero).detach())))};
}

// Gradients are moved back to the elements that were the extrema.
Gradients extremum_positions_gradients(const BackwardContext& c) {
  if (!c.gradient.defined()) return {{}};
  const int64_t axis = op::from_attrs<CumulativeAttrs>(c.attrs()).axis;
  return {gather_backward(c.gradient, c.result(1), axis, c.input_shape(0)[static_cast<int>(axis)])};
}

template <OpId id>
op::OpDef extremum_def(const char* doc, const char* example) {
  return {
      .doc = doc,
      .inputs = {"x"},
      .results = {"values", "indices"},
      .attributes = op::fields_of<CumulativeAttrs>(),
      .example = example,
      .canonical = canonical_axis<CumulativeAttrs>,
      .infer = infer_cumulative<id>,
      .backward = extremum_positions_gradients,
      .saves_results = 2U,
  };
}

}  // namespace

void define_cumulative(Registry& registry) {
  registry.declare(OpId::cumsum,
                   {
                       .doc = "Sums of all elements up to each one along an axis.",
                       .inputs = {"x"},
                       .attributes = op::fields_of<CumulativeAttrs>(),
                       .example = ">>> pydl.cumsum(pydl.tensor([1, 2, 3]), axis=0)\ntensor([1, 3, 6], dtype=int64)\n",
                       .canonical = canonical_axis<CumulativeAttrs>,
                       .infer = infer_cumulative<OpId::cumsum>,
                       .backward = cumsum_gradients,
                   });
  registry.declare(OpId::cumprod,
                   {
                       .doc = "Products of all elements up to each one along an axis.",
                       .inputs = {"x"},
                       .attributes = op::fields_of<CumulativeAttrs>(),
                       .example = ">>> pydl.cumprod(pydl.tensor([1, 2, 3]), axis=0)\ntensor([1, 2, 6], dtype=int64)\n",
                       .canonical = canonical_axis<CumulativeAttrs>,
                       .infer = infer_cumulative<OpId::cumprod>,
                       .backward = cumprod_gradients,
                       .saves_inputs = 1U,
                       .saves_results = 1U,
                   });
  registry.declare(OpId::cummax, extremum_def<OpId::cummax>(
                                     "Largest of all elements up to each one along an axis, and where the last of "
                                     "these is; NaN wins.",
                                     ">>> values, indices = pydl.cummax(pydl.tensor([1, 3, 2]), axis=0)\n"
                                     ">>> values.tolist(), indices.tolist()\n([1, 3, 3], [0, 1, 1])\n"));
  registry.declare(OpId::cummin, extremum_def<OpId::cummin>(
                                     "Smallest of all elements up to each one along an axis, and where the last of "
                                     "these is; NaN wins.",
                                     ">>> values, indices = pydl.cummin(pydl.tensor([2, 3, 1]), axis=0)\n"
                                     ">>> values.tolist(), indices.tolist()\n([2, 2, 1], [0, 0, 2])\n"));
  registry.declare(OpId::logcumsumexp,
                   {
                       .doc = "Logarithms of the cumulative sums of exponentials along an axis, without overflow.",
                       .inputs = {"x"},
                       .attributes = op::fields_of<CumulativeAttrs>(),
                       .example = ">>> pydl.logcumsumexp(pydl.tensor([1000.0, 1000.0]), axis=0)\n"
                                  "tensor([1000.0000, 1000.6932], dtype=float32)\n",
                       .canonical = canonical_floating,
                       .infer = infer_cumulative<OpId::logcumsumexp>,
                       .backward = logcumsumexp_gradients,
                       .saves_inputs = 1U,
                       .saves_results = 1U,
                   });
  // y[i] = a[i] y[i - 1] + x[i] along the axis; y[0] = x[0], so that a[0] is not read
  registry.declare(OpId::linear_recurrence,
                   {
                       .doc = "The recurrence y[i] = a[i] * y[i - 1] + x[i] along an axis, which begins with x[0].",
                       .inputs = {"a", "x"},
                       .attributes = op::fields_of<CumulativeAttrs>(),
                       .example = ">>> pydl.linear_recurrence(pydl.tensor(0.5), pydl.tensor([4.0, 0.0, 1.0]), axis=0)\n"
                                  "tensor([4., 2., 2.], dtype=float32)\n",
                       .canonical = canonical_recurrence,
                       .infer = infer_recurrence,
                       .backward = recurrence_gradients,
                       .saves_inputs = 1U,
                       .saves_results = 1U,
                   });
}

}  // namespace pydl::ops

namespace pydl {

namespace {

std::vector<Tensor> accumulate(op::OpId id, int64_t axis, bool reverse, std::vector<Tensor> inputs) {
  return op::call(id, op::to_attrs(op::CumulativeAttrs{axis, reverse}), std::move(inputs));
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t axis, bool reverse) try {
  return accumulate(op::OpId::cumsum, axis, reverse, {x})[0];
} catch (const Error&) {
  core::rethrow_as("cumsum");
}

Tensor cumprod(const Tensor& x, int64_t axis, bool reverse) try {
  return accumulate(op::OpId::cumprod, axis, reverse, {x})[0];
} catch (const Error&) {
  core::rethrow_as("cumprod");
}

ValuesAndIndices cummax(const Tensor& x, int64_t axis, bool reverse) try {
  const auto results = accumulate(op::OpId::cummax, axis, reverse, {x});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("cummax");
}

ValuesAndIndices cummin(const Tensor& x, int64_t axis, bool reverse) try {
  const auto results = accumulate(op::OpId::cummin, axis, reverse, {x});
  return {results[0], results[1]};
} catch (const Error&) {
  core::rethrow_as("cummin");
}

Tensor logcumsumexp(const Tensor& x, int64_t axis, bool reverse) try {
  return accumulate(op::OpId::logcumsumexp, axis, reverse, {x})[0];
} catch (const Error&) {
  core::rethrow_as("logcumsumexp");
}

Tensor linear_recurrence(const Tensor& a, const Tensor& x, int64_t axis, bool reverse) try {
  return accumulate(op::OpId::linear_recurrence, axis, reverse, {a, x})[0];
} catch (const Error&) {
  core::rethrow_as("linear_recurrence");
}

}  // namespace pydl
