// Cumulative reductions along an axis.
#include "op/attrs/cumulative.h"

#include "autograd/node.h"
#include "op/apply.h"
#include "ops/families.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

// Integers are summed in int64, as NumPy does.
void infer_cumsum(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  const BufferSpec& x = inputs[0];
  require_axis("cumsum", op::from_attrs<op::CumsumAttrs>(attrs).axis, x.shape.rank());
  *result = row_major(is_floating(x.dtype) ? x.dtype : DType::int64, x.shape);
}

// The transpose of a cumulative sum runs in the opposite direction.
Gradients cumsum_gradients(const BackwardContext& c) {
  auto attrs = op::from_attrs<op::CumsumAttrs>(c.attrs());
  attrs.reverse = !attrs.reverse;
  return {op::apply(OpId::cumsum, op::to_attrs(attrs), {c.gradient})};
}

}  // namespace

void define_cumulative(Registry& registry) {
  registry.declare(OpId::cumsum,
                   {
                       .doc = "Sums of all elements up to each one along an axis.",
                       .inputs = {"x"},
                       .attributes = op::fields_of<op::CumsumAttrs>(),
                       .example = ">>> pydl.cumsum(pydl.tensor([1, 2, 3]), axis=0)\ntensor([1, 3, 6], dtype=int64)\n",
                       .canonical = canonical_axis<op::CumsumAttrs>,
                       .infer = infer_cumsum,
                       .backward = cumsum_gradients,
                   });
}

}  // namespace pydl::ops
