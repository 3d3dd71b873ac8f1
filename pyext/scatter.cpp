// Reading and writing at indexed positions, and slices combined by segments.
#include "pydl/scatter.h"

#include "bindings.h"
#include "casters.h"
#include "scatter_arguments.h"
#include "shape_arguments.h"

namespace pydl::python {

namespace {

void define_reading(py::module_& module, const py::object& type) {
  const auto along = [](const Tensor& x, const Tensor& index, std::optional<int64_t> axis) {
    return compute(index.size(), [&] { return take_along_axis(x, index, axis); });
  };
  module.def("take_along_axis", along, py::arg("x"), py::arg("index"), py::arg("axis") = -1,
             "Elements along an axis, selected at each position by an index with as many axes; the other axes are\n"
             "broadcast.\n\nWithout an axis (None), both are flattened. Negative indices count from the end.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([[3, 1], [5, 9]])\n"
             ">>> pydl.take_along_axis(x, pydl.argsort(x, 1), 1).tolist()\n[[1, 3], [5, 9]]\n");
  module.def("take_along_dim", along, py::arg("x"), py::arg("index"), py::arg("axis") = py::none(),
             "`take_along_axis` with PyTorch's name and default: without an axis, both are flattened.\n\n"
             "Examples\n--------\n>>> import pydl\n"
             ">>> pydl.take_along_dim(pydl.tensor([[3, 1], [5, 9]]), pydl.tensor([3, 0])).tolist()\n[9, 3]\n");
  method(type, "take_along_dim", along, py::arg("index"), py::arg("axis") = py::none(), "See `pydl.take_along_dim`.");
  const auto slices = [](const Tensor& x, int64_t axis, const Tensor& index) {
    if (index.rank() > 1) {
      throw ValueError(concat_text("index_select: expected an index of one axis, got shape ", index.shape()));
    }
    return compute(index.size() * 16, [&] { return take(x, reshape(index, {index.size()}), axis); });
  };
  module.def("index_select", slices, py::arg("x"), py::arg("axis"), py::arg("index"),
             "Slices along an axis, selected by an index of one axis: `take` with PyTorch's order of arguments.\n\n"
             "Examples\n--------\n>>> import pydl\n"
             ">>> pydl.index_select(pydl.tensor([[1, 2], [3, 4]]), 1, pydl.tensor([1])).tolist()\n[[2], [4]]\n");
  method(type, "index_select", slices, py::arg("axis"), py::arg("index"), "See `pydl.index_select`.");
  method(
      type, "gather",
      [](const Tensor& x, int64_t axis, const Tensor& index) {
        return compute(index.size(), [&] { return gather(x, index, axis); });
      },
      py::arg("axis"), py::arg("index"), "See `pydl.gather`; the axis comes first, as in PyTorch.");
}

void define_writing(py::module_& module) {
  module.def(
      "index_copy",
      [](const Tensor& x, const Tensor& index, const Tensor& source, int64_t axis) {
        return compute(x.size() + source.size(), [&] { return index_copy(x, index, source, axis); });
      },
      py::arg("x"), py::arg("index"), py::arg("source"), py::arg("axis") = 0,
      "x with the slices of source where an index of one axis points along an axis; the last one remains.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.index_copy(pydl.zeros((3, 2)), pydl.tensor([2]), pydl.ones((1, 2))).tolist()\n"
      "[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]\n");
  module.def(
      "index_fill",
      [](const Tensor& x, const Tensor& index, const py::object& value, int64_t axis) {
        const Tensor number = to_tensor_beside(value, x);
        return compute(x.size(), [&] { return index_fill(x, index, number, axis); });
      },
      py::arg("x"), py::arg("index"), py::arg("value"), py::arg("axis") = 0,
      "x with a number, or a tensor of rank 0, in the slices to which an index of one axis points.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.index_fill(pydl.zeros((2, 2)), pydl.tensor([1]), 7, axis=1).tolist()\n[[0.0, 7.0], [0.0, 7.0]]\n");
  module.def(
      "put",
      [](const Tensor& x, const Tensor& index, const py::object& values, bool accumulate) {
        const Tensor given = to_tensor_beside(values, x);
        return compute(x.size(), [&] { return put(x, index, given, accumulate); });
      },
      py::arg("x"), py::arg("index"), py::arg("values"), py::arg("accumulate") = false,
      "x with values where an index into its elements, in row-major order, points.\n\n"
      "There is one value, or one for each index; with `accumulate`, they are added. Where an index is named more "
      "than\n"
      "once, the last value remains.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.put(pydl.zeros((2, 2)), pydl.tensor([3, 0]), pydl.tensor([5.0, 7.0])).tolist()\n"
      "[[7.0, 0.0], [0.0, 5.0]]\n");
  module.def(
      "masked_scatter",
      [](const Tensor& x, const Tensor& mask, const Tensor& source) {
        return compute(x.size(), [&] { return masked_scatter(x, mask, source); });
      },
      py::arg("x"), py::arg("mask"), py::arg("source"),
      "x with the elements of source, in row-major order, where a bool mask is true. x and mask are broadcast\n"
      "together.\n\nExamples\n--------\n>>> import pydl\n>>> mask = pydl.tensor([True, False, True])\n"
      ">>> pydl.masked_scatter(pydl.zeros(3), mask, pydl.tensor([5.0, 7.0])).tolist()\n[5.0, 0.0, 7.0]\n");
  module.def(
      "scatter_reduce",
      [](const Tensor& x, const Tensor& index, const Tensor& source, const std::string& reduce, int64_t axis,
         bool include_self) {
        const ScatterReduction reduction = scatter_reduction_of(reduce);
        return compute(x.size() + source.size(),
                       [&] { return scatter_reduce(x, index, source, reduction, axis, include_self); });
      },
      py::arg("x"), py::arg("index"), py::arg("source"), py::arg("reduce"), py::arg("axis") = 0,
      py::arg("include_self") = true,
      "The elements of x combined with those of source for which an index of its shape points there along an axis.\n\n"
      "Parameters\n----------\nx : Tensor, any shape\nindex : Tensor of integers\n"
      "    Of the shape of source, which agrees with x in all axes but one. An index of one axis has an entry per\n"
      "    slice of tensors with several axes.\nsource : Tensor, of the dtype of x\n"
      "reduce : {'sum', 'prod', 'mean', 'amin', 'amax'}\n"
      "    Elements that are equally the largest or smallest share the gradient. Means of integers are rounded down.\n"
      "axis : int\ninclude_self : bool\n    Whether elements of x to which the index points count.\n\n"
      "Returns\n-------\nTensor\n    Of the shape of x.\n\nRaises\n------\nIndexError\n"
      "    When an index is outside the axis.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> x, index = pydl.zeros(3), pydl.tensor([0, 0, 2])\n"
      ">>> pydl.scatter_reduce(x, index, pydl.tensor([1.0, 2.0, -3.0]), 'amax', include_self=False).tolist()\n"
      "[2.0, 0.0, -3.0]\n");
  module.def(
      "one_hot",
      [](const Tensor& index, std::optional<int64_t> classes, std::optional<DType> dtype) {
        // PyTorch's number for "as many as necessary".
        if (classes == -1) classes.reset();
        const int64_t work = index.size() * std::clamp<int64_t>(classes.value_or(16), 1, 1'000'000);
        return compute(work, [&] { return one_hot(index, classes, dtype.value_or(DType::int64)); });
      },
      py::arg("index"), py::arg("num_classes") = py::none(), py::arg("dtype") = DType::int64,
      "Classes (...) as vectors (..., num_classes): 1 at the position of the class, and 0 elsewhere.\n\n"
      "Parameters\n----------\nindex : Tensor of integers, any shape\nnum_classes : int, optional\n"
      "    By default, as many as the largest class requires; a compiled function must give it.\n"
      "dtype : DType\n    Of the result.\n\nRaises\n------\nIndexError\n"
      "    When a class is negative, or not smaller than num_classes.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.one_hot(pydl.tensor([0, 2])).tolist()\n[[1, 0, 0], [0, 0, 1]]\n");
}

using Segment = Tensor (*)(const Tensor&, const Tensor&, std::optional<int64_t>);

void define_segments(py::module_& module) {
  const auto define = [&](const char* name, Segment function, const char* what, const char* example) {
    module.def(
        name,
        [function](const Tensor& x, const Tensor& ids, std::optional<int64_t> count) {
          return compute(x.size(), [&] { return function(x, ids, count); });
        },
        py::arg("x"), py::arg("segment_ids"), py::arg("num_segments") = py::none(),
        doc_with_example(
            concat_text(what,
                        " of the slices of each segment.\n\n"
                        "Parameters\n----------\nx : Tensor, (n, ...)\nsegment_ids : Tensor of integers, (n)\n"
                        "    The segment of each slice, in any order.\nnum_segments : int, optional\n"
                        "    By default, as many as the largest id requires; a compiled function must give it.\n\n"
                        "Returns\n-------\nTensor\n    (num_segments, ...)\n\nRaises\n------\nIndexError\n"
                        "    When an id is negative, or not smaller than num_segments."),
            concat_text(">>> x, ids = pydl.tensor([1.0, 2.0, 4.0]), pydl.tensor([0, 2, 0])\n>>> pydl.", name,
                        "(x, ids).tolist()\n", example))
            .c_str());
  };
  define("segment_sum", segment_sum, "The sums", "[5.0, 0.0, 2.0]\n");
  define("segment_mean", segment_mean, "The means, or 0 where there are none,", "[2.5, 0.0, 2.0]\n");
  define("segment_prod", segment_prod, "The products", "[4.0, 1.0, 2.0]\n");
  define("segment_max", segment_max, "The largest elements, or 0 where there are none,", "[4.0, 0.0, 2.0]\n");
  define("segment_min", segment_min, "The smallest elements, or 0 where there are none,", "[1.0, 0.0, 2.0]\n");
}

}  // namespace

void define_scatter(py::module_& module, const py::object& type) {
  define_reading(module, type);
  define_writing(module);
  define_segments(module);
}

}  // namespace pydl::python
