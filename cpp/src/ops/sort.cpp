// Ordering of elements along an axis.
#include "op/attrs/sort.h"

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

template <OpId id>
void infer_sort(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& x = inputs[0];
  const int axis = require_axis(name, op::order_of(id, attrs).axis, x.shape.rank());
  Dims shape = x.shape;
  if constexpr (id == OpId::topk) {
    const int64_t k = op::from_attrs<op::TopkAttrs>(attrs).k;
    if (k < 0 || k > shape[axis]) {
      throw ValueError(concat_text(name, ": expected k from 0 to the ", shape[axis], " elements of axis ", axis,
                                   " of shape ", shape, ", got ", k));
    }
    shape[axis] = k;
  }
  if constexpr (id != OpId::argsort) *results++ = row_major(x.dtype, shape);
  if constexpr (id != OpId::sort_values) *results = row_major(DType::int64, shape);
}

// Gradients are moved back from the positions to which the elements moved.
template <OpId id>
Gradients moved_gradients(const BackwardContext& c) {
  if (!c.gradient.defined()) return {{}};
  const int64_t axis = op::order_of(id, c.attrs()).axis;
  return {gather_backward(c.gradient, c.result(1), axis, c.input_shape(0)[static_cast<int>(axis)])};
}

// Where the elements were is found again: calls that will be differentiated keep it (`sort`).
Gradients sorted_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<op::SortAttrs>(c.attrs());
  const Tensor order = op::apply(OpId::argsort, c.attrs(), {c.input(0).detach()});
  return {gather_backward(c.gradient, order, attrs.axis, c.input_shape(0)[static_cast<int>(attrs.axis)])};
}

}  // namespace

void define_sort(Registry& registry) {
  constexpr uint32_t indices = 2U;
  registry.declare(
      OpId::sort_with_indices,
      {
          .doc = "The elements along an axis in ascending or descending order, and where each of them was.",
          .inputs = {"x"},
          .results = {"values", "indices"},
          .attributes = op::fields_of<op::SortAttrs>(),
          .example = ">>> values, indices = pydl.sort_with_indices(pydl.tensor([3, 1, 2]))\n"
                     ">>> values.tolist(), indices.tolist()\n([1, 2, 3], [1, 2, 0])\n",
          .canonical = canonical_axis<op::SortAttrs>,
          .infer = infer_sort<OpId::sort_with_indices>,
          .backward = moved_gradients<OpId::sort_with_indices>,
          .saves_results = indices,
      });
  registry.declare(OpId::sort_values, {
                                          .doc = "The elements along an axis in ascending or descending order.",
                                          .inputs = {"x"},
                                          .attributes = op::fields_of<op::SortAttrs>(),
                                          .canonical = canonical_axis<op::SortAttrs>,
                                          .infer = infer_sort<OpId::sort_values>,
                                          .backward = sorted_gradients,
                                          .saves_inputs = 1U,
                                      });
  registry.declare(
      OpId::argsort,
      {
          .doc = "Where the elements along an axis are, in ascending or descending order.",
          .inputs = {"x"},
          .results = {"indices"},
          .attributes = op::fields_of<op::SortAttrs>(),
          .example = ">>> pydl.argsort(pydl.tensor([3, 1, 2]), descending=True)\ntensor([0, 2, 1], dtype=int64)\n",
          .canonical = canonical_axis<op::SortAttrs>,
          .infer = infer_sort<OpId::argsort>,
      });
  registry.declare(OpId::topk,
                   {
                       .doc = "The k largest or smallest elements along an axis, in order, and where each of them was.",
                       .inputs = {"x"},
                       .results = {"values", "indices"},
                       .attributes = op::fields_of<op::TopkAttrs>(),
                       .example = ">>> values, indices = pydl.topk(pydl.tensor([3.0, 1.0, 2.0]), 2)\n"
                                  ">>> values.tolist(), indices.tolist()\n([3.0, 2.0], [0, 2])\n",
                       .canonical = canonical_axis<op::TopkAttrs>,
                       .infer = infer_sort<OpId::topk>,
                       .backward = moved_gradients<OpId::topk>,
                       .saves_results = indices,
                   });
}

}  // namespace pydl::ops

namespace pydl {

Tensor sort(const Tensor& x, int64_t axis, bool descending) try {
  const bool will_be_differentiated = x.defined() && x.requires_grad() && grad_enabled();
  const op::OpId id = will_be_differentiated ? op::OpId::sort_with_indices : op::OpId::sort_values;
  return op::call(id, op::to_attrs(op::SortAttrs{axis, descending}), {x})[0];
} catch (const Error&) {
  core::rethrow_as("sort");
}

}  // namespace pydl
