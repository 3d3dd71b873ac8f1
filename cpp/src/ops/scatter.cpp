// Writing and adding to indexed positions along an axis; the index has one entry per element, or one per slice.
#include "op/attrs/scatter.h"

#include "autograd/node.h"
#include "op/apply.h"
#include "ops/composing.h"
#include "ops/families.h"
#include "ops/scatter_rules.h"
#include "pydl/ops.h"
#include "pydl/scatter.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

template <OpId id>
void infer_scatter(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  infer_scattered(op::op_name(id), attrs, inputs, id == OpId::index_add || id == OpId::index_copy, result);
}

int64_t axis_of(const BackwardContext& c) { return op::from_attrs<op::ScatterAttrs>(c.attrs()).axis; }

// Whether each source element is the one that remains, among those for which the index names the same position.
Tensor stays(const BackwardContext& c, const Tensor& index) {
  const auto axis = static_cast<int>(axis_of(c));
  Dims line = Dims::filled(index.rank(), 1);
  line[axis] = index.size(axis);
  const Tensor numbers = expand(reshape(arange(0, index.size(axis), 1, DType::int64), line), index.shape());
  const Tensor last = op::apply(OpId::scatter, c.attrs(), {zeros(c.input_shape(0), DType::int64), index, numbers});
  return equal(gather(last, index, axis), numbers);
}

// Overwritten elements do not contribute to the result.
Gradients scatter_gradients(const BackwardContext& c) {
  const Tensor index = c.input(1);
  Gradients gradients(3);
  if (c.needs(0)) {
    gradients[0] =
        op::apply(OpId::scatter, c.attrs(), {c.gradient, index, zeros(c.input_shape(2), c.gradient.dtype())});
  }
  if (c.needs(2)) {
    const Tensor chosen = gather(c.gradient, index, axis_of(c));
    gradients[2] = where(stays(c, index), chosen, scalar_like(0, chosen));
  }
  return gradients;
}

Gradients scatter_add_gradients(const BackwardContext& c) {
  return {c.gradient, {}, c.needs(2) ? gather(c.gradient, c.input(1), axis_of(c)) : Tensor{}};
}

Gradients index_add_gradients(const BackwardContext& c) {
  return {c.gradient, {}, c.needs(2) ? take(c.gradient, c.input(1), axis_of(c)) : Tensor{}};
}

// Overwritten slices do not contribute to the result. Of several slices for one position, the last one remains.
Gradients index_copy_gradients(const BackwardContext& c) {
  const Tensor index = c.input(1);
  const int64_t axis = axis_of(c);
  Gradients gradients(3);
  if (c.needs(0)) gradients[0] = index_fill(c.gradient, index, scalar_like(0, c.gradient), axis);
  if (c.needs(2)) {
    const Tensor numbers = arange(0, index.size(), 1, DType::int64);
    const Dims line = {c.input_shape(0)[static_cast<int>(axis)]};
    const op::Attrs along = op::to_attrs(op::ScatterAttrs{0});
    const Tensor last = op::apply(OpId::scatter, along, {zeros(line, DType::int64), index, numbers});
    const Tensor remains = along_axis(equal(take(last, index, 0), numbers), c.gradient.rank(), static_cast<int>(axis));
    const Tensor chosen = take(c.gradient, index, axis);
    gradients[2] = where(remains, chosen, scalar_like(0, chosen));
  }
  return gradients;
}

}  // namespace

void define_scatter(Registry& registry) {
  constexpr uint32_t index_input = 2U;
  // If the index names a position more than once, the last element wins.
  registry.declare(
      OpId::scatter,
      {
          .doc =
              "x with elements along an axis overwritten by those of source, each where an index of its shape points.",
          .inputs = {"x", "index", "source"},
          .attributes = op::fields_of<op::ScatterAttrs>(),
          .traits = flag(op::Trait::checks_values),
          .example = ">>> pydl.scatter(pydl.zeros(3), pydl.tensor([2, 0]), pydl.tensor([5.0, 7.0]))\n"
                     "tensor([7., 0., 5.], dtype=float32)\n",
          .canonical = canonical_index<op::ScatterAttrs>,
          .infer = infer_scatter<OpId::scatter>,
          .backward = scatter_gradients,
          .saves_inputs = index_input,
      });
  registry.declare(OpId::scatter_add,
                   {
                       .doc = "x plus the elements of source, each where an index of its shape points along an axis.",
                       .inputs = {"x", "index", "source"},
                       .attributes = op::fields_of<op::ScatterAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .example = ">>> pydl.scatter_add(pydl.zeros(3), pydl.tensor([2, 2]), pydl.tensor([5.0, 7.0]))\n"
                                  "tensor([ 0.,  0., 12.], dtype=float32)\n",
                       .canonical = canonical_index<op::ScatterAttrs>,
                       .infer = infer_scatter<OpId::scatter_add>,
                       .backward = scatter_add_gradients,
                       .saves_inputs = index_input,
                   });
  registry.declare(OpId::index_add,
                   {
                       .doc = "x plus the slices of source, each where an index of one axis points along an axis.",
                       .inputs = {"x", "index", "source"},
                       .attributes = op::fields_of<op::ScatterAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .example = ">>> pydl.index_add(pydl.zeros((2, 2)), pydl.tensor([1]), pydl.ones((1, 2)))\n"
                                  "tensor([[0., 0.],\n        [1., 1.]], dtype=float32)\n",
                       .canonical = canonical_index<op::ScatterAttrs>,
                       .infer = infer_scatter<OpId::index_add>,
                       .backward = index_add_gradients,
                       .saves_inputs = index_input,
                   });
  registry.declare(OpId::index_copy,
                   {
                       .doc = "x with slices overwritten by those of source, each where an index of one axis points.",
                       .inputs = {"x", "index", "source"},
                       .attributes = op::fields_of<op::ScatterAttrs>(),
                       .traits = flag(op::Trait::checks_values),
                       .canonical = canonical_index<op::ScatterAttrs>,
                       .infer = infer_scatter<OpId::index_copy>,
                       .backward = index_copy_gradients,
                       .saves_inputs = index_input,
                   });
}

}  // namespace pydl::ops
