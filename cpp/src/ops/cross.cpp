// Cross products of vectors in space.
#include "op/attrs/cross.h"

#include "autograd/node.h"
#include "ops/families.h"
#include "pydl/linalg.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

void infer_cross(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const BufferSpec& a = inputs[0];
  const BufferSpec& b = inputs[1];
  require_same_dtype("cross_product", a, b);
  if (a.dtype == DType::boolean) throw TypeError("cross_product: expected numbers, got bool");
  if (a.shape != b.shape) {
    throw ValueError(concat_text("cross_product: expected equal shapes, got ", a.shape, " and ", b.shape));
  }
  const int axis = require_axis("cross_product", op::from_attrs<op::CrossAttrs>(attrs).axis, a.shape.rank());
  if (a.shape[axis] != 3) {
    throw ValueError(concat_text("cross_product: expected size 3 along axis ", axis, ", got shape ", a.shape));
  }
  *output = row_major(a.dtype, a.shape);
}

int64_t count_flops(const Attrs&, std::span<const BufferSpec> inputs, const BufferSpec&) {
  return 3 * element_count(inputs[0].shape);
}

Gradients cross_gradients(const BackwardContext& c) {
  const int64_t axis = op::from_attrs<op::CrossAttrs>(c.attrs()).axis;
  Gradients gradients(2);
  if (c.needs(0)) gradients[0] = cross(c.input(1), c.gradient, axis);
  if (c.needs(1)) gradients[1] = cross(c.gradient, c.input(0), axis);
  return gradients;
}

}  // namespace

void define_cross(Registry& registry) {
  // (a, b) -> (y) {axis integer}: all of one shape
  registry.declare(OpId::cross_product, {
                                            .doc = "Cross products of the vectors along an axis of size 3.",
                                            .inputs = {"a", "b"},
                                            .attributes = op::fields_of<op::CrossAttrs>(),
                                            .canonical = canonical_axis<op::CrossAttrs>,
                                            .infer = infer_cross,
                                            .backward = cross_gradients,
                                            .saves_inputs = 3U,
                                            .flops = count_flops,
                                        });
}

}  // namespace pydl::ops
