// Axes added, moved and divided, windows, and elements moved and repeated.
#include <algorithm>

#include "bindings.h"
#include "casters.h"
#include "pydl/manipulation.h"
#include "shape_arguments.h"

namespace pydl::python {

namespace {

std::string see(const char* name) { return concat_text("See `pydl.", name, "`."); }

// Two numbers are axes that are swapped, as in PyTorch; a sequence, or more numbers, is an order of all axes, as in
// NumPy; without any, the order is reversed.
Tensor transpose(const Tensor& x, const py::args& axes) {
  if (axes.size() == 2 && PyIndex_Check(axes[0].ptr()) != 0 && PyIndex_Check(axes[1].ptr()) != 0) {
    return swapaxes(x, integer_argument("transpose", "axes", axes[0]), integer_argument("transpose", "axes", axes[1]));
  }
  if (!axes.empty() && !(axes.size() == 1 && axes[0].is_none())) {
    return permute_dims(x, dims_of_varargs("transpose", axes, "axes"));
  }
  std::vector<int64_t> order;
  for (int axis = x.rank() - 1; axis >= 0; --axis) order.push_back(axis);
  return permute_dims(x, order);
}

Tensor transposed_matrix(const Tensor& x) {
  if (x.rank() > 2) throw ValueError(concat_text("t: expected at most 2 axes, got shape ", x.shape()));
  return x.rank() == 2 ? matrix_transpose(x) : x;
}

Tensor sliding_windows(const Tensor& x, const DimsArgument& window, const AxisArgument& axis) {
  std::vector<int64_t> axes;
  for (int i = 0; i < x.rank(); ++i) axes.push_back(i);
  if (axis.axes) axes = *axis.axes;
  if (static_cast<int>(axes.size()) != window.dims.rank()) {
    throw ValueError(concat_text("sliding_window_view: expected a window size for each of ", axes.size(), " axes, got ",
                                 window.dims));
  }
  Tensor result = x;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int along = normalize_axis("sliding_window_view", axes[i], x.rank());
    result = unfold(result, along, window.dims[static_cast<int>(i)]);
  }
  return result;
}

void define_added_axes(py::module_& module, const py::object& type) {
  module.def("unsqueeze", expand_dims, py::arg("x"), py::arg("axis"),
             "PyTorch's name for `expand_dims`.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.unsqueeze(pydl.zeros(3), -1).shape\n(3, 1)\n");
  method(type, "unsqueeze", expand_dims, py::arg("axis"), "PyTorch's name for `expand_dims`.");
  using AtLeast = Tensor (*)(const Tensor&);
  const auto define_at_least = [&](const char* name, AtLeast function, const char* summary, const char* shape) {
    module.def(
        name, function, py::arg("x"),
        doc_with_example(summary, concat_text(">>> pydl.", name, "(pydl.tensor(3)).shape\n", shape, "\n")).c_str());
  };
  define_at_least("atleast_1d", atleast_1d, "A number as a vector; anything else as it is.", "(1,)");
  define_at_least("atleast_2d", atleast_2d, "A number or vector as a row; anything else as it is.", "(1, 1)");
  define_at_least("atleast_3d", atleast_3d, "At least three axes: (n) becomes (1, n, 1), and (m, n) becomes (m, n, 1).",
                  "(1, 1, 1)");
  const auto divided = [](const Tensor& x, int64_t axis, const DimsArgument& sizes) {
    return unflatten(x, axis, sizes.dims);
  };
  module.def("unflatten", divided, py::arg("x"), py::arg("axis"), py::arg("sizes"),
             "One axis divided into several; one of the sizes may be -1. The inverse of `flatten`.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.unflatten(pydl.zeros((2, 12)), 1, (3, -1)).shape\n"
             "(2, 3, 4)\n");
  method(type, "unflatten", divided, py::arg("axis"), py::arg("sizes"), see("unflatten").c_str());
  const auto flat = [](const Tensor& x) { return compute(x.size(), [&] { return reshape(x, {-1}); }); };
  module.def("ravel", flat, py::arg("x"),
             "All elements in row-major order, as one axis; a view if the layout allows it.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.ravel(pydl.zeros((2, 3))).shape\n(6,)\n");
  method(type, "ravel", flat, see("ravel").c_str());
}

void define_moved_axes(py::module_& module, const py::object& type) {
  const auto moved = [](const Tensor& x, const DimsArgument& source, const DimsArgument& destination) {
    return moveaxis(x, source.dims, destination.dims);
  };
  for (const char* name : {"moveaxis", "movedim"}) {
    module.def(name, moved, py::arg("x"), py::arg("source"), py::arg("destination"),
               doc_with_example("Axes moved to other positions, as a view; the others keep their order.",
                                concat_text(">>> pydl.", name, "(pydl.zeros((2, 3, 4)), 0, -1).shape\n(3, 4, 2)\n"))
                   .c_str());
    method(type, name, moved, py::arg("source"), py::arg("destination"), see(name).c_str());
  }
  module.def("swapaxes", swapaxes, py::arg("x"), py::arg("axis1"), py::arg("axis2"),
             "Two axes swapped, as a view.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.swapaxes(pydl.zeros((2, 3, 4)), 0, 2).shape\n(4, 3, 2)\n");
  method(type, "swapaxes", swapaxes, py::arg("axis1"), py::arg("axis2"), see("swapaxes").c_str());
  constexpr const char* orders =
      "Axes in another order, as a view.\n\n"
      "Two numbers are axes that are swapped, as in PyTorch. More numbers, or one sequence, are the order of all "
      "axes,\n"
      "as in NumPy; without any, the order is reversed.";
  module.def("transpose", transpose, py::arg("x"),
             doc_with_example(orders, ">>> pydl.transpose(pydl.zeros((2, 3, 4)), 1, 2).shape\n(2, 4, 3)\n").c_str());
  method(type, "transpose", transpose, orders);
  method(type, "t", transposed_matrix, "The transposed matrix, as a view; a vector or number as it is.");
  module.def(
      "rot90",
      [](const Tensor& x, int64_t k, const std::pair<int64_t, int64_t>& axes) {
        return rot90(x, k, axes.first, axes.second);
      },
      py::arg("x"), py::arg("k") = 1, py::arg("axes") = std::pair<int64_t, int64_t>(0, 1),
      "Rotated by k right angles in the plane of two axes, from the first towards the second, as a view.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.rot90(pydl.tensor([[1, 2], [3, 4]])).tolist()\n"
      "[[2, 4], [1, 3]]\n");
  using Mirror = std::pair<const char*, int>;
  for (const auto& [name, axis] : {Mirror{"flipud", 0}, Mirror{"fliplr", 1}}) {
    const std::string summary =
        concat_text("The ", axis == 0 ? "first" : "second", " axis in reverse order, as a view.");
    const std::string example = concat_text(">>> pydl.", name, "(pydl.tensor([[1, 2], [3, 4]])).tolist()\n",
                                            axis == 0 ? "[[3, 4], [1, 2]]\n" : "[[2, 1], [4, 3]]\n");
    module.def(
        name,
        [name, axis](const Tensor& x) {
          if (x.rank() > axis) return flip(x, std::vector<int64_t>{axis});
          throw ValueError(concat_text(name, ": expected at least ", axis + 1, " axes, got shape ", x.shape()));
        },
        py::arg("x"), doc_with_example(summary, example).c_str());
  }
  method(
      type, "flip",
      [](const Tensor& x, const py::args& axes) {
        if (axes.empty()) return flip(x);
        const Dims chosen = dims_of_varargs("flip", axes, "axes");
        return flip(x, std::vector<int64_t>(chosen.begin(), chosen.end()));
      },
      "See `pydl.flip`; takes axes or one sequence of them.");
}

void define_shapes_of_others(const py::object& type) {
  method(
      type, "view_as", [](const py::object& self, const Tensor& other) { return self.attr("view")(other.shape()); },
      py::arg("other"), "The elements in the shape of another tensor, without copying; see `view`.");
  method(
      type, "reshape_as",
      [](const Tensor& x, const Tensor& other) { return compute(x.size(), [&] { return reshape(x, other.shape()); }); },
      py::arg("other"), "The elements in the shape of another tensor; see `reshape`.");
  method(
      type, "expand_as", [](const Tensor& x, const Tensor& other) { return expand(x, other.shape()); },
      py::arg("other"), "Expanded to the shape of another tensor; see `expand`.");
}

void define_parts(py::module_& module, const py::object& type) {
  module.def("narrow", narrow, py::arg("x"), py::arg("axis"), py::arg("start"), py::arg("length"),
             "`length` elements of an axis from `start`, which may count from the end, as a view.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.narrow(pydl.arange(5), 0, 1, 2).tolist()\n[1, 2]\n");
  method(type, "narrow", narrow, py::arg("axis"), py::arg("start"), py::arg("length"), see("narrow").c_str());
  module.def("select", select, py::arg("x"), py::arg("axis"), py::arg("index"),
             "One slice of an axis, without that axis, as a view.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.select(pydl.tensor([[1, 2], [3, 4]]), 1, -1).tolist()\n[2, 4]\n");
  method(type, "select", select, py::arg("axis"), py::arg("index"), see("select").c_str());
  const auto strided = [](const Tensor& x, const DimsArgument& shape, const DimsArgument& strides, int64_t offset) {
    return compute(x.size(), [&] { return as_strided(x, shape.dims, strides.dims, offset); });
  };
  module.def(
      "as_strided", strided, py::arg("x"), py::arg("shape"), py::arg("strides"), py::arg("offset") = 0,
      "A view with the given strides, in elements.\n\n"
      "Element i of the result is element `offset + sum(i * strides)` of x in row-major order; a tensor in another\n"
      "layout is copied first. Elements may overlap: their gradients add up.\n\n"
      "Raises\n------\nIndexError\n    When the result would reach beyond the elements of x.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.as_strided(pydl.arange(4), (3, 2), (1, 1)).tolist()\n"
      "[[0, 1], [1, 2], [2, 3]]\n");
  method(type, "as_strided", strided, py::arg("shape"), py::arg("strides"), py::arg("offset") = 0,
         see("as_strided").c_str());
  const auto windows = [](const Tensor& x, int64_t axis, int64_t size, int64_t step) {
    return unfold(x, axis, size, step);
  };
  module.def(
      "unfold",
      [](const Tensor& x, int64_t axis, int64_t size, int64_t step, int64_t dilation) {
        return unfold(x, axis, size, step, dilation);
      },
      py::arg("x"), py::arg("axis"), py::arg("size"), py::arg("step") = 1, py::arg("dilation") = 1,
      "Windows of `size` elements, `dilation` apart, that begin every `step` elements of an axis, as a view.\n\n"
      "The axis counts the windows, and a new last axis their elements.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.unfold(pydl.arange(5), 0, 3, 2).tolist()\n"
      "[[0, 1, 2], [2, 3, 4]]\n");
  method(type, "unfold", windows, py::arg("axis"), py::arg("size"), py::arg("step"), see("unfold").c_str());
  module.def("sliding_window_view", sliding_windows, py::arg("x"), py::arg("window_shape"),
             py::arg("axis") = py::none(),
             "All windows of a shape over some axes (all by default), as a view.\n\n"
             "These axes count the windows, and as many new last axes their elements.\n\n"
             "Examples\n--------\n>>> import pydl\n"
             ">>> pydl.sliding_window_view(pydl.zeros((4, 5)), (2, 2)).shape\n(3, 4, 2, 2)\n");
}

void define_rolling(py::module_& module, const py::object& type) {
  const auto rolled = [](const Tensor& x, const DimsArgument& shift, const AxisArgument& axis) {
    return compute(x.size(), [&] { return roll(x, shift.dims, axis.axes); });
  };
  module.def("roll", rolled, py::arg("x"), py::arg("shift"), py::arg("axis") = py::none(),
             "Elements moved along axes; what leaves at one end enters at the other.\n\n"
             "One shift for all axes, or one per axis. Without an axis, the elements are moved in row-major order.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.roll(pydl.arange(4), 1).tolist()\n[3, 0, 1, 2]\n");
  method(type, "roll", rolled, py::arg("shift"), py::arg("axis") = py::none(), see("roll").c_str());
}

Tensor repeat_elements(const Tensor& x, const py::object& repeats, std::optional<int64_t> axis) {
  if (PyIndex_Check(repeats.ptr()) != 0 && !py::hasattr(repeats, "ndim")) {
    const int64_t count = integer_argument("repeat", "repeats", repeats);
    return compute(x.size() * 4, [&] { return repeat(x, count, axis); });
  }
  const Tensor counts = to_tensor(repeats);
  return compute(x.size() * 4, [&] { return repeat(x, counts, axis); });
}

// PyTorch's function: the size of the result may be given.
Tensor repeat_interleaved(const Tensor& x, const py::object& repeats, std::optional<int64_t> axis,
                          std::optional<int64_t> output_size) {
  if (!output_size) return repeat_elements(x, repeats, axis);
  const Tensor counts = to_tensor(repeats);
  return compute(x.size() * 4, [&] { return repeat(x, counts, axis, output_size); });
}

void define_repeating(py::module_& module, const py::object& type) {
  constexpr const char* summary =
      "Each element along an axis repeated; without an axis, all elements in row-major order.\n\n"
      "Parameters\n----------\nx : Tensor, any shape\nrepeats : int, or integers with one number per element\n"
      "    In a compiled function, a list: the shape of the result depends on it.\naxis : int, optional\n\n"
      "Returns\n-------\nTensor\n\nRaises\n------\nValueError\n"
      "    When a number is negative, or there are not as many numbers as elements.";
  const auto example = [](const char* name) {
    return concat_text(">>> pydl.", name, "(pydl.tensor([1, 2]), 2).tolist()\n[1, 1, 2, 2]\n>>> pydl.", name,
                       "(pydl.tensor([1, 2]), [0, 3]).tolist()\n[2, 2, 2]\n");
  };
  module.def("repeat", repeat_elements, py::arg("x"), py::arg("repeats"), py::arg("axis") = py::none(),
             doc_with_example(summary, example("repeat")).c_str());
  const std::string size_is_checked =
      std::string(summary) +
      "\n    When `output_size` is given, and the result does not have that size along the axis.";
  module.def("repeat_interleave", repeat_interleaved, py::arg("x"), py::arg("repeats"), py::arg("axis") = py::none(),
             py::kw_only(), py::arg("output_size") = py::none(),
             doc_with_example(size_is_checked.c_str(), example("repeat_interleave")).c_str());
  method(type, "repeat_interleave", repeat_interleaved, py::arg("repeats"), py::arg("axis") = py::none(), py::kw_only(),
         py::arg("output_size") = py::none(), see("repeat_interleave").c_str());
  const auto tiled = [](const Tensor& x, const Dims& counts) {
    return compute(x.size() * 4, [&] { return tile(x, counts); });
  };
  module.def(
      "tile", [tiled](const Tensor& x, const DimsArgument& repetitions) { return tiled(x, repetitions.dims); },
      py::arg("x"), py::arg("repetitions"),
      "The whole tensor repeated along each axis; missing numbers in front are 1.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.tile(pydl.tensor([1, 2]), (2, 2)).tolist()\n"
      "[[1, 2, 1, 2], [1, 2, 1, 2]]\n");
  method(
      type, "tile",
      [tiled](const Tensor& x, const py::args& repetitions) { return tiled(x, dims_of_varargs("tile", repetitions)); },
      "See `pydl.tile`; takes numbers or one sequence of them.");
  method(
      type, "repeat",
      [tiled](const Tensor& x, const py::args& repetitions) {
        const Dims counts = dims_of_varargs("repeat", repetitions);
        if (counts.rank() < x.rank()) {
          throw ValueError(concat_text("repeat: expected a number for each axis of shape ", x.shape(), ", got ", counts,
                                       "; repeat_interleave repeats elements"));
        }
        return tiled(x, counts);
      },
      "The whole tensor repeated along each axis, as in PyTorch; takes numbers or one sequence of them.\n\n"
      "The function `pydl.repeat`, like NumPy's, repeats elements, as does the method `repeat_interleave`.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.tensor([1, 2]).repeat(2).tolist()\n[1, 2, 1, 2]\n");
}

}  // namespace

void define_rearranging(py::module_& module, const py::object& type) {
  define_added_axes(module, type);
  define_moved_axes(module, type);
  define_shapes_of_others(type);
  define_parts(module, type);
  define_rolling(module, type);
  define_repeating(module, type);
}

}  // namespace pydl::python
