// Pooling: the largest element or the mean of each window.
#include <limits>
#include <type_traits>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/pool.h"
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

void require_windows(const char* name, const op::PoolAttrs& windows, const BufferSpec& spec) {
  require_floating(name, spec);
  const int spatial = spec.shape.rank() - 2;
  if (spatial < 1 || spatial > max_spatial) {
    throw ValueError(
        concat_text(name, ": expected a batch axis, channels and 1 to 3 spatial axes, got shape ", spec.shape));
  }
  require_per_axis(name, windows.kernel, "kernel", spatial, 1);
  require_per_axis(name, windows.stride, "stride", spatial, 1);
  require_per_axis(name, windows.padding, "padding", spatial, 0);
  require_per_axis(name, windows.dilation, "dilation", spatial, 1);
  if (!windows.adaptive) return;
  for (int axis = 2; axis < spec.shape.rank(); ++axis) {
    if (spec.shape[axis] == 0) throw ValueError(concat_text(name, ": shape ", spec.shape, " has nothing to pool"));
  }
}

// The shape with its spatial sizes replaced by those of an attribute.
Dims with_sizes(const char* name, const Dims& shape, const Dims& sizes, const char* attr) {
  require_per_axis(name, sizes, attr, shape.rank() - 2, 0);
  return with_spatial(shape[0], shape[1], sizes);
}

// Windows must begin in the padded input, because their positions could otherwise exceed the range of integers.
void require_positions(const char* name, const op::PoolAttrs& windows, const Dims& input, const Dims& output) {
  for (int i = 0; i < input.rank(); ++i) {
    int64_t last = 0;
    const bool overflows = windows.adaptive ? __builtin_mul_overflow(input[i], output[i], &last)
                                            : __builtin_mul_overflow(output[i] - 1, windows.stride[i], &last);
    if (!overflows && (windows.adaptive || last - 2 * windows.padding[i] <= input[i])) continue;
    throw ValueError(concat_text(name, ": ", output[i], " windows do not fit into an input of ", input[i],
                                 " along spatial axis ", i));
  }
}

template <OpId id>
void infer_pool(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const char* name = op::op_name(id);
  using Declared = std::conditional_t<id == OpId::avg_pool, op::AvgPoolAttrs, op::PoolAttrs>;
  op::from_attrs<Declared>(attrs);  // all of them must be there
  const auto windows = op::from_attrs<op::PoolAttrs>(attrs);
  require_windows(name, windows, inputs[0]);
  const Dims shape = with_sizes(name, inputs[0].shape, windows.size, "size");
  require_positions(name, windows, spatial_part(inputs[0].shape), spatial_part(shape));
  results[0] = laid_out_as(inputs[0], inputs[0].dtype, shape);
  if constexpr (id == OpId::max_pool_with_indices) results[1] = laid_out_as(inputs[0], DType::int64, shape);
}

void infer_max_pool_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  constexpr const char* name = "max_pool_backward";
  const auto windows = op::from_attrs<op::PoolAttrs>(attrs);
  require_windows(name, windows, inputs[1]);
  require_same_dtype(name, inputs[0], inputs[1]);
  const Dims pooled = with_sizes(name, inputs[1].shape, windows.size, "size");
  if (inputs[0].shape != pooled) {
    throw ValueError(concat_text(name, ": expected a gradient of shape ", pooled, ", got ", inputs[0].shape));
  }
  require_positions(name, windows, spatial_part(inputs[1].shape), spatial_part(pooled));
  *output = laid_out_as(inputs[1], inputs[1].dtype, inputs[1].shape);
}

void infer_avg_pool_backward(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  constexpr const char* name = "avg_pool_backward";
  const auto windows = op::from_attrs<op::PoolAttrs>(attrs);
  const Dims input = op::from_attrs<op::AvgPoolBackwardAttrs>(attrs).input;
  require_windows(name, windows, inputs[0]);
  if (windows.adaptive) throw ValueError("avg_pool_backward: windows are not adaptive");
  if (with_sizes(name, inputs[0].shape, windows.size, "size") != inputs[0].shape) {
    throw ValueError(
        concat_text(name, ": expected a gradient of spatial sizes ", windows.size, ", got shape ", inputs[0].shape));
  }
  const Dims shape = with_sizes(name, inputs[0].shape, input, "input");
  require_positions(name, windows, spatial_part(shape), windows.size);
  *output = laid_out_as(inputs[0], inputs[0].dtype, shape);
}

// Of the values; indices have no gradient.
Gradients max_pool_gradients(const BackwardContext& c) {
  return {op::apply(OpId::max_pool_backward, c.attrs(), {c.gradient, c.input(0)})};
}

// Linear in g: its transpose takes, from each window, the element at which x was largest.
Gradients max_pool_backward_gradients(const BackwardContext& c) {
  Gradients gradients(2);
  if (!c.needs(0)) return gradients;
  const Tensor x = c.input(1);
  const Dims planes = {x.size(0), x.size(1), -1};
  const Tensor index = op::apply_all(OpId::max_pool_with_indices, c.attrs(), {x.detach()})[1];
  if (index.size() == 0) {
    gradients[0] = zeros(index.shape(), x.dtype());
    return gradients;
  }
  gradients[0] = reshape(gather(reshape(c.gradient, planes), reshape(index, planes), 2), index.shape());
  return gradients;
}

Gradients avg_pool_gradients(const BackwardContext& c) {
  Attrs attrs = c.attrs();
  attrs.add("input", spatial_part(c.input_shape(0)));
  return {op::apply(OpId::avg_pool_backward, attrs, {c.gradient})};
}

Gradients avg_pool_backward_gradients(const BackwardContext& c) {
  return {op::apply(OpId::avg_pool, c.attrs(), {c.gradient})};
}

}  // namespace

void define_pool(Registry& registry) {
  constexpr uint32_t first = 1U;
  constexpr uint32_t second = 2U;
  // Pooling with 1 to 3 spatial axes. Attributes as op/pool_geometry.h reads them, and size dims: T; positions outside
  // x do not count; results have the layout of x.
  // (x (N, C, S...)) -> (y (N, C, T...))
  registry.declare(OpId::max_pool, {
                                       .doc = "Largest element of each window; NaN wins.",
                                       .inputs = {"x"},
                                       .attributes = op::fields_of<op::PoolAttrs>(),
                                       .infer = infer_pool<OpId::max_pool>,
                                       .backward = max_pool_gradients,
                                       .saves_inputs = first,
                                   });
  // (x) -> (values, indices int64): positions in the row-major spatial axes; the first of equal elements
  registry.declare(OpId::max_pool_with_indices,
                   {
                       .doc = "Largest element of each window, and where it is in the flattened spatial axes of x.",
                       .inputs = {"x"},
                       .results = {"values", "indices"},
                       .attributes = op::fields_of<op::PoolAttrs>(),
                       .infer = infer_pool<OpId::max_pool_with_indices>,
                       .backward = max_pool_gradients,
                       .saves_inputs = first,
                   });
  // (g (N, C, T...), x) -> (y like x)
  registry.declare(OpId::max_pool_backward, {
                                                .doc = "Gradient of max_pool: g where the largest elements of x are.",
                                                .inputs = {"g", "x"},
                                                .attributes = op::fields_of<op::PoolAttrs>(),
                                                .infer = infer_max_pool_backward,
                                                .backward = max_pool_backward_gradients,
                                                .saves_inputs = second,
                                            });
  // {..., divisor integer}
  registry.declare(OpId::avg_pool, {
                                       .doc = "Mean of each window.",
                                       .inputs = {"x"},
                                       .attributes = op::fields_of<op::AvgPoolAttrs>(),
                                       .infer = infer_pool<OpId::avg_pool>,
                                       .backward = avg_pool_gradients,
                                   });
  // (g (N, C, T...)) -> (y (N, C, S...)) {..., divisor integer, input dims: S}
  registry.declare(OpId::avg_pool_backward, {
                                                .doc = "Gradient of avg_pool: each window gets its share of g.",
                                                .inputs = {"g"},
                                                .attributes = op::fields_of<op::AvgPoolBackwardAttrs>(),
                                                .infer = infer_avg_pool_backward,
                                                .backward = avg_pool_backward_gradients,
                                            });
}

}  // namespace ops

namespace {

// The number of windows along an axis; with `ceil`, the last one may extend beyond the end, but not begin there.
int64_t window_count(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil) {
  const int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
  if (room < 0) return 0;
  int64_t count = (room + (ceil ? stride - 1 : 0)) / stride + 1;
  if (ceil && (count - 1) * stride >= size + padding) --count;
  return count;
}

void require_entries(const char* name, const Dims& shape, std::initializer_list<const Dims*> lists) {
  const int spatial = shape.rank() - 2;
  for (const Dims* dims : lists) {
    if (spatial < 1 || dims->rank() != spatial) {
      throw ValueError(concat_text(name, ": expected (N, C, S...) and one number per spatial axis, got shape ", shape,
                                   " and ", *dims));
    }
  }
}

// Sums and products of such numbers fit into int64.
void require_moderate(const char* name, const Dims& dims) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  for (const int64_t value : dims) {
    if (value < -most || value > most) {
      throw ValueError(
          concat_text(name, ": expected kernel, stride, padding and dilation of at most ", most, ", got ", value));
    }
  }
}

Attrs attrs_of(const char* name, const Dims& shape, const PoolOptions& options) {
  const int spatial = std::max(shape.rank() - 2, 0);
  const Dims stride = options.stride.empty() ? options.kernel : options.stride;
  const Dims padding = or_filled(options.padding, spatial, 0);
  const Dims dilation = or_filled(options.dilation, spatial, 1);
  require_entries(name, shape, {&options.kernel, &stride, &padding, &dilation});
  for (const Dims* dims : {&options.kernel, &stride, &padding, &dilation}) require_moderate(name, *dims);
  Dims sizes;
  for (int i = 0; i < spatial; ++i) {
    if (shape[2 + i] > std::numeric_limits<int64_t>::max() / 4) {
      throw ValueError(concat_text(name, ": shape ", shape, " has too many elements along axis ", 2 + i));
    }
    const int64_t span = dilation[i] * (options.kernel[i] - 1) + 1;
    if (options.kernel[i] < 1 || stride[i] < 1 || dilation[i] < 1 || padding[i] < 0 || padding[i] > span / 2) {
      throw ValueError(concat_text(name,
                                   ": expected kernel, stride and dilation of at least 1 and a padding of at most ",
                                   "half the kernel, got kernel ", options.kernel, ", stride ", stride, ", padding ",
                                   padding, ", dilation ", dilation));
    }
    sizes.push_back(
        window_count(shape[2 + i], options.kernel[i], stride[i], padding[i], dilation[i], options.ceil_mode));
    if (sizes.back() > 0) continue;
    throw ValueError(concat_text(name, ": a window of ", options.kernel, " with padding ", padding,
                                 " does not fit into an input of shape ", shape));
  }
  return {{"kernel", options.kernel}, {"stride", stride}, {"padding", padding},
          {"dilation", dilation},     {"size", sizes},    {"adaptive", false}};
}

Attrs avg_attrs(const char* name, const Dims& shape, const PoolOptions& options, bool count_include_pad,
                int64_t divisor_override) {
  Attrs attrs = attrs_of(name, shape, options);
  if (divisor_override < 0) throw ValueError(concat_text(name, ": divisor ", divisor_override, " is negative"));
  attrs.add("divisor", divisor_override > 0 ? divisor_override : (count_include_pad ? int64_t{-1} : int64_t{0}));
  return attrs;
}

Attrs adaptive_attrs(const char* name, const Tensor& x, const Dims& size) {
  require_entries(name, x.shape(), {&size});
  const Dims ones = Dims::filled(size.rank(), 1);
  return {{"kernel", ones},   {"stride", ones}, {"padding", Dims::filled(size.rank(), 0)},
          {"dilation", ones}, {"size", size},   {"adaptive", true}};
}

MaxPooled apply_with_indices(const Attrs& attrs, const Tensor& x) {
  std::vector<Tensor> results = op::apply_all(OpId::max_pool_with_indices, attrs, {x});
  return {std::move(results[0]), std::move(results[1])};
}

}  // namespace

Tensor max_pool(const Tensor& x, const PoolOptions& options) try {
  return op::apply(OpId::max_pool, attrs_of("max_pool", x.shape(), options), {x});
} catch (const Error&) {
  core::rethrow_as("max_pool");
}

MaxPooled max_pool_with_indices(const Tensor& x, const PoolOptions& options) try {
  return apply_with_indices(attrs_of("max_pool_with_indices", x.shape(), options), x);
} catch (const Error&) {
  core::rethrow_as("max_pool_with_indices");
}

Tensor max_pool_backward(const Tensor& g, const Tensor& x, const PoolOptions& options) try {
  return op::apply(OpId::max_pool_backward, attrs_of("max_pool_backward", x.shape(), options), {g, x});
} catch (const Error&) {
  core::rethrow_as("max_pool_backward");
}

Tensor adaptive_max_pool(const Tensor& x, const Dims& size) try {
  return op::apply(OpId::max_pool, adaptive_attrs("adaptive_max_pool", x, size), {x});
} catch (const Error&) {
  core::rethrow_as("adaptive_max_pool");
}

MaxPooled adaptive_max_pool_with_indices(const Tensor& x, const Dims& size) try {
  return apply_with_indices(adaptive_attrs("adaptive_max_pool_with_indices", x, size), x);
} catch (const Error&) {
  core::rethrow_as("adaptive_max_pool_with_indices");
}

Tensor avg_pool(const Tensor& x, const PoolOptions& options, bool count_include_pad, int64_t divisor_override) try {
  return op::apply(OpId::avg_pool, avg_attrs("avg_pool", x.shape(), options, count_include_pad, divisor_override), {x});
} catch (const Error&) {
  core::rethrow_as("avg_pool");
}

Tensor avg_pool_backward(const Tensor& g, const Dims& size, const PoolOptions& options, bool count_include_pad,
                         int64_t divisor_override) try {
  Dims shape = {g.rank() > 0 ? g.size(0) : 1, g.rank() > 1 ? g.size(1) : 1};
  for (const int64_t axis_size : size) shape.push_back(axis_size);
  Attrs attrs = avg_attrs("avg_pool_backward", shape, options, count_include_pad, divisor_override);
  attrs.add("input", size);
  return op::apply(OpId::avg_pool_backward, attrs, {g});
} catch (const Error&) {
  core::rethrow_as("avg_pool_backward");
}

Tensor max_unpool(const Tensor& x, const Tensor& indices, const Dims& size) try {
  if (x.rank() < 3 || indices.shape() != x.shape() || size.rank() != x.rank() - 2) {
    throw ValueError(concat_text("max_unpool: expected (N, C, S...), indices of its shape and one size per spatial ",
                                 "axis, got shapes ", x.shape(), " and ", indices.shape(), ", sizes ", size));
  }
  const Dims planes = {x.size(0), x.size(1), element_count(x.shape()) == 0 ? 0 : -1};
  Dims shape = {x.size(0), x.size(1)};
  for (const int64_t axis_size : size) shape.push_back(axis_size);
  const Tensor positions = reshape(indices, planes);
  ops::require_sizes("max_unpool", size);
  const int64_t count = element_count(size);
  const Tensor summed = gather_backward(reshape(x, planes), positions, 2, count);
  // Overlapping windows may have found the same element, which must not be added more than once.
  const Tensor found = gather_backward(reshape(ones_like(x), planes), positions, 2, count);
  return reshape(summed / maximum(found, scalar_like(1, found)), shape);
} catch (const Error&) {
  core::rethrow_as("max_unpool");
}

}  // namespace pydl
