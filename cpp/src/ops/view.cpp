// Views and structure: tensors that share the memory of others, or are joined from them.
#include "op/attrs/view.h"
#include "autograd/node.h"
#include "core/named.h"
#include "core/tensor_impl.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/ops.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace {

// The strides that view a layout in another shape without copying; nothing if there are none.
std::optional<Dims> reshape_strides(const Dims& shape, const Dims& strides, const Dims& target) {
  if (element_count(shape) == 0) return contiguous_strides(target);
  Dims result = Dims::filled(target.rank(), 0);
  int source = 0;
  int axis = 0;
  // Matches groups of axes with the same number of elements on both sides; each source group must be evenly strided.
  while (axis < target.rank() || source < shape.rank()) {
    int source_end = source;
    int axis_end = axis;
    int64_t source_count = source < shape.rank() ? shape[source_end++] : 1;
    int64_t target_count = axis < target.rank() ? target[axis_end++] : 1;
    while (source_count != target_count) {
      if (source_count < target_count) {
        source_count *= shape[source_end++];
      } else {
        target_count *= target[axis_end++];
      }
    }
    int64_t stride = 1;
    int64_t expected = -1;  // the stride that the next outer axis must have
    bool first = true;
    for (int i = source_end - 1; i >= source; --i) {
      if (shape[i] == 1) continue;
      if (first) {
        stride = strides[i];
        first = false;
      } else if (strides[i] != expected) {
        return std::nullopt;
      }
      expected = strides[i] * shape[i];
    }
    for (int i = axis_end - 1; i >= axis; --i) {
      result[i] = stride;
      stride *= target[i];
    }
    source = source_end;
    axis = axis_end;
  }
  return result;
}

// Whether `size` elements from `start` in steps of `step` are within an axis; written without products that could
// overflow.
bool is_inside(int64_t extent, int64_t start, int64_t size, int64_t step) {
  if (size < 0 || step == 0 || extent < 0) return false;
  if (size == 0) return true;
  if (start < 0 || start >= extent) return false;
  const auto room = static_cast<uint64_t>(step > 0 ? extent - 1 - start : start);
  const uint64_t width = step > 0 ? static_cast<uint64_t>(step) : -static_cast<uint64_t>(step);
  return static_cast<uint64_t>(size - 1) <= room / width;
}

void require_inside(const char* caller, const Dims& shape, const Dims& starts, const Dims& sizes, const Dims& steps) {
  if (starts.rank() != shape.rank() || sizes.rank() != shape.rank() || steps.rank() != shape.rank()) {
    throw ValueError(concat_text(caller, ": expected starts, sizes and steps for each axis of shape ", shape));
  }
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!is_inside(shape[axis], starts[axis], sizes[axis], steps[axis])) {
      throw IndexError(concat_text(caller, ": ", sizes[axis], " elements from ", starts[axis], " in steps of ",
                                   steps[axis], " lie outside axis ", axis, " of shape ", shape));
    }
  }
}

}  // namespace

namespace ops {

namespace {

void infer_reshape(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const Dims shape = op::from_attrs<op::ShapeAttrs>(attrs).shape;
  require_sizes("reshape", shape);
  if (element_count(shape) != element_count(inputs[0].shape)) {
    throw ValueError(concat_text("reshape: elements of shape ", inputs[0].shape, " do not fit shape ", shape));
  }
  const auto strides = reshape_strides(inputs[0].shape, inputs[0].strides, shape);
  if (!strides) throw Error(concat_text("reshape: ", inputs[0].shape, " has no view of shape ", shape));
  *output = {inputs[0].dtype, shape, *strides};
}

Gradients reshape_gradients(const BackwardContext& c) { return {reshape(c.gradient, c.input_shape(0))}; }

void infer_permute(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const Dims axes = op::from_attrs<op::PermuteAttrs>(attrs).axes;
  if (normalize_axes("permute_dims", axes, inputs[0].shape.rank()).rank() != inputs[0].shape.rank() ||
      std::any_of(axes.begin(), axes.end(), [](int64_t axis) { return axis < 0; })) {
    throw ValueError(concat_text("permute_dims: expected each axis of shape ", inputs[0].shape, " once, got ", axes));
  }
  output->dtype = inputs[0].dtype;
  output->shape = {};
  output->strides = {};
  for (const int64_t axis : axes) {
    output->shape.push_back(inputs[0].shape[static_cast<int>(axis)]);
    output->strides.push_back(inputs[0].strides[static_cast<int>(axis)]);
  }
}

Gradients permute_gradients(const BackwardContext& c) {
  const Dims axes = op::from_attrs<op::PermuteAttrs>(c.attrs()).axes;
  Dims inverse = axes;
  for (int i = 0; i < axes.rank(); ++i) inverse[static_cast<int>(axes[i])] = i;
  return {permute_dims(c.gradient, inverse)};
}

void infer_expand(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const Dims shape = op::from_attrs<op::ShapeAttrs>(attrs).shape;
  const Dims& given = inputs[0].shape;
  const int shift = shape.rank() - given.rank();
  require_sizes("expand", shape);
  *output = {inputs[0].dtype, shape, Dims::filled(shape.rank(), 0)};
  for (int axis = 0; axis < given.rank(); ++axis) {
    if (shift < 0 || (given[axis] != shape[axis + shift] && given[axis] != 1)) {
      throw ValueError(concat_text("expand: shape ", given, " does not broadcast to ", shape));
    }
    if (given[axis] == shape[axis + shift]) output->strides[axis + shift] = inputs[0].strides[axis];
  }
}

Gradients expand_gradients(const BackwardContext& c) { return {sum_to(c.gradient, c.input_shape(0))}; }

void infer_slice(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t* offset) {
  const auto [starts, sizes, steps] = op::from_attrs<op::SliceAttrs>(attrs);
  require_inside("slice", inputs[0].shape, starts, sizes, steps);
  *output = {inputs[0].dtype, sizes, inputs[0].strides};
  for (int axis = 0; axis < output->shape.rank(); ++axis) {
    // An empty slice may start beyond the end; the offset of its view is arbitrary.
    if (output->shape[axis] > 0) *offset += starts[axis] * inputs[0].strides[axis];
    // A step along an axis of at most one element is never taken, and may be too long for a stride.
    if (output->shape[axis] > 1) output->strides[axis] *= steps[axis];
  }
}

Gradients slice_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<op::SliceAttrs>(c.attrs());
  return {slice_backward(c.gradient, c.input_shape(0), attrs.starts, attrs.steps)};
}

void infer_slice_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const auto [shape, starts, steps] = op::from_attrs<op::SliceBackwardAttrs>(attrs);
  require_inside("slice_backward", shape, starts, inputs[0].shape, steps);
  require_sizes("slice_backward", shape);
  *output = row_major(inputs[0].dtype, shape);
}

Gradients slice_backward_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<op::SliceBackwardAttrs>(c.attrs());
  return {slice(c.gradient, attrs.starts, c.input_shape(0), attrs.steps)};
}

void infer_concat(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const int axis = require_axis("concat", op::from_attrs<op::ConcatAttrs>(attrs).axis, inputs[0].shape.rank());
  Dims shape = inputs[0].shape;
  for (const BufferSpec& input : inputs.subspan(1)) {
    require_same_dtype("concat", inputs[0], input);
    Dims expected = input.shape;
    if (expected.rank() == shape.rank()) expected[axis] = shape[axis];
    if (expected != shape) {
      throw ValueError(
          concat_text("concat: shapes ", inputs[0].shape, " and ", input.shape, " differ in more than axis ", axis));
    }
    if (__builtin_add_overflow(shape[axis], input.shape[axis], &shape[axis])) {
      throw ValueError(concat_text("concat: ", inputs.size(), " tensors of shapes like ", input.shape,
                                   " have too many elements along axis ", axis));
    }
  }
  require_sizes("concat", shape);
  *output = row_major(inputs[0].dtype, shape);
}

Gradients concat_gradients(const BackwardContext& c) {
  const int axis = static_cast<int>(op::from_attrs<op::ConcatAttrs>(c.attrs()).axis);
  Gradients gradients;
  Dims starts = Dims::filled(c.gradient.rank(), 0);
  for (int i = 0; i < c.input_count(); ++i) {
    const Dims& shape = c.input_shape(i);
    gradients.push_back(c.needs(i) ? slice(c.gradient, starts, shape, Dims::filled(shape.rank(), 1)) : Tensor{});
    starts[axis] += shape[axis];
  }
  return gradients;
}

void infer_assign(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec*, int64_t*) {
  if (inputs[0].shape != inputs[1].shape) {
    throw ValueError(concat_text("assign: expected shape ", inputs[0].shape, ", got ", inputs[1].shape));
  }
}

}  // namespace

void define_view(Registry& registry) {
  // Views: outputs share the memory of the input, and there is no kernel.
  // {shape dims}
  registry.declare(OpId::reshape, {
                                      .doc = "The same elements in row-major order under another shape.",
                                      .inputs = {"x"},
                                      .attributes = op::fields_of<op::ShapeAttrs>(),
                                      .traits = flag(op::Trait::view),
                                      .infer = infer_reshape,
                                      .backward = reshape_gradients,
                                  });
  // {axes dims}
  registry.declare(OpId::permute_dims, {
                                           .doc = "Axes in another order.",
                                           .inputs = {"x"},
                                           .attributes = op::fields_of<op::PermuteAttrs>(),
                                           .traits = flag(op::Trait::view),
                                           .infer = infer_permute,
                                           .backward = permute_gradients,
                                       });
  // {shape dims}
  registry.declare(OpId::expand, {
                                     .doc = "Axes of size 1 repeated without copying.",
                                     .inputs = {"x"},
                                     .attributes = op::fields_of<op::ShapeAttrs>(),
                                     .traits = flag(op::Trait::view),
                                     .infer = infer_expand,
                                     .backward = expand_gradients,
                                 });
  // {starts, sizes, steps dims}
  registry.declare(OpId::slice, {
                                    .doc = "Part of each axis: starts, sizes, steps.",
                                    .inputs = {"x"},
                                    .attributes = op::fields_of<op::SliceAttrs>(),
                                    .traits = flag(op::Trait::view),
                                    .infer = infer_slice,
                                    .backward = slice_gradients,
                                });
  // (g) -> (y with the given shape: zeros, except that y[starts + i * steps] = g[i]) {shape, starts, steps dims}
  registry.declare(OpId::slice_backward, {
                                             .doc = "Zeros with the given part filled in: the transpose of `slice`.",
                                             .inputs = {"g"},
                                             .attributes = op::fields_of<op::SliceBackwardAttrs>(),
                                             .infer = infer_slice_backward,
                                             .backward = slice_backward_gradients,
                                         });
  // Structure.
  // (x0, x1, ...) -> (y) {axis integer}
  registry.declare(OpId::concat, {
                                     .doc = "Tensors joined along an axis.",
                                     .inputs = {"tensors..."},
                                     .attributes = op::fields_of<op::ConcatAttrs>(),
                                     .infer = infer_concat,
                                     .backward = concat_gradients,
                                 });
  // (destination, source of the same shape, any dtype): mutates destination
  registry.declare(OpId::assign, {
                                     .doc = "Overwrites the elements of a tensor.",
                                     .inputs = {"destination", "source"},
                                     .results = {},
                                     .traits = flag(op::Trait::mutates),
                                     .infer = infer_assign,
                                     .mutated = [](const Attrs&, int) { return 1; },
                                 });
}

}  // namespace ops

Tensor reshape(const Tensor& x, const Dims& shape) try {
  Dims target = shape;
  int unknown = -1;
  int64_t known = 1;
  for (int axis = 0; axis < target.rank(); ++axis) {
    if (target[axis] == -1 && unknown < 0) {
      unknown = axis;
    } else if (target[axis] < 0) {
      throw ValueError(concat_text("reshape: at most one size may be -1, and none otherwise negative, got ", shape));
    } else if (__builtin_mul_overflow(known, target[axis], &known)) {
      throw ValueError(concat_text("reshape: shape ", shape, " is too large"));
    }
  }
  if (unknown >= 0 && known > 0) target[unknown] = x.size() / known;
  if (unknown >= 0 && known == 0) target[unknown] = 0;
  if (element_count(target) != x.size() || (unknown >= 0 && known == 0)) {
    throw ValueError(concat_text("reshape: ", x.size(), " elements of shape ", x.shape(), " do not fit shape ", shape));
  }
  if (target == x.shape()) return x;
  const bool viewable = reshape_strides(x.shape(), x.strides(), target).has_value();
  return op::apply(OpId::reshape, op::to_attrs(op::ShapeAttrs{target}), {viewable ? x : copy(x)});
} catch (const Error&) {
  core::rethrow_as("reshape");
}

Tensor permute_dims(const Tensor& x, std::span<const int64_t> axes) try {
  Dims order;
  for (const int64_t axis : axes) order.push_back(normalize_axis("permute_dims", axis, x.rank()));
  const Dims sorted = normalize_axes("permute_dims", axes, x.rank());
  if (sorted.rank() != x.rank()) {
    throw ValueError(concat_text("permute_dims: expected each of ", x.rank(), " axes once, got ", order));
  }
  return op::apply(OpId::permute_dims, op::to_attrs(op::PermuteAttrs{order}), {x});
} catch (const Error&) {
  core::rethrow_as("permute_dims");
}

Tensor matrix_transpose(const Tensor& x) try {
  if (x.rank() < 2) throw ValueError(concat_text("matrix_transpose: expected at least 2 axes, got shape ", x.shape()));
  Dims axes;
  for (int axis = 0; axis < x.rank(); ++axis) axes.push_back(axis);
  std::swap(axes[x.rank() - 2], axes[x.rank() - 1]);
  return op::apply(OpId::permute_dims, op::to_attrs(op::PermuteAttrs{axes}), {x});
} catch (const Error&) {
  core::rethrow_as("matrix_transpose");
}

Tensor expand(const Tensor& x, const Dims& shape) try {
  Dims target = shape;
  const int shift = shape.rank() - x.rank();
  for (int axis = 0; shift >= 0 && axis < x.rank(); ++axis) {
    if (target[axis + shift] == -1) target[axis + shift] = x.shape()[axis];
  }
  if (target == x.shape()) return x;
  return op::apply(OpId::expand, op::to_attrs(op::ShapeAttrs{target}), {x});
} catch (const Error&) {
  core::rethrow_as("expand");
}

Tensor broadcast_to(const Tensor& x, const Dims& shape) try { return expand(x, shape); } catch (const Error&) {
  core::rethrow_as("broadcast_to");
}

Tensor expand_dims(const Tensor& x, int64_t axis) try {
  Dims shape = x.shape();
  shape.insert(normalize_axis("expand_dims", axis, x.rank() + 1), 1);
  return reshape(x, shape);
} catch (const Error&) {
  core::rethrow_as("expand_dims");
}

Tensor squeeze(const Tensor& x, const Axes& axes) try {
  Dims shape;
  const Dims removed = axes ? normalize_axes("squeeze", *axes, x.rank()) : Dims{};
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool named = std::find(removed.begin(), removed.end(), axis) != removed.end();
    if (named && x.shape()[axis] != 1) {
      throw ValueError(concat_text("squeeze: axis ", axis, " of shape ", x.shape(), " is not of size 1"));
    }
    if (axes ? !named : x.shape()[axis] != 1) shape.push_back(x.shape()[axis]);
  }
  return reshape(x, shape);
} catch (const Error&) {
  core::rethrow_as("squeeze");
}

Tensor slice(const Tensor& x, const Dims& starts, const Dims& sizes, const Dims& steps) try {
  return op::apply(OpId::slice, op::to_attrs(op::SliceAttrs{starts, sizes, steps}), {x});
} catch (const Error&) {
  core::rethrow_as("slice");
}

Tensor slice_backward(const Tensor& g, const Dims& shape, const Dims& starts, const Dims& steps) try {
  return op::apply(OpId::slice_backward, op::to_attrs(op::SliceBackwardAttrs{shape, starts, steps}), {g});
} catch (const Error&) {
  core::rethrow_as("slice_backward");
}

Tensor flip(const Tensor& x, const Axes& axes) try {
  std::vector<int64_t> chosen;
  for (int axis = 0; axis < x.rank(); ++axis) chosen.push_back(axis);
  Dims starts = Dims::filled(x.rank(), 0);
  Dims steps = Dims::filled(x.rank(), 1);
  for (const int64_t axis : normalize_axes("flip", axes ? *axes : chosen, x.rank())) {
    const int position = static_cast<int>(axis);
    starts[position] = std::max<int64_t>(x.shape()[position] - 1, 0);
    steps[position] = -1;
  }
  return slice(x, starts, x.shape(), steps);
} catch (const Error&) {
  core::rethrow_as("flip");
}

Tensor concat(std::span<const Tensor> tensors, int64_t axis) try {
  if (tensors.empty()) throw ValueError("concat: expected at least one tensor");
  DType dtype = tensors[0].dtype();
  for (const Tensor& tensor : tensors) dtype = promote(dtype, tensor.dtype());
  std::vector<Tensor> inputs;
  for (const Tensor& tensor : tensors) inputs.push_back(astype(tensor, dtype));
  const int64_t position = normalize_axis("concat", axis, tensors[0].rank());
  return op::apply(OpId::concat, op::to_attrs(op::ConcatAttrs{position}), inputs);
} catch (const Error&) {
  core::rethrow_as("concat");
}

Tensor stack(std::span<const Tensor> tensors, int64_t axis) try {
  if (tensors.empty()) throw ValueError("stack: expected at least one tensor");
  std::vector<Tensor> inputs;
  for (const Tensor& tensor : tensors) {
    if (tensor.shape() != tensors[0].shape()) {
      throw ValueError(concat_text("stack: expected one shape, got ", tensors[0].shape(), " and ", tensor.shape()));
    }
    inputs.push_back(expand_dims(tensor, axis));
  }
  return concat(inputs, axis);
} catch (const Error&) {
  core::rethrow_as("stack");
}

std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int64_t axis) try {
  const int position = normalize_axis("split", axis, x.rank());
  int64_t total = 0;
  bool overflows = false;
  for (const int64_t size : sizes) overflows = overflows || __builtin_add_overflow(total, size, &total);
  if (overflows || total != x.shape()[position]) {
    throw ValueError(concat_text("split: sizes add up to ", total, ", but axis ", position, " of shape ", x.shape(),
                                 " has ", x.shape()[position]));
  }
  std::vector<Tensor> parts;
  Dims starts = Dims::filled(x.rank(), 0);
  for (const int64_t size : sizes) {
    Dims shape = x.shape();
    shape[position] = size;
    parts.push_back(slice(x, starts, shape, Dims::filled(x.rank(), 1)));
    starts[position] += size;
  }
  return parts;
} catch (const Error&) {
  core::rethrow_as("split");
}

void assign(const Tensor& destination, const Tensor& source) try {
  const Tensor values = expand(source, destination.shape());
  // If the memory overlaps, the source is copied before it is overwritten.
  const bool overlaps = values.impl()->storage.get() == destination.impl()->storage.get();
  op::apply(OpId::assign, {}, {destination, overlaps ? copy(values) : values});
} catch (const Error&) {
  core::rethrow_as("assign");
}

}  // namespace pydl
