// Views of diagonals and of windows that may overlap.
#include "op/attrs/window.h"

#include <algorithm>

#include "autograd/node.h"
#include "core/named.h"
#include "core/tensor_impl.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/manipulation.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace {

// The number of elements on diagonal `offset` of a (rows, columns) matrix, for an offset in -rows .. columns.
int64_t diagonal_size(int64_t rows, int64_t columns, int64_t offset) {
  return std::max<int64_t>(offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns), 0);
}

// g (..., n) on diagonal `offset` of zeros (..., rows, columns): in row-major order, its elements are columns + 1
// apart.
Tensor on_diagonal(const Tensor& g, int64_t rows, int64_t columns, int64_t offset) {
  Dims flat = g.shape();
  int64_t size = 0;
  if (__builtin_mul_overflow(rows, columns, &size)) {
    throw MemoryError(concat_text("a matrix of ", rows, " x ", columns, " does not fit into memory"));
  }
  flat[flat.rank() - 1] = size;
  Dims starts = Dims::filled(flat.rank(), 0);
  Dims steps = Dims::filled(flat.rank(), 1);
  if (g.size(-1) > 0) starts[flat.rank() - 1] = offset >= 0 ? offset : -offset * columns;
  steps[flat.rank() - 1] = columns + 1;
  Dims shape = g.shape();
  shape[shape.rank() - 1] = rows;
  shape.push_back(columns);
  return reshape(slice_backward(g, flat, starts, steps), shape);
}

// 0, step, 2 step, ... as the axis `axis` of a tensor of `rank` axes.
Tensor multiples(int64_t count, int64_t step, int axis, int rank) {
  Dims shape = Dims::filled(rank, 1);
  shape[axis] = count;
  const Tensor numbers = arange(0, count, 1, DType::int64);
  return reshape(step == 1 ? numbers : multiply(numbers, scalar_like(step, numbers)), shape);
}

}  // namespace

namespace ops {

namespace {

void infer_diagonal(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t* offset) {
  const auto [k, axis1, axis2] = op::from_attrs<op::DiagonalAttrs>(attrs);
  const Dims& shape = inputs[0].shape;
  const int first = require_axis("diagonal", axis1, shape.rank());
  const int second = require_axis("diagonal", axis2, shape.rank());
  if (first == second) throw ValueError(concat_text("diagonal: expected two axes, got axis ", axis1, " twice"));
  const int64_t distance = std::clamp(k, -shape[first], shape[second]);
  const int64_t count = diagonal_size(shape[first], shape[second], distance);
  const int64_t row = inputs[0].strides[first];
  const int64_t column = inputs[0].strides[second];
  *output = inputs[0];
  for (const int axis : {std::max(first, second), std::min(first, second)}) {
    output->shape.erase(axis);
    output->strides.erase(axis);
  }
  output->shape.push_back(count);
  output->strides.push_back(count > 1 ? row + column : 1);
  if (count > 0) *offset += distance >= 0 ? distance * column : -distance * row;
}

Gradients diagonal_gradients(const BackwardContext& c) {
  const auto [k, axis1, axis2] = op::from_attrs<op::DiagonalAttrs>(c.attrs());
  const Dims& shape = c.input_shape(0);
  const int64_t rows = shape[static_cast<int>(axis1)];
  const int64_t columns = shape[static_cast<int>(axis2)];
  const Tensor matrices = on_diagonal(c.gradient, rows, columns, std::clamp(k, -rows, columns));
  return {moveaxis(matrices, Dims{-2, -1}, Dims{axis1, axis2})};
}

void infer_unfold(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const auto [axis, size, step, dilation] = op::from_attrs<op::UnfoldAttrs>(attrs);
  const int along = require_axis("unfold", axis, inputs[0].shape.rank());
  if (size < 1 || step < 1 || dilation < 1) {
    throw ValueError(
        concat_text("unfold: size, step and dilation must be at least 1, got ", size, ", ", step, " and ", dilation));
  }
  const int64_t extent = inputs[0].shape[along];
  int64_t reach = 0;
  if (__builtin_mul_overflow(size - 1, dilation, &reach) || reach >= extent) {
    throw ValueError(concat_text("unfold: a window of ", size, " elements, ", dilation, " apart, does not fit axis ",
                                 along, " of shape ", inputs[0].shape));
  }
  const int64_t count = (extent - 1 - reach) / step + 1;
  *output = inputs[0];
  output->shape[along] = count;
  output->shape.push_back(size);
  output->strides.push_back(size > 1 ? inputs[0].strides[along] * dilation : 1);
  if (count > 1) output->strides[along] *= step;
  require_sizes("unfold", output->shape);
}

// Adds each element of the windows to where it came from: of short windows that are close together, the first elements
// of all of them, then the second ones, and so on, which are passes over contiguous memory.
Gradients unfold_gradients(const BackwardContext& c) {
  const auto [axis, size, step, dilation] = op::from_attrs<op::UnfoldAttrs>(c.attrs());
  const int along = static_cast<int>(axis);
  if (size <= 8 && step <= 2) {
    const Dims& shape = c.input_shape(0);
    Dims starts = Dims::filled(shape.rank(), 0);
    Dims steps = Dims::filled(shape.rank(), 1);
    steps[along] = c.gradient.size(along) > 1 ? step : 1;
    Tensor total;
    for (int64_t i = 0; i < size; ++i, starts[along] += dilation) {
      const Tensor part = slice_backward(select(c.gradient, -1, i), shape, starts, steps);
      total = total.defined() ? add(total, part) : part;
    }
    return {total};
  }
  const int64_t count = c.gradient.size(along);
  const Tensor positions = add(multiples(count, step, 0, 2), multiples(size, dilation, 1, 2));
  const Tensor windows = moveaxis(c.gradient, Dims{-1}, Dims{axis + 1});
  return {take_backward(windows, positions, along, c.input_shape(0)[along])};
}

void infer_as_strided(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t* offset) {
  const auto [shape, strides, first] = op::from_attrs<op::AsStridedAttrs>(attrs);
  const BufferSpec& x = inputs[0];
  require_sizes("as_strided", shape);
  if (strides.rank() != shape.rank()) {
    throw ValueError(concat_text("as_strided: expected a stride for each axis of shape ", shape, ", got ", strides));
  }
  if (!is_contiguous(x.shape, x.strides)) throw ValueError("as_strided: expected a row-major tensor");
  *output = {x.dtype, shape, strides};
  if (element_count(shape) == 0) {
    output->strides = contiguous_strides(shape);
    return;
  }
  if (first < 0 || !core::lies_within(element_count(x.shape), shape, strides, first)) {
    throw IndexError(concat_text("as_strided: shape ", shape, " with strides ", strides, " and offset ", first,
                                 " reaches beyond the ", element_count(x.shape), " elements of shape ", x.shape));
  }
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) output->strides[axis] = 1;  // never taken, and may be too long for a stride
  }
  *offset += first;
}

Gradients as_strided_gradients(const BackwardContext& c) {
  const auto [shape, strides, first] = op::from_attrs<op::AsStridedAttrs>(c.attrs());
  Tensor positions = full({}, first, DType::int64);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] > 1) positions = add(positions, multiples(shape[axis], strides[axis], axis, shape.rank()));
  }
  const Dims flat = {element_count(shape)};
  const Tensor index = reshape(expand(positions, shape), flat);
  const Dims& source = c.input_shape(0);
  return {reshape(take_backward(reshape(c.gradient, flat), index, 0, element_count(source)), source)};
}

}  // namespace

void define_window(Registry& registry) {
  // x (..., rows, ..., columns, ...) -> y (..., n): y[..., i] = x[..., i, ..., i + offset, ...]
  registry.declare(OpId::diagonal, {
                                       .doc = "A diagonal of the matrices in the plane of two axes, as the last axis.",
                                       .inputs = {"x"},
                                       .attributes = op::fields_of<op::DiagonalAttrs>(),
                                       .traits = flag(op::Trait::view),
                                       .infer = infer_diagonal,
                                       .backward = diagonal_gradients,
                                   });
  // y[..., i, ..., j] = x[..., i * step + j * dilation, ...]
  registry.declare(OpId::unfold, {
                                     .doc = "Windows over an axis, whose elements are the last axis.",
                                     .inputs = {"x"},
                                     .attributes = op::fields_of<op::UnfoldAttrs>(),
                                     .traits = flag(op::Trait::view),
                                     .infer = infer_unfold,
                                     .backward = unfold_gradients,
                                 });
  registry.declare(OpId::as_strided, {
                                         .doc = "The elements of a row-major tensor at given strides.",
                                         .inputs = {"x"},
                                         .attributes = op::fields_of<op::AsStridedAttrs>(),
                                         .traits = flag(op::Trait::view),
                                         .infer = infer_as_strided,
                                         .backward = as_strided_gradients,
                                     });
}

}  // namespace ops

Tensor diagonal(const Tensor& x, int64_t offset, int64_t axis1, int64_t axis2) try {
  if (x.rank() < 2) throw ValueError(concat_text("diagonal: expected at least 2 axes, got shape ", x.shape()));
  const int first = normalize_axis("diagonal", axis1, x.rank());
  const int second = normalize_axis("diagonal", axis2, x.rank());
  const int64_t distance = std::clamp(offset, -x.size(first), x.size(second));
  return op::apply(OpId::diagonal, op::to_attrs(op::DiagonalAttrs{distance, first, second}), {x});
} catch (const Error&) {
  core::rethrow_as("diagonal");
}

Tensor unfold(const Tensor& x, int64_t axis, int64_t size, int64_t step, int64_t dilation) try {
  const int along = normalize_axis("unfold", axis, x.rank());
  return op::apply(OpId::unfold, op::to_attrs(op::UnfoldAttrs{along, size, step, dilation}), {x});
} catch (const Error&) {
  core::rethrow_as("unfold");
}

Tensor as_strided(const Tensor& x, const Dims& shape, const Dims& strides, int64_t offset) try {
  return op::apply(OpId::as_strided, op::to_attrs(op::AsStridedAttrs{shape, strides, offset}), {contiguous(x)});
} catch (const Error&) {
  core::rethrow_as("as_strided");
}

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t axis1, int64_t axis2) try {
  if (x.rank() < 1) throw ValueError("diag_embed: expected at least 1 axis, got a single number");
  const int first = normalize_axis("diag_embed", axis1, x.rank() + 1);
  const int second = normalize_axis("diag_embed", axis2, x.rank() + 1);
  if (first == second) throw ValueError(concat_text("diag_embed: expected two axes, got axis ", axis1, " twice"));
  constexpr int64_t most = int64_t{1} << 59;
  if (offset > most || offset < -most || x.size(-1) > most) {
    throw MemoryError(concat_text("diag_embed: a matrix with ", x.size(-1), " elements on diagonal ", offset,
                                  " does not fit into memory"));
  }
  const int64_t size = x.size(-1) + std::max(offset, -offset);
  return moveaxis(on_diagonal(x, size, size, offset), Dims{-2, -1}, Dims{first, second});
} catch (const Error&) {
  core::rethrow_as("diag_embed");
}

}  // namespace pydl
