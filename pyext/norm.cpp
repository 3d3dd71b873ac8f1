// Normalisation: the ops, and the functions that the layers call.
#include <variant>

#include "bindings.h"
#include "casters.h"
#include "pydl/nn.h"

namespace pydl::python {

namespace {

using Optional = std::optional<Tensor>;

Tensor given(const Optional& tensor) { return tensor.value_or(Tensor{}); }

void define_row_ops(py::module_& module) {
  module.def(
      "normalize",
      [](const Tensor& x, int64_t axes, double epsilon, bool center) {
        return compute(2 * x.size(), [&] { return normalize(x, axes, epsilon, center); });
      },
      py::arg("x"), py::arg("axes") = 1, py::arg("epsilon") = 1e-5, py::arg("center") = true,
      "Normalises rows over the last `axes` axes to mean 0 and variance 1, or to root mean square 1.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl._core.normalize(pydl.tensor([1.0, 3.0]), epsilon=0.0).tolist()\n"
      "[-1.0, 1.0]\n");
  module.def(
      "normalize_backward",
      [](const Tensor& g, const Tensor& x, int64_t axes, double epsilon, bool center) {
        return compute(3 * x.size(), [&] { return normalize_backward(g, x, axes, epsilon, center); });
      },
      py::arg("g"), py::arg("x"), py::arg("axes") = 1, py::arg("epsilon") = 1e-5, py::arg("center") = true,
      "Gradient of normalize for x.");
  module.def(
      "scaled_normalize",
      [](const Tensor& x, const Tensor& weight, const Optional& bias, int64_t axes, double epsilon, bool center) {
        return compute(2 * x.size(), [&] { return scaled_normalize(x, weight, given(bias), axes, epsilon, center); });
      },
      py::arg("x"), py::arg("weight"), py::arg("bias") = py::none(), py::arg("axes") = 1, py::arg("epsilon") = 1e-5,
      py::arg("center") = true,
      "normalize(x) * weight + bias. Weight and bias have the shape of trailing axes of x, at least those of a row, "
      "where\nthe last axes within the row may be 1.");
  module.def(
      "scaled_normalize_backward",
      [](const Tensor& g, const Tensor& x, const Tensor& weight, int64_t axes, double epsilon, bool center) {
        const auto found =
            compute(4 * x.size(), [&] { return scaled_normalize_backward(g, x, weight, axes, epsilon, center); });
        return py::make_tuple(found.dx, found.dweight, found.dbias);
      },
      py::arg("g"), py::arg("x"), py::arg("weight"), py::arg("axes") = 1, py::arg("epsilon") = 1e-5,
      py::arg("center") = true, "Gradients of scaled_normalize for x, weight and bias.");
}

// A number, or a tensor that contains it.
using Momentum = std::variant<double, Tensor>;

nn::BatchNormOptions options_of(bool training, const Momentum& momentum, double eps) {
  nn::BatchNormOptions options = {.training = training, .epsilon = eps};
  if (const double* number = std::get_if<double>(&momentum)) {
    options.momentum = *number;
  } else {
    options.factor = std::get<Tensor>(momentum);
  }
  return options;
}

using ChannelNorm = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                               const nn::BatchNormOptions&);

void define_channel_norm(py::module_& module, const char* name, const char* flag, bool training, ChannelNorm function,
                         const char* doc) {
  module.def(
      name,
      [function](const Tensor& x, const Optional& running_mean, const Optional& running_var, const Optional& weight,
                 const Optional& bias, bool is_training, const Momentum& momentum, double eps) {
        const nn::BatchNormOptions options = options_of(is_training, momentum, eps);
        return compute(x.size(), [&] {
          return function(x, given(running_mean), given(running_var), given(weight), given(bias), options);
        });
      },
      py::arg("x"), py::arg("running_mean") = py::none(), py::arg("running_var") = py::none(),
      py::arg("weight") = py::none(), py::arg("bias") = py::none(), py::arg(flag) = training, py::arg("momentum") = 0.1,
      py::arg("eps") = 1e-5, doc);
}

void define_group_norms(py::module_& module) {
  module.def(
      "group_norm",
      [](const Tensor& x, int64_t num_groups, const Optional& weight, const Optional& bias, double eps) {
        return compute(2 * x.size(), [&] { return nn::group_norm(x, num_groups, given(weight), given(bias), eps); });
      },
      py::arg("x"), py::arg("num_groups"), py::arg("weight") = py::none(), py::arg("bias") = py::none(),
      py::arg("eps") = 1e-5,
      "Group normalisation of x (N, C, ...): groups of channels of each sample (Wu and He, 2018).\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...)\nnum_groups : int\n    Divides C.\n"
      "weight, bias : Tensor, shape (C,), optional\neps : float\n    Added to the variance.\n\n"
      "Raises\n------\nValueError\n    When the shapes do not fit.");
  module.def(
      "layer_norm",
      [](const Tensor& x, const DimsArgument& normalized_shape, const Optional& weight, const Optional& bias,
         double eps) {
        return compute(2 * x.size(),
                       [&] { return nn::layer_norm(x, normalized_shape.dims, given(weight), given(bias), eps); });
      },
      py::arg("x"), py::arg("normalized_shape"), py::arg("weight") = py::none(), py::arg("bias") = py::none(),
      py::arg("eps") = 1e-5,
      "Layer normalisation over the last axes, of shape `normalized_shape` (Ba et al., 2016).\n\n"
      "Parameters\n----------\nx : Tensor, shape (..., *normalized_shape)\n"
      "normalized_shape : int or sequence of int\nweight, bias : Tensor, shape normalized_shape, optional\n"
      "eps : float\n    Added to the variance.\n\nRaises\n------\nValueError\n    When the shapes do not fit.");
  module.def(
      "rms_norm",
      [](const Tensor& x, const DimsArgument& normalized_shape, const Optional& weight, std::optional<double> eps) {
        return compute(2 * x.size(), [&] { return nn::rms_norm(x, normalized_shape.dims, given(weight), eps); });
      },
      py::arg("x"), py::arg("normalized_shape"), py::arg("weight") = py::none(), py::arg("eps") = py::none(),
      "x divided by its root mean square over the last axes, of shape `normalized_shape` (Zhang and Sennrich, "
      "2019).\n\n"
      "Parameters\n----------\nx : Tensor, shape (..., *normalized_shape)\n"
      "normalized_shape : int or sequence of int\nweight : Tensor, shape normalized_shape, optional\n"
      "eps : float, optional\n    Added to the mean square; by default the dtype's machine epsilon.\n\n"
      "Raises\n------\nValueError\n    When the shapes do not fit.");
  module.def(
      "local_response_norm",
      [](const Tensor& x, int64_t size, double alpha, double beta, double k) {
        return compute(4 * x.size(), [&] { return nn::local_response_norm(x, size, alpha, beta, k); });
      },
      py::arg("x"), py::arg("size"), py::arg("alpha") = 1e-4, py::arg("beta") = 0.75, py::arg("k") = 1.0,
      "x / (k + alpha * mean of squares over `size` neighbouring channels)**beta (Krizhevsky et al., 2012).\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...)\nsize : int\n    Channels in a window; zeros are added "
      "before "
      "the first and after the last one.\nalpha, beta, k : float\n\nRaises\n------\nValueError\n    For a size below "
      "1, or x "
      "without channels.");
}

void define_channel_dropout(py::module_& module, int axes) {
  const std::string name = concat_text("dropout", axes, "d");
  const std::string doc = concat_text(
      "Whole channels set to 0 with probability p, the others divided by 1 - p; x itself unless training.\n\n"
      "Parameters\n----------\nx : Tensor, ",
      axes + 2, " axes (N, C, ...), or ", axes + 1, " without a batch\n",
      "p : float\ntraining : bool\ngenerator : Generator, optional\n");
  module.def(
      name.c_str(),
      [axes](const Tensor& x, double p, bool training, Generator* generator) {
        Generator& source = generator != nullptr ? *generator : default_generator();
        return compute(x.size(), [&] { return nn::channel_dropout(x, axes, p, training, source); });
      },
      py::arg("x"), py::arg("p") = 0.5, py::arg("training") = true, py::arg("generator") = py::none(), doc.c_str());
}

}  // namespace

void define_norm(py::module_& parent) {
  define_row_ops(parent);
  py::module_ module = parent.attr("nn");
  define_channel_norm(
      module, "batch_norm", "training", false, nn::batch_norm,
      "Batch normalisation of x (N, C, ...), by channel (Ioffe and Szegedy, 2015).\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...)\nrunning_mean, running_var : Tensor, shape (C,)\n"
      "    Used outside training; overwritten in training, where they are optional.\n"
      "weight, bias : Tensor, shape (C,), optional\ntraining : bool\n    Whether the moments are those of x.\n"
      "momentum : float or Tensor of rank 0\n    Weight of x in the running moments.\neps : float\n"
      "    Added to the variance.\n\nRaises\n------\nValueError\n    When the shapes do not fit, and in training for "
      "one value per channel.");
  define_channel_norm(
      module, "instance_norm", "use_input_stats", true, nn::instance_norm,
      "Normalisation of each channel of each sample of x (N, C, ...) (Ulyanov et al., 2016).\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, ...)\nrunning_mean, running_var : Tensor, shape (C,), "
      "optional\n"
      "    Used without `use_input_stats`; otherwise updated with the moments of x, averaged over samples.\n"
      "weight, bias : Tensor, shape (C,), optional\nuse_input_stats : bool\n    Whether the moments are those of x.\n"
      "momentum : float or Tensor of rank 0\n    Weight of x in the running moments.\neps : float\n"
      "    Added to the variance.\n\nRaises\n------\nValueError\n    When the shapes do not fit, and for one value "
      "per channel and sample.");
  define_group_norms(module);
  for (const int axes : {1, 2, 3}) define_channel_dropout(module, axes);
}

}  // namespace pydl::python
