// Convolutions and pooling.
#include <variant>

#include "bindings.h"
#include "casters.h"
#include "pydl/nn.h"

namespace pydl::python {

namespace {

/// 'same', 'valid', or numbers.
struct PaddingArgument {
  std::string mode;
  Dims dims;
};

}  // namespace

}  // namespace pydl::python

namespace pybind11::detail {

template <>
class type_caster<pydl::python::PaddingArgument> {
 public:
  PYBIND11_TYPE_CASTER(pydl::python::PaddingArgument, const_name("int | collections.abc.Sequence[int] | str"));

  bool load(handle source, bool) {
    if (isinstance<str>(source)) {
      value.mode = source.cast<std::string>();
      return true;
    }
    std::vector<int64_t> values;
    if (source.is_none() || !pydl::python::load_integers(source, &values)) return false;
    value.dims = pydl::Dims(values);
    return true;
  }
};

}  // namespace pybind11::detail

namespace pydl::python {

namespace {

// A single number stands for all axes.
Dims spread(const std::string& name, const char* argument, const Dims& dims, int spatial) {
  if (dims.rank() == spatial) return dims;
  if (dims.rank() == 1) return Dims::filled(spatial, dims[0]);
  throw ValueError(
      concat_text(name, ": expected ", argument, " to be one number or ", spatial, " of them, got ", dims));
}

Tensor without_batch(const Tensor& y) { return squeeze(y, std::vector<int64_t>{0}); }
MaxPooled without_batch(const MaxPooled& y) { return {without_batch(y.values), without_batch(y.indices)}; }

// Applies a function of (N, C, S...) to x, or to (C, S...) as a batch of one.
template <class Function>
auto batched(const std::string& name, const Tensor& x, int spatial, const Function& function) {
  if (x.rank() != spatial + 2 && x.rank() != spatial + 1) {
    throw ValueError(concat_text(name, ": expected (N, C, ", spatial == 1 ? "L" : (spatial == 2 ? "H, W" : "D, H, W"),
                                 ") or the same without N, got shape ", x.shape()));
  }
  const bool has_batch = x.rank() == spatial + 2;
  return compute(x.size() * 4, [&] { return has_batch ? function(x) : without_batch(function(expand_dims(x, 0))); });
}

ConvOptions conv_options(const std::string& name, const Tensor& weight, int spatial, const DimsArgument& stride,
                         const PaddingArgument& padding, const DimsArgument& dilation, int64_t groups) {
  ConvOptions options;
  options.stride = spread(name, "stride", stride.dims, spatial);
  options.dilation = spread(name, "dilation", dilation.dims, spatial);
  options.groups = groups;
  if (padding.mode == "same" && weight.rank() == spatial + 2) {
    const Dims kernel(std::span(weight.shape().begin() + 2, static_cast<size_t>(spatial)));
    return nn::same_padding(kernel, options);
  }
  if (!padding.mode.empty() && padding.mode != "valid" && padding.mode != "same") {
    throw ValueError(concat_text(name, ": expected padding 'same', 'valid' or numbers, got '", padding.mode, "'"));
  }
  if (padding.mode.empty()) {
    options.padding_low = options.padding_high = spread(name, "padding", padding.dims, spatial);
  }
  return options;
}

void define_conv(py::module_& module, int spatial, const char* input_shape) {
  const std::string name = concat_text("conv", spatial, "d");
  module.def(
      name.c_str(),
      [name, spatial](const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                      const DimsArgument& stride, const PaddingArgument& padding, const DimsArgument& dilation,
                      int64_t groups) {
        const ConvOptions options = conv_options(name, weight, spatial, stride, padding, dilation, groups);
        return batched(name, x, spatial,
                       [&](const Tensor& batch) { return conv(batch, weight, bias.value_or(Tensor{}), options); });
      },
      py::arg("x"), py::arg("weight"), py::arg("bias") = py::none(), py::arg("stride") = 1, py::arg("padding") = 0,
      py::arg("dilation") = 1, py::arg("groups") = 1,
      concat_text("Convolution (cross-correlation, as networks use it).\n\n"
                  "Parameters\n----------\nx : Tensor, shape ",
                  input_shape,
                  ", or without N; floating point\n"
                  "weight : Tensor, shape (O, C / groups, *kernel)\nbias : Tensor, shape (O,), optional\n"
                  "stride, dilation : int or tuple of int\n"
                  "padding : int, tuple of int, 'same' or 'valid'\n    Zeros on both sides of each axis.\n"
                  "groups : int\n    Number of groups of channels that are convolved separately.\n\n"
                  "Returns\n-------\nTensor, shape (N, O, ...)\n    The result is channels-last.\n\n"
                  "Raises\n------\nValueError\n    When channels, groups or sizes do not fit.")
          .c_str());
}

void define_conv_transpose(py::module_& module, int spatial, const char* input_shape) {
  const std::string name = concat_text("conv_transpose", spatial, "d");
  module.def(
      name.c_str(),
      [name, spatial](const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias,
                      const DimsArgument& stride, const DimsArgument& padding, const DimsArgument& output_padding,
                      int64_t groups, const DimsArgument& dilation) {
        const ConvOptions options = conv_options(name, weight, spatial, stride, {"", padding.dims}, dilation, groups);
        const Dims extra = spread(name, "output_padding", output_padding.dims, spatial);
        return batched(name, x, spatial, [&](const Tensor& batch) {
          return nn::conv_transpose(batch, weight, bias.value_or(Tensor{}), options, extra);
        });
      },
      py::arg("x"), py::arg("weight"), py::arg("bias") = py::none(), py::arg("stride") = 1, py::arg("padding") = 0,
      py::arg("output_padding") = 0, py::arg("groups") = 1, py::arg("dilation") = 1,
      concat_text("Transposed convolution: the gradient of a convolution for its input.\n\n"
                  "Parameters\n----------\nx : Tensor, shape ",
                  input_shape,
                  ", or without N; floating point\n"
                  "weight : Tensor, shape (C, O / groups, *kernel)\nbias : Tensor, shape (O,), optional\n"
                  "stride, padding, dilation : int or tuple of int\n    Arguments of that convolution.\n"
                  "output_padding : int or tuple of int\n    Added to the size of the output, on one side.\n"
                  "groups : int\n\nReturns\n-------\nTensor, shape (N, O, ...)\n\n"
                  "Raises\n------\nValueError\n    When channels, groups or sizes do not fit.")
          .c_str());
}

PoolOptions pool_options(const std::string& name, int spatial, const DimsArgument& kernel,
                         const std::optional<DimsArgument>& stride, const DimsArgument& padding,
                         const DimsArgument& dilation, bool ceil_mode) {
  return {.kernel = spread(name, "kernel_size", kernel.dims, spatial),
          .stride = stride ? spread(name, "stride", stride->dims, spatial) : Dims{},
          .padding = spread(name, "padding", padding.dims, spatial),
          .dilation = spread(name, "dilation", dilation.dims, spatial),
          .ceil_mode = ceil_mode};
}

std::pair<Tensor, Tensor> pair_of(const MaxPooled& y) { return {y.values, y.indices}; }

// With the indices if the caller wants them.
using MaxPoolResult = std::variant<Tensor, std::pair<Tensor, Tensor>>;

void define_max_pool(py::module_& module, int spatial) {
  const std::string name = concat_text("max_pool", spatial, "d");
  module.def(
      name.c_str(),
      [name, spatial](const Tensor& x, const DimsArgument& kernel, const std::optional<DimsArgument>& stride,
                      const DimsArgument& padding, const DimsArgument& dilation, bool ceil_mode,
                      bool return_indices) -> MaxPoolResult {
        const PoolOptions options = pool_options(name, spatial, kernel, stride, padding, dilation, ceil_mode);
        if (return_indices) {
          return pair_of(
              batched(name, x, spatial, [&](const Tensor& batch) { return max_pool_with_indices(batch, options); }));
        }
        return batched(name, x, spatial, [&](const Tensor& batch) { return max_pool(batch, options); });
      },
      py::arg("x"), py::arg("kernel_size"), py::arg("stride") = py::none(), py::arg("padding") = 0,
      py::arg("dilation") = 1, py::arg("ceil_mode") = false, py::arg("return_indices") = false,
      "Largest element of each window.\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...), or without N; floating point\n"
      "kernel_size : int or tuple of int\nstride : int or tuple of int, optional\n    The kernel size by default.\n"
      "padding : int or tuple of int\n    At most half the kernel; positions outside of x are ignored.\n"
      "dilation : int or tuple of int\nceil_mode : bool\n    Whether a last window may reach beyond the input.\n"
      "return_indices : bool\n    Whether to return also where these elements are, for `max_unpool2d` and its like.\n\n"
      "Returns\n-------\nTensor, or a tuple of it and the int64 indices in the flattened spatial axes of x");
  const std::string adaptive = concat_text("adaptive_max_pool", spatial, "d");
  module.def(
      adaptive.c_str(),
      [adaptive, spatial](const Tensor& x, const DimsArgument& output_size, bool return_indices) -> MaxPoolResult {
        const Dims size = spread(adaptive, "output_size", output_size.dims, spatial);
        if (return_indices) {
          return pair_of(batched(adaptive, x, spatial,
                                 [&](const Tensor& batch) { return adaptive_max_pool_with_indices(batch, size); }));
        }
        return batched(adaptive, x, spatial, [&](const Tensor& batch) { return adaptive_max_pool(batch, size); });
      },
      py::arg("x"), py::arg("output_size"), py::arg("return_indices") = false,
      "Largest elements of windows that divide the input evenly; the indices as for `max_pool2d`.");
}

void define_avg_pool(py::module_& module, int spatial) {
  const std::string name = concat_text("avg_pool", spatial, "d");
  module.def(
      name.c_str(),
      [name, spatial](const Tensor& x, const DimsArgument& kernel, const std::optional<DimsArgument>& stride,
                      const DimsArgument& padding, bool ceil_mode, bool count_include_pad,
                      std::optional<int64_t> divisor_override) {
        if (divisor_override && *divisor_override < 1) {
          throw ValueError(concat_text(name, ": expected a divisor_override of at least 1, got ", *divisor_override));
        }
        const PoolOptions options = pool_options(name, spatial, kernel, stride, padding, {{1}}, ceil_mode);
        return batched(name, x, spatial, [&](const Tensor& batch) {
          return avg_pool(batch, options, count_include_pad, divisor_override.value_or(0));
        });
      },
      py::arg("x"), py::arg("kernel_size"), py::arg("stride") = py::none(), py::arg("padding") = 0,
      py::arg("ceil_mode") = false, py::arg("count_include_pad") = true, py::arg("divisor_override") = py::none(),
      "Mean of each window.\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...), or without N; floating point\n"
      "kernel_size : int or tuple of int\nstride : int or tuple of int, optional\n    The kernel size by default.\n"
      "padding : int or tuple of int\n    Zeros on both sides, at most half the kernel.\n"
      "ceil_mode : bool\n    Whether a last window may reach beyond the input.\n"
      "count_include_pad : bool\n    Whether the zeros count in the divisor.\n"
      "divisor_override : int, optional\n    The divisor of the sums, instead.");
}

void define_max_unpool(py::module_& module) {
  module.def(
      "max_unpool",
      [](const Tensor& x, const Tensor& indices, const DimsArgument& size) {
        return compute(x.size(), [&] { return max_unpool(x, indices, size.dims); });
      },
      py::arg("x"), py::arg("indices"), py::arg("output_size"),
      "Zeros of the spatial sizes `output_size`, with x at the positions that max pooling returned.\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...)\nindices : Tensor, int64, of the shape of x\n"
      "output_size : tuple of int\n\nRaises\n------\nIndexError\n    For an index outside.");
}

// The ops without conversions of their arguments, with one number per axis.
void define_window_ops(py::module_& module) {
  using Numbers = std::vector<int64_t>;
  const auto options_of = [](const Numbers& stride, const Numbers& low, const Numbers& high, const Numbers& dilation,
                             int64_t groups) {
    return ConvOptions{Dims(stride), Dims(low), Dims(high), Dims(dilation), groups};
  };
  const Numbers none;
  module.def(
      "conv",
      [options_of](const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, const Numbers& stride,
                   const Numbers& low, const Numbers& high, const Numbers& dilation, int64_t groups) {
        return conv(x, weight, bias.value_or(Tensor{}), options_of(stride, low, high, dilation, groups));
      },
      py::arg("x"), py::arg("weight"), py::arg("bias") = py::none(), py::arg("stride") = none,
      py::arg("padding_low") = none, py::arg("padding_high") = none, py::arg("dilation") = none, py::arg("groups") = 1,
      "Convolution over 1 to 3 spatial axes; see `pydl.nn.functional.conv2d`.");
  module.def(
      "conv_backward_input",
      [options_of](const Tensor& g, const Tensor& weight, const Numbers& size, const Numbers& stride,
                   const Numbers& low, const Numbers& high, const Numbers& dilation, int64_t groups) {
        return conv_backward_input(g, weight, Dims(size), options_of(stride, low, high, dilation, groups));
      },
      py::arg("g"), py::arg("weight"), py::arg("size"), py::arg("stride") = none, py::arg("padding_low") = none,
      py::arg("padding_high") = none, py::arg("dilation") = none, py::arg("groups") = 1,
      "Gradient of `conv` for its input of the spatial sizes `size`.");
  module.def(
      "conv_backward_weight",
      [options_of](const Tensor& g, const Tensor& x, const Numbers& kernel, const Numbers& stride, const Numbers& low,
                   const Numbers& high, const Numbers& dilation, int64_t groups) {
        return conv_backward_weight(g, x, Dims(kernel), options_of(stride, low, high, dilation, groups));
      },
      py::arg("g"), py::arg("x"), py::arg("kernel"), py::arg("stride") = none, py::arg("padding_low") = none,
      py::arg("padding_high") = none, py::arg("dilation") = none, py::arg("groups") = 1,
      "Gradient of `conv` for its weight of the spatial sizes `kernel`.");
  const auto pool_of = [](const Numbers& kernel, const Numbers& stride, const Numbers& padding, const Numbers& dilation,
                          bool ceil_mode) {
    return PoolOptions{Dims(kernel), Dims(stride), Dims(padding), Dims(dilation), ceil_mode};
  };
  module.def(
      "max_pool",
      [pool_of](const Tensor& x, const Numbers& kernel, const Numbers& stride, const Numbers& padding,
                const Numbers& dilation,
                bool ceil_mode) { return max_pool(x, pool_of(kernel, stride, padding, dilation, ceil_mode)); },
      py::arg("x"), py::arg("kernel"), py::arg("stride") = none, py::arg("padding") = none, py::arg("dilation") = none,
      py::arg("ceil_mode") = false, "Largest element of each window.");
  module.def(
      "max_pool_with_indices",
      [pool_of](const Tensor& x, const Numbers& kernel, const Numbers& stride, const Numbers& padding,
                const Numbers& dilation, bool ceil_mode) {
        return pair_of(max_pool_with_indices(x, pool_of(kernel, stride, padding, dilation, ceil_mode)));
      },
      py::arg("x"), py::arg("kernel"), py::arg("stride") = none, py::arg("padding") = none, py::arg("dilation") = none,
      py::arg("ceil_mode") = false,
      "What `max_pool` returns, and where it is in the flattened spatial axes of x: int64.");
  module.def(
      "max_pool_backward",
      [pool_of](const Tensor& g, const Tensor& x, const Numbers& kernel, const Numbers& stride, const Numbers& padding,
                const Numbers& dilation, bool ceil_mode) {
        return max_pool_backward(g, x, pool_of(kernel, stride, padding, dilation, ceil_mode));
      },
      py::arg("g"), py::arg("x"), py::arg("kernel"), py::arg("stride") = none, py::arg("padding") = none,
      py::arg("dilation") = none, py::arg("ceil_mode") = false, "Gradient of `max_pool` for x.");
  module.def(
      "avg_pool",
      [pool_of](const Tensor& x, const Numbers& kernel, const Numbers& stride, const Numbers& padding, bool ceil_mode,
                bool count_include_pad, int64_t divisor_override) {
        return avg_pool(x, pool_of(kernel, stride, padding, {}, ceil_mode), count_include_pad, divisor_override);
      },
      py::arg("x"), py::arg("kernel"), py::arg("stride") = none, py::arg("padding") = none,
      py::arg("ceil_mode") = false, py::arg("count_include_pad") = true, py::arg("divisor_override") = 0,
      "Mean of each window.");
  module.def(
      "avg_pool_backward",
      [pool_of](const Tensor& g, const Numbers& size, const Numbers& kernel, const Numbers& stride,
                const Numbers& padding, bool ceil_mode, bool count_include_pad, int64_t divisor_override) {
        return avg_pool_backward(g, Dims(size), pool_of(kernel, stride, padding, {}, ceil_mode), count_include_pad,
                                 divisor_override);
      },
      py::arg("g"), py::arg("size"), py::arg("kernel"), py::arg("stride") = none, py::arg("padding") = none,
      py::arg("ceil_mode") = false, py::arg("count_include_pad") = true, py::arg("divisor_override") = 0,
      "Gradient of `avg_pool` for an input of the spatial sizes `size`.");
}

}  // namespace

void define_conv_and_pool(py::module_& parent) {
  define_window_ops(parent);
  py::module_ module = parent.attr("nn").cast<py::module_>();
  constexpr const char* shapes[] = {"(N, C, L)", "(N, C, H, W)", "(N, C, D, H, W)"};
  for (int spatial = 1; spatial <= 3; ++spatial) {
    define_conv(module, spatial, shapes[spatial - 1]);
    define_conv_transpose(module, spatial, shapes[spatial - 1]);
    define_max_pool(module, spatial);
    define_avg_pool(module, spatial);
  }
  define_max_unpool(module);
}

}  // namespace pydl::python
