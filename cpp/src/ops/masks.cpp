// What a mask selects, and numbers written there.
#include "autograd/node.h"
#include "op/apply.h"
#include "op/attrs/indexing.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

// A mask selects among the leading axes of x.
void require_leading_mask(const char* name, const BufferSpec& x, const BufferSpec& mask) {
  if (mask.dtype != DType::boolean) throw TypeError(concat_text(name, ": expected a bool mask, got ", mask.dtype));
  const int rank = mask.shape.rank();
  if (rank > 0 && rank <= x.shape.rank() && std::equal(mask.shape.begin(), mask.shape.end(), x.shape.begin())) return;
  throw ValueError(concat_text(name, ": a mask of shape ", mask.shape, " does not fit shape ", x.shape));
}

void infer_compress(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* y, int64_t*) {
  const auto& [x, mask] = std::tie(inputs[0], inputs[1]);
  require_leading_mask("compress", x, mask);
  const int64_t count = op::from_attrs<op::NonzeroAttrs>(attrs).count;
  if (count < 0 || count > element_count(mask.shape)) {
    throw ValueError(concat_text("compress: ", count, " of ", element_count(mask.shape), " elements cannot be true"));
  }
  Dims shape = {count};
  for (int axis = mask.shape.rank(); axis < x.shape.rank(); ++axis) shape.push_back(x.shape[axis]);
  *y = row_major(x.dtype, shape);
}

Gradients compress_gradients(const BackwardContext& c) {
  const Tensor mask = reshape(c.input(1), {-1});
  const Tensor position = reshape(op::apply(OpId::nonzero_positions, c.attrs(), {mask}), {-1});
  return {reshape(take_backward(c.gradient, position, 0, mask.size()), c.input_shape(0)), {}};
}

void infer_fill_where(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec*, int64_t*) {
  require_leading_mask("fill_where", inputs[0], inputs[1]);
  require_same_dtype("fill_where", inputs[0], inputs[2]);
  if (inputs[2].shape.rank() > 0) {
    throw ValueError(concat_text("fill_where: expected a value of rank 0, got shape ", inputs[2].shape));
  }
}

}  // namespace

void define_masks(Registry& registry) {
  constexpr uint32_t mask_input = 2U;
  registry.declare(OpId::compress, {
                                       .doc = "The slices for which a mask with this number of true elements is true.",
                                       .inputs = {"x", "mask"},
                                       .attributes = op::fields_of<op::NonzeroAttrs>(),
                                       .traits = flag(op::Trait::checks_values),
                                       .infer = infer_compress,
                                       .backward = compress_gradients,
                                       .saves_inputs = mask_input,
                                   });
  registry.declare(OpId::fill_where, {
                                         .doc = "Overwrites the slices for which a mask is true with one number.",
                                         .inputs = {"destination", "mask", "value"},
                                         .results = {},
                                         .traits = flag(op::Trait::mutates),
                                         .infer = infer_fill_where,
                                         .mutated = [](const Attrs&, int) { return 1; },
                                     });
}

}  // namespace pydl::ops
