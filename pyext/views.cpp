// Functions on shape and structure, and indexing by tensors.
#include <pybind11/typing.h>
#include <algorithm>

#include "bindings.h"
#include "casters.h"
#include "pydl/indexing.h"
#include "pydl/program.h"
#include "shape_arguments.h"

namespace pydl::python {

std::vector<Tensor> tensors_of(const char* name, const py::object& source) {
  if (is_tensor(source.ptr()) || !py::isinstance<py::iterable>(source)) {
    throw TypeError(concat_text(name, ": expected a sequence of tensors"));
  }
  std::vector<Tensor> tensors;
  for (const py::handle item : source) tensors.push_back(to_tensor(item));
  return tensors;
}

std::vector<Tensor> split_into(const Tensor& x, const py::object& parts, int64_t axis) {
  std::vector<int64_t> sizes;
  if (!load_integers(parts, &sizes)) throw TypeError("split: expected a number of parts, or their sizes");
  if (PyIndex_Check(parts.ptr()) == 0) return split(x, sizes, axis);
  const int64_t count = sizes[0];
  const int64_t size = x.shape()[normalize_axis("split", axis, x.rank())];
  if (count <= 0 || size % count != 0) {
    throw ValueError(concat_text("split: an axis of size ", size, " cannot be divided into ", count, " equal parts"));
  }
  return split(x, std::vector<int64_t>(static_cast<size_t>(count), size / count), axis);
}

namespace {

Tensor flatten(const Tensor& x, int64_t start_axis, int64_t end_axis) {
  if (x.rank() == 0) return reshape(x, {1});
  const int start = normalize_axis("flatten", start_axis, x.rank());
  const int end = normalize_axis("flatten", end_axis, x.rank());
  if (start > end) throw ValueError(concat_text("flatten: axis ", start_axis, " is after axis ", end_axis));
  Dims shape;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis > start && axis <= end) {
      shape[start] *= x.shape()[axis];
    } else {
      shape.push_back(x.shape()[axis]);
    }
  }
  return reshape(x, shape);
}

// PyTorch's `view`: writing to the result writes to x.
Tensor view(const Tensor& x, const Dims& shape) {
  const Tensor result = reshape(x, shape);
  if (x.is_contiguous() || x.size() == 0 || is_tracing() || result.raw_data() == x.raw_data()) return result;
  throw ValueError(concat_text("view: the elements of a tensor of shape ", x.shape(), " with strides ", x.strides(),
                               " are in another order than those of shape ", result.shape(),
                               "; use reshape, which copies if necessary"));
}

// reshape(x, shape, copy=False)
Tensor reshaped_view(const Tensor& x, const Dims& shape) try {
  return view(x, shape);
} catch (const ValueError& error) {
  reshape(x, shape);  // a shape that does not fit is another error
  throw ValueError(concat_text("reshape: a tensor of shape ", x.shape(), " with strides ", x.strides(),
                               " cannot have shape ", shape, " without a copy, which copy=False forbids"));
}

void define_reshaping(py::module_& module, const py::object& type) {
  module.def(
      "reshape",
      [](const Tensor& x, const DimsArgument& shape, std::optional<bool> copied) {
        if (!copied) return reshape(x, shape.dims);
        return *copied ? compute(x.size(), [&] { return reshape(copy(x), shape.dims); }) : reshaped_view(x, shape.dims);
      },
      py::arg("x"), py::arg("shape"), py::kw_only(), py::arg("copy") = py::none(),
      "The same elements, in row-major order, in another shape; a view if the layout allows it.\n\n"
      "One size may be -1; it is computed from the others. With ``copy=True`` the elements are always copied; with\n"
      "``copy=False`` never, and a layout that needs a copy raises ValueError.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.reshape(pydl.arange(6), (2, -1)).shape\n(2, 3)\n");
  method(
      type, "reshape",
      [](const Tensor& x, const py::args& shape) { return reshape(x, dims_of_varargs("reshape", shape)); },
      "See `pydl.reshape`; takes sizes or one sequence of them.");
  method(
      type, "view", [](const Tensor& x, const py::args& shape) { return view(x, dims_of_varargs("view", shape)); },
      "Like `reshape`, but never copies, as in PyTorch.\n\nTakes sizes or one sequence of "
      "them.\n\nRaises\n------\nValueError\n"
      "    If the layout does not allow a view.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.zeros(6).view(2, "
      "-1).shape\n"
      "(2, 3)\n");
  module.def(
      "permute_dims", [](const Tensor& x, const DimsArgument& axes) { return permute_dims(x, axes.dims); },
      py::arg("x"), py::arg("axes"),
      "The axes in another order, as a view.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.permute_dims(pydl.zeros((2, 3, 4)), (2, 0, 1)).shape\n(4, 2, 3)\n");
  method(
      type, "permute_dims",
      [](const Tensor& x, const py::args& axes) { return permute_dims(x, dims_of_varargs("permute_dims", axes)); },
      "See `pydl.permute_dims`; takes axes or one sequence of them.");
  method(
      type, "permute",
      [](const Tensor& x, const py::args& axes) { return permute_dims(x, dims_of_varargs("permute", axes)); },
      "PyTorch's name for `permute_dims`; takes axes or one sequence of them.");
  module.def("matrix_transpose", matrix_transpose, py::arg("x"),
             "The last two axes swapped, as a view.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.matrix_transpose(pydl.zeros((2, 3))).shape\n(3, 2)\n");
  const auto expand_to = [](const Tensor& x, const DimsArgument& shape) { return expand(x, shape.dims); };
  constexpr const char* expand_doc =
      "Axes of size 1 repeated, and leading axes added, without copying.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.expand(pydl.zeros((2, 1)), (2, 3)).shape\n(2, 3)\n";
  module.def("expand", expand_to, py::arg("x"), py::arg("shape"), expand_doc);
  module.def("broadcast_to", expand_to, py::arg("x"), py::arg("shape"),
             "The array API's name for `expand`.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.broadcast_to(pydl.ones(2), (3, 2)).shape\n(3, 2)\n");
  method(
      type, "expand",
      [](const Tensor& x, const py::args& shape) { return expand(x, dims_of_varargs("expand", shape)); },
      "See `pydl.expand`; takes sizes or one sequence of them.");
  module.def("expand_dims", expand_dims, py::arg("x"), py::arg("axis"),
             "An axis of size 1 added at that position of the result.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.expand_dims(pydl.zeros(3), 0).shape\n(1, 3)\n");
  method(type, "expand_dims", expand_dims, py::arg("axis"), "See `pydl.expand_dims`.");
  const auto squeeze_axes = [](const Tensor& x, const AxisArgument& axis) { return squeeze(x, axis.axes); };
  module.def("squeeze", squeeze_axes, py::arg("x"), py::arg("axis") = py::none(),
             "Axes of size 1 removed: those named, or all.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.squeeze(pydl.zeros((1, 3, 1))).shape\n(3,)\n");
  method(type, "squeeze", squeeze_axes, py::arg("axis") = py::none(), "See `pydl.squeeze`.");
  module.def("flatten", flatten, py::arg("x"), py::arg("start_axis") = 0, py::arg("end_axis") = -1,
             "Neighbouring axes joined into one.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> pydl.flatten(pydl.zeros((2, 3, 4)), 1).shape\n(2, 12)\n");
  method(type, "flatten", flatten, py::arg("start_axis") = 0, py::arg("end_axis") = -1, "See `pydl.flatten`.");
  module.def(
      "flip", [](const Tensor& x, const AxisArgument& axis) { return flip(x, axis.axes); }, py::arg("x"),
      py::arg("axis") = py::none(),
      "Elements in reverse order along axes, a view.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.flip(pydl.arange(3))\ntensor([2, 1, 0], dtype=int64)\n");
  module.def(
      "slice",
      [](const Tensor& x, const DimsArgument& starts, const DimsArgument& sizes, const DimsArgument& steps) {
        return slice(x, starts.dims, sizes.dims, steps.dims);
      },
      py::arg("x"), py::arg("starts"), py::arg("sizes"), py::arg("steps"),
      "A part of each axis, as a view, like indexing by slices.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.slice(pydl.arange(5), (1,), (2,), (2,))\ntensor([1, 3], dtype=int64)\n");
}

void define_structure(py::module_& module) {
  for (const char* name : {"concat", "concatenate", "cat"}) {
    module.def(
        name,
        [name](const py::object& tensors, std::optional<int64_t> axis) {
          auto parts = tensors_of(name, tensors);
          if (!axis)
            std::transform(parts.begin(), parts.end(), parts.begin(), [](auto& x) { return reshape(x, {-1}); });
          return compute(total_size(parts), [&] { return concat(parts, axis.value_or(0)); });
        },
        py::arg("tensors"), py::arg("axis") = 0,
        doc_with_example(
            "Tensors joined along an axis; all other axes must have the same sizes. dtypes are promoted.\n\n"
            "With ``axis=None``, the tensors are flattened first.",
            concat_text(">>> pydl.", name, "([pydl.zeros((1, 2)), pydl.ones((2, 2))]).shape\n(3, 2)\n"))
            .c_str());
  }
  module.def(
      "stack",
      [](const py::object& tensors, int64_t axis) {
        const auto parts = tensors_of("stack", tensors);
        return compute(total_size(parts), [&] { return stack(parts, axis); });
      },
      py::arg("tensors"), py::arg("axis") = 0,
      "Tensors of one shape joined along a new axis.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.stack([pydl.zeros(2), pydl.ones(2)]).shape\n(2, 2)\n");
  module.def("split", split_into, py::arg("x"), py::arg("sizes"), py::arg("axis") = 0,
             "Parts of an axis, as views: of the given sizes, or a number of equal ones.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> [p.shape for p in pydl.split(pydl.zeros(5), (2, 3))]\n"
             "[(2,), (3,)]\n");
  module.def(
      "copy", [](const Tensor& x) { return compute(x.size(), [&] { return copy(x); }); }, py::arg("x"),
      "The same values in new memory, row-major.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.copy(pydl.tensor([1]))\ntensor([1], dtype=int64)\n");
  module.def(
      "slice_backward",
      [](const Tensor& g, const DimsArgument& shape, const DimsArgument& starts, const DimsArgument& steps) {
        return slice_backward(g, shape.dims, starts.dims, steps.dims);
      },
      py::arg("g"), py::arg("shape"), py::arg("starts"), py::arg("steps"),
      "Zeros of `shape` with g at starts + i * steps: the transpose of `slice`.\n\nExamples\n--------\n"
      ">>> import pydl\n>>> pydl.slice_backward(pydl.ones(2), (4,), (1,), (2,))\n"
      "tensor([0., 1., 0., 1.], dtype=float32)\n");
}

void define_masks(py::module_& module, const py::object& type) {
  const auto positions = [](const Tensor& x, bool as_tuple) {
    if (!as_tuple) throw ValueError("nonzero: the positions are a tuple of tensors; argwhere gives them as one tensor");
    return py::typing::Tuple<Tensor, py::ellipsis>(py::tuple(py::cast(compute(x.size(), [&] { return nonzero(x); }))));
  };
  module.def(
      "nonzero", positions, py::arg("x"), py::kw_only(), py::arg("as_tuple") = true,
      "The positions of the elements that are not zero, in row-major order: one int64 tensor per axis.\n\n"
      "`x[nonzero(x)]` are these elements; NaN is not zero. A compiled function cannot call it, because the shapes\n"
      "depend on values. `as_tuple=True` is accepted for code that was written for PyTorch.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> rows, columns = pydl.nonzero(pydl.tensor([[0, 5], [7, 0]]))\n"
      ">>> rows.tolist(), columns.tolist()\n([0, 1], [1, 0])\n");
  module.def(
      "argwhere", [](const Tensor& x) { return compute(x.size(), [&] { return argwhere(x); }); }, py::arg("x"),
      "The positions of the elements that are not zero, in row-major order: an int64 tensor of shape (count, axes).\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.argwhere(pydl.tensor([[0, 5], [7, 0]]))\n"
      "tensor([[0, 1],\n        [1, 0]], dtype=int64)\n");
  const auto selected = [](const Tensor& x, const Tensor& mask) {
    return compute(x.size(), [&] { return masked_select(x, mask); });
  };
  module.def("masked_select", selected, py::arg("x"), py::arg("mask"),
             "The elements of x for which a bool mask is true, in row-major order: a tensor of one axis. The two are\n"
             "broadcast together.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([[1, 2], [3, 4]])\n"
             ">>> pydl.masked_select(x, x > 2)\ntensor([3, 4], dtype=int64)\n");
  const auto filled = [](const Tensor& x, const Tensor& mask, const py::object& value) {
    const Tensor number = to_tensor_beside(value, x);
    return compute(x.size(), [&] { return masked_fill(x, mask, number); });
  };
  module.def(
      "masked_fill", filled, py::arg("x"), py::arg("mask"), py::arg("value"),
      "x with a number, or a tensor of rank 0, where a bool mask is true. x and mask are broadcast together.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.masked_fill(pydl.zeros(2), pydl.tensor([True, False]), -1)\n"
      "tensor([-1.,  0.], dtype=float32)\n");
  method(type, "nonzero", positions, py::kw_only(), py::arg("as_tuple") = true, "See `pydl.nonzero`.");
  method(type, "masked_select", selected, py::arg("mask"), "See `pydl.masked_select`.");
  method(type, "masked_fill", filled, py::arg("mask"), py::arg("value"), "See `pydl.masked_fill`.");
}

void define_indexing(py::module_& module) {
  module.def(
      "gather",
      [](const Tensor& x, const Tensor& index, int64_t axis) {
        return compute(index.size(), [&] { return gather(x, index, axis); });
      },
      py::arg("x"), py::arg("index"), py::arg("axis"),
      "Elements along an axis, selected at each position by an integer index of the same rank.\n\n"
      "Along the other axes, the index may be smaller than x, of which only the beginning is then read, as in "
      "PyTorch;\n"
      "`take_along_axis` broadcasts them instead. Negative indices count from the end; one out of range raises\n"
      "IndexError.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([[1, 2], [3, 4]])\n"
      ">>> pydl.gather(x, pydl.tensor([[1], [0]]), axis=1)\ntensor([[2],\n        [3]], dtype=int64)\n");
  module.def(
      "take",
      [](const Tensor& x, const Tensor& index, int64_t axis) {
        return compute(index.size() * 16, [&] { return take(x, index, axis); });
      },
      py::arg("x"), py::arg("index"), py::arg("axis") = 0,
      "Slices along an axis, selected by an integer index of any rank.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.take(pydl.tensor([10, 20, 30]), pydl.tensor([2, 0]))\ntensor([30, 10], dtype=int64)\n");
  module.def("gather_backward", gather_backward, py::arg("g"), py::arg("index"), py::arg("axis"), py::arg("size"),
             "Adds gradients at the positions from which `gather` took elements, on an axis of `size`.\n\n"
             "Examples\n--------\n>>> import pydl\n"
             ">>> pydl.gather_backward(pydl.ones(2), pydl.tensor([1, 1]), 0, 3)\n"
             "tensor([0., 2., 0.], dtype=float32)\n");
  module.def("take_backward", take_backward, py::arg("g"), py::arg("index"), py::arg("axis"), py::arg("size"),
             py::arg("skip") = py::none(),
             "Adds gradients at the positions from which `take` took slices, except `skip`, on an axis of `size`.\n\n"
             "Examples\n--------\n>>> import pydl\n"
             ">>> pydl.take_backward(pydl.ones(2), pydl.tensor([1, 1]), 0, 3)\n"
             "tensor([0., 2., 0.], dtype=float32)\n");
}

}  // namespace

void define_views(py::module_& module, const py::object& type) {
  define_reshaping(module, type);
  define_structure(module);
  define_indexing(module);
  define_masks(module, type);
}

}  // namespace pydl::python
