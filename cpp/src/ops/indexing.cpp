// Indexing by several tensors, and the positions of what is not zero.
#include "op/attrs/indexing.h"

#include "autograd/node.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

// The shape of the indexed elements: that of the indices, followed by the axes of x that have no index.
Dims indexed_shape(const char* op, const BufferSpec& x, std::span<const BufferSpec> indices) {
  if (indices.empty() || static_cast<int>(indices.size()) > x.shape.rank()) {
    throw ValueError(concat_text(op, ": ", indices.size(), " indices do not fit shape ", x.shape));
  }
  for (const BufferSpec& index : indices) {
    if (index.dtype != DType::int64) throw TypeError(concat_text(op, ": expected int64 indices, got ", index.dtype));
    if (index.shape != indices[0].shape) {
      throw ValueError(concat_text(op, ": indices of shapes ", indices[0].shape, " and ", index.shape, " differ"));
    }
  }
  Dims shape = indices[0].shape;
  for (int axis = static_cast<int>(indices.size()); axis < x.shape.rank(); ++axis) shape.push_back(x.shape[axis]);
  require_sizes(op, shape);
  return shape;
}

void infer_index(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* y, int64_t*) {
  *y = row_major(inputs[0].dtype, indexed_shape("index", inputs[0], inputs.subspan(1)));
}

void infer_index_assign(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec*, int64_t*) {
  require_same_dtype("index_assign", inputs[0], inputs[1]);
  const Dims shape = indexed_shape("index_assign", inputs[0], inputs.subspan(2));
  if (inputs[1].shape != shape) {
    throw ValueError(concat_text("index_assign: expected a source of shape ", shape, ", got ", inputs[1].shape));
  }
}

void infer_nonzero(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* y, int64_t*) {
  if (inputs[0].dtype != DType::boolean) {
    throw TypeError(concat_text("nonzero_positions: expected a bool mask, got ", inputs[0].dtype));
  }
  const int64_t count = op::from_attrs<op::NonzeroAttrs>(attrs).count;
  if (count < 0 || count > element_count(inputs[0].shape)) {
    throw ValueError(
        concat_text("nonzero_positions: ", count, " of ", element_count(inputs[0].shape), " elements cannot be true"));
  }
  *y = row_major(DType::int64, {inputs[0].shape.rank(), count});
}

// Adds to zeros where the indices point: they were checked in the forward pass, so that their positions in row-major
// order can be computed.
Gradients index_gradients(const BackwardContext& c) {
  const Dims shape = c.input_shape(0);
  Gradients gradients(static_cast<size_t>(c.input_count()));
  Tensor position;
  Dims rest;
  int64_t count = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis + 1 >= c.input_count()) {
      rest.push_back(shape[axis]);
      continue;
    }
    const Tensor index = c.input(axis + 1);
    const Tensor size = scalar_like(shape[axis], index);
    const Tensor from_front = where(less(index, 0), add(index, size), index);
    position = position.defined() ? add(multiply(position, size), from_front) : from_front;
    count *= shape[axis];
  }
  gradients[0] = reshape(take_backward(c.gradient, position, 0, count), shape);
  return gradients;
}

}  // namespace

void define_indexing(Registry& registry) {
  constexpr uint32_t indices = ~1U;
  registry.declare(OpId::index, {
                                    .doc = "Elements of the first axes, chosen by one index per axis.",
                                    .inputs = {"x", "indices..."},
                                    .traits = flag(op::Trait::checks_values),
                                    .infer = infer_index,
                                    .backward = index_gradients,
                                    .saves_inputs = indices,
                                });
  // Where the indices name an element more than once, the last one remains.
  registry.declare(OpId::index_assign,
                   {
                       .doc = "Overwrites elements of the first axes, chosen by one index per axis.",
                       .inputs = {"destination", "source", "indices..."},
                       .results = {},
                       .traits = op::Trait::mutates | op::Trait::checks_values,
                       .infer = infer_index_assign,
                       .mutated = [](const Attrs&, int) { return 1; },
                   });
  registry.declare(OpId::nonzero_positions,
                   {
                       .doc = "Where a mask with this number of true elements is true: a row of positions per axis.",
                       .inputs = {"mask"},
                       .attributes = op::fields_of<op::NonzeroAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .infer = infer_nonzero,
                   });
}

}  // namespace pydl::ops
