// Resampling, padding and rearrangements of pixels.
#include "bindings.h"
#include "casters.h"
#include "pydl/nn.h"

namespace pydl::python {

namespace {

ResampleOptions resample_options(const char* name, const std::string& mode, bool align_corners,
                                 const std::optional<std::vector<double>>& steps, bool antialias) {
  constexpr const char* names[] = {"nearest", "linear", "cubic", "area"};
  for (int i = 0; i < 4; ++i) {
    if (mode != names[i]) continue;
    return {static_cast<Resampling>(i), align_corners, steps.value_or(std::vector<double>{}), antialias};
  }
  throw ValueError(concat_text(name, ": expected mode 'nearest', 'linear', 'cubic' or 'area', got '", mode, "'"));
}

void define_resample_ops(py::module_& module) {
  module.def(
      "resample",
      [](const Tensor& x, const DimsArgument& size, const std::string& mode, bool align_corners,
         const std::optional<std::vector<double>>& steps, bool antialias) {
        const ResampleOptions options = resample_options("resample", mode, align_corners, steps, antialias);
        return compute(x.size() * 4, [&] { return resample(x, size.dims, options); });
      },
      py::arg("x"), py::arg("size"), py::arg("mode") = "nearest", py::arg("align_corners") = false,
      py::arg("steps") = py::none(), py::arg("antialias") = false,
      "Interpolation along 1 to 3 spatial axes; see `pydl.nn.functional.interpolate`.\n\n"
      "Parameters\n----------\nx : Tensor, shape (N, C, S...), floating point\nsize : tuple of int\n"
      "    Spatial sizes of the result.\nmode : {'nearest', 'linear', 'cubic', 'area'}\nalign_corners : bool\n"
      "    Whether the first and last elements of x and of the result are aligned.\nsteps : sequence of float, "
      "optional\n"
      "    Distance in x per step in the result along each axis; by default it follows from the sizes.\n"
      "antialias : bool\n    Whether neighbourhoods grow when an axis shrinks; linear and cubic only.\n\n"
      "Returns\n-------\nTensor, shape (N, C, *size)\n\nRaises\n------\nValueError\n    When sizes do not fit.\n"
      "TypeError\n    When x is not floating point.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl._core.resample(pydl.tensor([[[1.0, 3.0]]]), 3, mode='linear', align_corners=True).tolist()\n"
      "[[[1.0, 2.0, 3.0]]]\n");
  module.def(
      "resample_backward",
      [](const Tensor& g, const DimsArgument& size, const std::string& mode, bool align_corners,
         const std::optional<std::vector<double>>& steps, bool antialias) {
        const ResampleOptions options = resample_options("resample_backward", mode, align_corners, steps, antialias);
        return compute(g.size() * 4, [&] { return resample_backward(g, size.dims, options); });
      },
      py::arg("g"), py::arg("size"), py::arg("mode") = "nearest", py::arg("align_corners") = false,
      py::arg("steps") = py::none(), py::arg("antialias") = false,
      "Gradient of `resample` for an input of the spatial sizes `size`.");
}

nn::Padding padding_of(const std::string& mode) {
  if (mode == "constant") return nn::Padding::constant;
  if (mode == "reflect") return nn::Padding::reflect;
  if (mode == "replicate" || mode == "edge") return nn::Padding::replicate;
  if (mode == "circular" || mode == "wrap") return nn::Padding::circular;
  if (mode == "symmetric") return nn::Padding::symmetric;
  throw ValueError(concat_text(
      "pad: expected mode 'constant', 'reflect', 'symmetric', 'replicate' or 'circular', got '", mode, "'"));
}

Tensor pad_tensor(const Tensor& x, const std::vector<int64_t>& pads, const std::string& mode,
                  const std::optional<Scalar>& value) {
  const nn::Padding padding = padding_of(mode);
  if (value && padding != nn::Padding::constant) {
    throw ValueError(concat_text("pad: mode '", mode, "' takes no value"));
  }
  return compute(x.size(), [&] { return nn::pad(x, pads, padding, value.value_or(Scalar(0))); });
}

// NumPy's widths: a number for all sides, a pair for all axes, or a pair per axis, beginning with the first one.
std::vector<int64_t> pads_of_widths(const Tensor& x, const py::object& widths) {
  std::vector<std::pair<int64_t, int64_t>> pairs;
  const auto add_pair = [&](const py::handle& source) {
    std::vector<int64_t> numbers;
    if (!load_integers(source, &numbers) || numbers.empty() || numbers.size() > 2) {
      throw TypeError("pad: expected pad_width as a number, a pair (before, after), or a pair for each axis");
    }
    pairs.emplace_back(numbers.front(), numbers.back());
  };
  std::vector<int64_t> numbers;
  if (load_integers(widths, &numbers)) {
    if (!numbers.empty() || x.rank() > 0) add_pair(widths);
  } else {
    if (!py::isinstance<py::sequence>(widths)) add_pair(widths);
    for (const py::handle each : widths) add_pair(each);
  }
  if (pairs.size() == 1) pairs.resize(static_cast<size_t>(x.rank()), pairs[0]);
  if (static_cast<int>(pairs.size()) != x.rank()) {
    throw ValueError(concat_text("pad: expected a pair for each axis of shape ", x.shape(), ", got ", pairs.size()));
  }
  std::vector<int64_t> pads;
  for (size_t axis = pairs.size(); axis-- > 0;) {
    const auto [before, after] = pairs[axis];
    if (before < 0 || after < 0) {
      throw ValueError(concat_text("pad: expected widths of at least 0, got (", before, ", ", after, ")"));
    }
    pads.insert(pads.end(), {before, after});
  }
  return pads;
}

Tensor pad_widths(const Tensor& x, const py::object& widths, const std::string& mode,
                  const std::optional<Scalar>& constant_values) {
  const Tensor padded = pad_tensor(x, pads_of_widths(x, widths), mode, constant_values);
  return is_same(padded, x) ? copy(x) : padded;
}

void define_padding(py::module_& parent, py::module_& module) {
  parent.def(
      "pad", pad_widths, py::arg("x"), py::arg("pad_width"), py::arg("mode") = "constant",
      py::arg("constant_values") = py::none(),
      "Adds elements around a tensor, as in NumPy.\n\n"
      "Parameters\n----------\nx : Tensor, any shape and dtype\npad_width : int, pair of int, or a pair for each axis\n"
      "    How many elements to add before and after each axis, beginning with the first one. (The function in\n"
      "    `pydl.nn.functional` takes PyTorch's list, which begins with the last one.)\n"
      "mode : {'constant', 'edge', 'reflect', 'symmetric', 'wrap'}\n"
      "    'reflect' mirrors at the first and last elements without repeating these, 'symmetric' repeats them.\n"
      "constant_values : number, optional\n    The added elements in mode 'constant'; 0 by default.\n\n"
      "Returns\n-------\nTensor\n\nRaises\n------\nValueError\n"
      "    When the pairs do not fit the axes, or an axis is too short for the mode.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.pad(pydl.tensor([1, 2, 3]), (2, 1), mode=\"edge\").tolist()\n"
      "[1, 1, 1, 2, 3, 3]\n");
  module.def(
      "pad", pad_tensor, py::arg("x"), py::arg("pad"), py::arg("mode") = "constant", py::arg("value") = py::none(),
      "Adds elements around a tensor, as in PyTorch.\n\n"
      "Parameters\n----------\nx : Tensor, any shape and dtype\npad : sequence of int\n"
      "    Pairs (before, after), the first one for the last axis, the next for the one before it, ...\n"
      "    Negative numbers remove elements.\nmode : {'constant', 'reflect', 'symmetric', 'replicate', 'circular'}\n"
      "    'reflect' mirrors at the first and last elements without repeating these, 'symmetric' repeats them.\n"
      "    NumPy's 'edge' and 'wrap' are accepted for 'replicate' and 'circular'.\n"
      "value : number, optional\n    The added elements in mode 'constant'; 0 by default.\n\n"
      "Returns\n-------\nTensor\n\nRaises\n------\nValueError\n"
      "    When there are more pairs than axes, or an axis is too short for the mode.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.nn.functional.pad(pydl.tensor([1, 2, 3]), (1, 2)).tolist()\n"
      "[0, 1, 2, 3, 0, 0]\n"
      ">>> pydl.nn.functional.pad(pydl.tensor([1, 2, 3]), (2, -1), mode='reflect').tolist()\n[3, 2, 1, 2]\n");
}

void define_adaptive_avg_pool(py::module_& module, int spatial, const char* shape) {
  const std::string name = concat_text("adaptive_avg_pool", spatial, "d");
  // An entry of None keeps the size of that axis.
  using Sizes = std::vector<std::optional<int64_t>>;
  const auto run = [name, spatial, shape](const Tensor& x,
                                          const std::variant<int64_t, Sizes, std::monostate>& output_size) {
    const auto count = static_cast<size_t>(spatial);
    Sizes sizes(count);
    if (const auto* all = std::get_if<int64_t>(&output_size)) sizes.assign(count, *all);
    if (const auto* each = std::get_if<Sizes>(&output_size)) sizes = *each;
    if (sizes.size() != count) {
      throw ValueError(concat_text(name, ": expected ", spatial, " numbers as output_size, got ", sizes.size()));
    }
    const bool has_batch = x.rank() == spatial + 2;
    if (!has_batch && x.rank() != spatial + 1) {
      throw ValueError(concat_text(name, ": expected ", shape, " or the same without N, got shape ", x.shape()));
    }
    Dims size;
    for (int axis = 0; axis < spatial; ++axis) {
      size.push_back(sizes[static_cast<size_t>(axis)].value_or(x.size(axis - spatial)));
      if (size.back() > 0) continue;
      throw ValueError(concat_text(name, ": expected sizes of at least 1, got ", size.back(), " for axis ",
                                   axis - spatial, " of shape ", x.shape()));
    }
    return compute(x.size(), [&] {
      if (has_batch) return nn::adaptive_avg_pool(x, size);
      return squeeze(nn::adaptive_avg_pool(expand_dims(x, 0), size), std::vector<int64_t>{0});
    });
  };
  module.def(name.c_str(), run, py::arg("x"), py::arg("output_size"),
             concat_text("The means of windows that divide the input evenly.\n\n"
                         "Parameters\n----------\nx : Tensor, shape ",
                         shape,
                         ", or without N; floating point\n"
                         "output_size : int, None, or sequence of these\n"
                         "    Spatial sizes of the result; None keeps the size of an axis.\n\n"
                         "Returns\n-------\nTensor\n\nRaises\n------\nValueError\n    When sizes do not fit.\n"
                         "TypeError\n    When x is not floating point.")
                 .c_str());
}

using Rearrangement = Tensor (*)(const Tensor&, int64_t);

void define_rearrangement(py::module_& module, const char* name, const char* argument, const char* doc,
                          Rearrangement function) {
  module.def(
      name,
      [function](const Tensor& x, int64_t number) { return compute(x.size(), [&] { return function(x, number); }); },
      py::arg("x"), py::arg(argument), doc);
}

}  // namespace

void define_resampling(py::module_& parent) {
  define_resample_ops(parent);
  py::module_ module = parent.attr("nn").cast<py::module_>();
  define_padding(parent, module);
  constexpr const char* shapes[] = {"(N, C, L)", "(N, C, H, W)", "(N, C, D, H, W)"};
  for (int spatial = 1; spatial <= 3; ++spatial) define_adaptive_avg_pool(module, spatial, shapes[spatial - 1]);
  define_rearrangement(
      module, "pixel_shuffle", "upscale_factor",
      "Squares of r * r channels as r * r pixels (Shi et al., 2016): (..., C r r, H, W) to (..., C, H r, W r).\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.nn.functional.pixel_shuffle(pydl.arange(4).reshape(4, 1, 1), 2).tolist()\n[[[0, 1], [2, 3]]]\n",
      nn::pixel_shuffle);
  define_rearrangement(module, "pixel_unshuffle", "downscale_factor",
                       "Squares of r * r pixels as channels: (..., C, H r, W r) to (..., C r r, H, W).\n\n"
                       "Examples\n--------\n>>> import pydl\n"
                       ">>> pydl.nn.functional.pixel_unshuffle(pydl.zeros((1, 4, 6)), 2).shape\n(4, 2, 3)\n",
                       nn::pixel_unshuffle);
  define_rearrangement(module, "channel_shuffle", "groups",
                       "Channels (groups, C / groups) in the order (C / groups, groups) (Zhang et al., 2018).\n\n"
                       "Examples\n--------\n>>> import pydl\n>>> x = pydl.arange(4).reshape(1, 4, 1)\n"
                       ">>> pydl.nn.functional.channel_shuffle(x, 2).flatten().tolist()\n[0, 2, 1, 3]\n",
                       nn::channel_shuffle);
}

}  // namespace pydl::python
