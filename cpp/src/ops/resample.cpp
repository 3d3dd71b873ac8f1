// Resampling: interpolation along the spatial axes, which is a linear map whose derivative is its transpose.
#include <cmath>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/resample.h"
#include "op/resample_taps.h"
#include "ops/families.h"
#include "ops/spatial.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

void require_mode(const char* name, const op::ResampleAttrs& given, int spatial) {
  const bool interpolates = given.mode == op::Interpolation::linear || given.mode == op::Interpolation::cubic;
  if ((given.align_corners || given.antialias) && !interpolates) {
    const char* option = given.align_corners ? "align_corners" : "antialias";
    throw ValueError(concat_text(name, ": ", option, " is for linear and cubic interpolation"));
  }
  if (!given.steps.empty() && given.steps.size() != static_cast<size_t>(spatial)) {
    throw ValueError(
        concat_text(name, ": expected ", spatial, " steps, one per spatial axis, got ", given.steps.size()));
  }
  for (const double value : given.steps) {
    constexpr double most = 0x1p53;  // input positions are then valid numbers, in float too
    if (value >= 0 && value <= most) continue;
    throw ValueError(concat_text(name, ": expected steps from 0 to ", most, ", got ", value));
  }
}

void require_sizes(const char* name, const char* what, const Dims& sizes, int spatial) {
  bool valid = sizes.rank() == spatial;
  for (const int64_t size : sizes) valid = valid && size > 0;
  if (valid) return;
  throw ValueError(concat_text(name, ": expected ", spatial, " ", what, " of at least 1, got ", sizes));
}

template <OpId id>
void infer_resample(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  const BufferSpec& x = inputs[0];
  require_floating(name, x);
  const int spatial = x.shape.rank() - 2;
  if (spatial < 1 || spatial > max_spatial) {
    throw ValueError(concat_text(name, ": expected (N, C, S...) with 1 to 3 spatial axes, got shape ", x.shape));
  }
  const auto given = op::from_attrs<op::ResampleAttrs>(attrs);
  require_mode(name, given, spatial);
  require_sizes(name, "spatial sizes", given.size, spatial);
  require_sizes(name, "spatial sizes of the input", spatial_part(x.shape), spatial);
  if constexpr (id == OpId::resample) {
    *output = laid_out_as(x, x.dtype, with_spatial(x.shape[0], x.shape[1], given.size));
    return;
  }
  const Dims input = op::from_attrs<op::ResampleBackwardAttrs>(attrs).input;
  require_sizes(name, "sizes of the input", input, spatial);
  if (spatial_part(x.shape) != given.size) {
    throw ValueError(concat_text(name, ": expected a gradient of spatial sizes ", given.size, ", got shape ", x.shape));
  }
  *output = laid_out_as(x, x.dtype, with_spatial(x.shape[0], x.shape[1], input));
}

// The attributes of the transposed map, for an input of these spatial sizes.
Attrs transposed(const op::ResampleAttrs& given, const Dims& input) {
  return op::to_attrs(
      op::ResampleBackwardAttrs{given.size, given.mode, given.align_corners, given.antialias, given.steps, input});
}

Gradients resample_gradients(const BackwardContext& c) {
  const Attrs attrs = transposed(op::from_attrs<op::ResampleAttrs>(c.attrs()), spatial_part(c.input_shape(0)));
  return {op::apply(OpId::resample_backward, attrs, {c.gradient})};
}

Gradients resample_backward_gradients(const BackwardContext& c) {
  const auto given = op::from_attrs<op::ResampleAttrs>(c.attrs());  // without the size of the input
  return {op::apply(OpId::resample, op::to_attrs(given), {c.gradient})};
}

}  // namespace

void define_resample(Registry& registry) {
  // Resampling over 1 to 3 spatial axes, a linear map along each (op/resample_taps.h); results have the layout of x.
  // (x (N, C, S...)) -> (y (N, C, T...)) {size dims: T; mode integer: 0 nearest, 1 linear, 2 cubic, 3 area;
  // align_corners bool; antialias bool: neighbourhoods grow as an axis shrinks; step0, step1, step2 number: positions
  // of x per position of y along each axis, 0: S / T}
  registry.declare(OpId::resample, {
                                       .doc = "Nearest, linear, cubic or area interpolation along the spatial axes.",
                                       .inputs = {"x"},
                                       .attributes = op::fields_of<op::ResampleAttrs>(),
                                       .infer = infer_resample<OpId::resample>,
                                       .backward = resample_gradients,
                                   });
  // (g (N, C, T...)) -> (dx (N, C, S...)) {same attributes, input dims: S}
  registry.declare(OpId::resample_backward, {
                                                .doc = "Gradient of resample: the transposed linear map.",
                                                .inputs = {"g"},
                                                .attributes = op::fields_of<op::ResampleBackwardAttrs>(),
                                                .infer = infer_resample<OpId::resample_backward>,
                                                .backward = resample_backward_gradients,
                                            });
}

}  // namespace ops

namespace {

op::ResampleAttrs attrs_of(const Dims& size, const ResampleOptions& options) {
  return {size, static_cast<op::Interpolation>(options.mode), options.align_corners, options.antialias, options.steps};
}

}  // namespace

Tensor resample(const Tensor& x, const Dims& size, const ResampleOptions& options) try {
  return op::apply(OpId::resample, op::to_attrs(attrs_of(size, options)), {x});
} catch (const Error&) {
  core::rethrow_as("resample");
}

Tensor resample_backward(const Tensor& g, const Dims& size, const ResampleOptions& options) try {
  Dims resampled = g.shape();
  for (int i = 0; i < 2 && !resampled.empty(); ++i) resampled.erase(0);
  return op::apply(OpId::resample_backward, ops::transposed(attrs_of(resampled, options), size), {g});
} catch (const Error&) {
  core::rethrow_as("resample_backward");
}

}  // namespace pydl
