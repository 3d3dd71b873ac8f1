// Indexing by tensors: gather and take, and their transposes.
#include <algorithm>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/index.h"
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

void require_index(const char* op, const BufferSpec& index) {
  if (index.dtype != DType::int64) throw TypeError(concat_text(op, ": expected an int64 index, got ", index.dtype));
}

// The other axes of a gather must be equal, or have size 1 and be broadcast beforehand.
void infer_gather(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_index("gather", inputs[1]);
  const int axis = require_axis("gather", op::from_attrs<op::GatherAttrs>(attrs).axis, inputs[0].shape.rank());
  Dims expected = inputs[0].shape;
  if (inputs[1].shape.rank() == expected.rank()) expected[axis] = inputs[1].shape[axis];
  if (inputs[1].shape != expected) {
    throw ValueError(concat_text("gather: index of shape ", inputs[1].shape, " must agree with shape ", inputs[0].shape,
                                 " in all axes but ", axis, ", or be smaller"));
  }
  *output = row_major(inputs[0].dtype, inputs[1].shape);
}

void infer_gather_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_index("gather_backward", inputs[1]);
  if (inputs[0].shape != inputs[1].shape) {
    throw ValueError(concat_text("gather_backward: gradient of shape ", inputs[0].shape, " and index of shape ",
                                 inputs[1].shape, " must agree"));
  }
  const auto given = op::from_attrs<op::GatherBackwardAttrs>(attrs);
  Dims shape = inputs[0].shape;
  shape[require_axis("gather_backward", given.axis, shape.rank())] = given.size;
  require_sizes("gather_backward", shape);
  *output = row_major(inputs[0].dtype, shape);
}

void require_skip(const char* op, std::optional<int64_t> skip, int64_t size) {
  if (!skip || (*skip >= 0 && *skip < size)) return;
  throw IndexError(concat_text(op, ": slice ", *skip, " to skip is outside an axis of size ", size));
}

void infer_take(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_index("take", inputs[1]);
  const auto given = op::from_attrs<op::TakeAttrs>(attrs);
  const int axis = require_axis("take", given.axis, inputs[0].shape.rank());
  Dims shape = inputs[0].shape;
  shape.erase(axis);
  for (int i = 0; i < inputs[1].shape.rank(); ++i) shape.insert(axis + i, inputs[1].shape[i]);
  require_sizes("take", shape);
  require_skip("take", given.skip, inputs[0].shape[axis]);
  *output = row_major(inputs[0].dtype, shape);
}

void infer_take_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_index("take_backward", inputs[1]);
  const auto given = op::from_attrs<op::TakeBackwardAttrs>(attrs);
  const int axis = static_cast<int>(std::clamp<int64_t>(given.axis, -1, max_rank + 1));
  const Dims& index_shape = inputs[1].shape;
  Dims shape = inputs[0].shape;
  bool fits = axis >= 0 && axis + index_shape.rank() <= shape.rank();
  for (int i = 0; fits && i < index_shape.rank(); ++i) fits = shape[axis + i] == index_shape[i];
  if (!fits) {
    throw ValueError(concat_text("take_backward: gradient of shape ", shape, " does not hold the index shape ",
                                 index_shape, " from axis ", axis));
  }
  for (int i = 0; i < index_shape.rank(); ++i) shape.erase(axis);
  shape.insert(axis, given.size);
  require_sizes("take_backward", shape);
  require_skip("take_backward", given.skip, given.size);
  *output = row_major(inputs[0].dtype, shape);
}

Gradients gather_gradients(const BackwardContext& c) {
  const int64_t axis = op::from_attrs<op::GatherAttrs>(c.attrs()).axis;
  return {gather_backward(c.gradient, c.input(1), axis, c.input_shape(0)[static_cast<int>(axis)]), {}};
}

Gradients gather_backward_gradients(const BackwardContext& c) {
  return {gather(c.gradient, c.input(1), op::from_attrs<op::GatherBackwardAttrs>(c.attrs()).axis), {}};
}

Gradients take_gradients(const BackwardContext& c) {
  const auto [axis, skip] = op::from_attrs<op::TakeAttrs>(c.attrs());
  return {take_backward(c.gradient, c.input(1), axis, c.input_shape(0)[static_cast<int>(axis)], skip), {}};
}

// The transpose of a sum that leaves out the slices to skip: their gradients are zero.
Gradients take_backward_gradients(const BackwardContext& c) {
  const Tensor index = c.input(1);
  const auto [axis, size, skip] = op::from_attrs<op::TakeBackwardAttrs>(c.attrs());
  Tensor gradient = take(c.gradient, index, axis);
  if (skip) {
    const Tensor skipped = logical_or(equal(index, *skip), equal(index, *skip - size));
    Dims shape = index.shape();
    while (axis + shape.rank() < gradient.rank()) shape.push_back(1);
    gradient = where(reshape(skipped, shape), scalar_like(0, gradient), gradient);
  }
  return {gradient, {}};
}

}  // namespace

void define_index(Registry& registry) {
  constexpr uint32_t index_input = 2U;
  // (x, index int64 of the same rank) -> (y with the shape of index) {axis}: y[i][j] = x[index[i][j]][j] for axis 0;
  // negative indices count from the end; an index out of range raises IndexError
  registry.declare(OpId::gather,
                   {
                       .doc = "Elements along an axis, chosen at each position by an index of the same rank.",
                       .inputs = {"x", "index"},
                       .attributes = op::fields_of<op::GatherAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_gather,
                       .backward = gather_gradients,
                       .saves_inputs = index_input,
                   });
  // (g, index) -> (y with `size` on axis: zeros to which g is added at the indexed positions) {axis, size integer}
  registry.declare(OpId::gather_backward, {
                                              .doc = "Adds gradients back to where `gather` took elements from.",
                                              .inputs = {"g", "index"},
                                              .attributes = op::fields_of<op::GatherBackwardAttrs>(),
                                              .traits = flag(op::Trait::checks_values),
                                              .infer = infer_gather_backward,
                                              .backward = gather_backward_gradients,
                                              .saves_inputs = index_input,
                                          });
  // (x, index int64 of any rank) -> (y: x.shape[:axis] + index.shape + x.shape[axis+1:]) {axis; skip integer, optional:
  // this slice receives no gradient}
  registry.declare(OpId::take, {
                                   .doc = "Slices along an axis chosen by an index tensor.",
                                   .inputs = {"x", "index"},
                                   .attributes = op::fields_of<op::TakeAttrs>(),
                                   .traits = flag(op::Trait::checks_values),
                                   .infer = infer_take,
                                   .backward = take_gradients,
                                   .saves_inputs = index_input,
                               });
  // (g, index) -> (y: zeros to which slices of g are added) {axis, size integer; skip integer, optional: slice to which
  // nothing is added}
  registry.declare(OpId::take_backward, {
                                            .doc = "Adds gradients back to where `take` took slices from.",
                                            .inputs = {"g", "index"},
                                            .attributes = op::fields_of<op::TakeBackwardAttrs>(),
                                            .traits = flag(op::Trait::checks_values),
                                            .infer = infer_take_backward,
                                            .backward = take_backward_gradients,
                                            .saves_inputs = index_input,
                                        });
}

}  // namespace ops

namespace {

Tensor as_index(const char* op, const Tensor& index) {
  if (!is_integer(index.dtype())) {
    throw TypeError(concat_text(op, ": expected an index of integers, got ", index.dtype()));
  }
  return astype(index, DType::int64);
}

// Not differentiable, but the axis must exist before shapes are read.
int64_t checked_axis(const char* op, const Tensor& x, int64_t axis) { return normalize_axis(op, axis, x.rank()); }

// The slice to skip, if there is one, counted from the front.
std::optional<int64_t> checked_skip(const char* op, std::optional<int64_t> skip, int64_t size) {
  if (!skip) return skip;
  if (*skip < -size || *skip >= size) {
    throw IndexError(concat_text(op, ": slice ", *skip, " to skip is outside an axis of size ", size));
  }
  return *skip < 0 ? *skip + size : *skip;
}

void require_size(const char* op, int64_t size) {
  if (size < 0) throw ValueError(concat_text(op, ": the size must not be negative, got ", size));
}

// The part of x that an index reads which is smaller along other axes than the one of its positions.
Tensor beginning_for(const Tensor& index, const Tensor& x, int64_t axis) {
  if (index.rank() != x.rank()) return x;
  Dims sizes = x.shape();
  for (int other = 0; other < x.rank(); ++other) {
    if (other != axis) sizes[other] = std::min(sizes[other], index.size(other));
  }
  if (sizes == x.shape()) return x;
  return slice(x, Dims::filled(x.rank(), 0), sizes, Dims::filled(x.rank(), 1));
}

}  // namespace

Tensor gather(const Tensor& x, const Tensor& index, int64_t axis) try {
  const int64_t position = checked_axis("gather", x, axis);
  return op::apply(OpId::gather, op::to_attrs(op::GatherAttrs{position}),
                   {beginning_for(index, x, position), as_index("gather", index)});
} catch (const Error&) {
  core::rethrow_as("gather");
}

Tensor gather_backward(const Tensor& g, const Tensor& index, int64_t axis, int64_t size) try {
  const int64_t position = checked_axis("gather_backward", g, axis);
  require_size("gather_backward", size);
  return op::apply(OpId::gather_backward, op::to_attrs(op::GatherBackwardAttrs{position, size}),
                   {g, as_index("gather_backward", index)});
} catch (const Error&) {
  core::rethrow_as("gather_backward");
}

Tensor take(const Tensor& x, const Tensor& index, int64_t axis, std::optional<int64_t> skip) try {
  const int64_t position = checked_axis("take", x, axis);
  const op::TakeAttrs attrs = {position, checked_skip("take", skip, x.size(position))};
  return op::apply(OpId::take, op::to_attrs(attrs), {x, as_index("take", index)});
} catch (const Error&) {
  core::rethrow_as("take");
}

Tensor take_backward(const Tensor& g, const Tensor& index, int64_t axis, int64_t size,
                     std::optional<int64_t> skip) try {
  // The axis refers to the result, which has one axis in place of those of the index.
  const int64_t position = normalize_axis("take_backward", axis, g.rank() - index.rank() + 1);
  require_size("take_backward", size);
  const op::TakeBackwardAttrs attrs = {position, size, checked_skip("take_backward", skip, size)};
  return op::apply(OpId::take_backward, op::to_attrs(attrs), {g, as_index("take_backward", index)});
} catch (const Error&) {
  core::rethrow_as("take_backward");
}

}  // namespace pydl
