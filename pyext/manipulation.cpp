// Tensors joined and divided, grids, and triangles and diagonals of matrices.
#include "pydl/manipulation.h"

#include "bindings.h"
#include "casters.h"
#include "shape_arguments.h"

namespace pydl::python {

std::vector<Tensor> tensors_of_varargs(const char* name, const py::args& arguments) {
  const bool is_sequence =
      arguments.size() == 1 && (py::isinstance<py::list>(arguments[0]) || py::isinstance<py::tuple>(arguments[0]));
  return tensors_of(name, is_sequence ? py::object(arguments[0]) : py::object(arguments));
}

namespace {

using Join = Tensor (*)(std::span<const Tensor>);

void define_join(py::module_& module, const char* name, Join function, const char* summary, const char* example) {
  module.def(
      name,
      [name, function](const py::object& tensors) {
        const auto parts = tensors_of(name, tensors);
        return compute(total_size(parts), [&] { return function(parts); });
      },
      py::arg("tensors"), doc_with_example(summary, example).c_str());
}

void define_joins(py::module_& module) {
  define_join(module, "hstack", hstack,
              "Tensors joined along the second axis; vectors along their only one.\n\n"
              "dtypes are promoted, as in `concat`.",
              ">>> pydl.hstack([pydl.tensor([1, 2]), pydl.tensor([3])]).tolist()\n[1, 2, 3]\n");
  define_join(module, "vstack", vstack, "Tensors joined along the first axis; vectors are rows.",
              ">>> pydl.vstack([pydl.tensor([1, 2]), pydl.tensor([3, 4])]).tolist()\n[[1, 2], [3, 4]]\n");
  define_join(module, "dstack", dstack, "Tensors joined along the third axis; vectors are (1, n, 1).",
              ">>> pydl.dstack([pydl.tensor([1, 2]), pydl.tensor([3, 4])]).tolist()\n[[[1, 3], [2, 4]]]\n");
  define_join(module, "column_stack", column_stack, "Tensors joined along the second axis; vectors are columns.",
              ">>> pydl.column_stack([pydl.tensor([1, 2]), pydl.tensor([3, 4])]).tolist()\n[[1, 3], [2, 4]]\n");
  module.def(
      "block_diag",
      [](const py::args& matrices) {
        const auto blocks = tensors_of_varargs("block_diag", matrices);
        return compute(total_size(blocks) * static_cast<int64_t>(blocks.size()), [&] { return block_diag(blocks); });
      },
      "A matrix with the given matrices on its diagonal, and zeros elsewhere.\n\n"
      "Vectors are rows, numbers are 1 x 1. Takes tensors, or one sequence of them.\n\nExamples\n--------\n"
      ">>> import pydl\n>>> pydl.block_diag(pydl.ones((1, 2)), pydl.tensor([[2.0]])).tolist()\n"
      "[[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]\n");
}

void define_broadcasting(py::module_& module) {
  for (const char* name : {"broadcast_arrays", "broadcast_tensors"}) {
    module.def(
        name, [name](const py::args& tensors) { return broadcast_arrays(tensors_of_varargs(name, tensors)); },
        doc_with_example("All tensors expanded to one shape, as views. Takes tensors, or one sequence of them.",
                         concat_text(">>> a, b = pydl.", name, "(pydl.zeros((3, 1)), pydl.zeros(4))\n",
                                     ">>> a.shape, b.shape\n((3, 4), (3, 4))\n"))
            .c_str());
  }
  module.def(
      "broadcast_shapes",
      [](const py::args& shapes) {
        Dims result;
        for (const py::handle shape : shapes) {
          std::vector<int64_t> sizes;
          if (!load_integers(shape, &sizes)) throw TypeError("broadcast_shapes: expected shapes");
          for (const int64_t size : sizes) {
            if (size < 0) throw ValueError(concat_text("broadcast_shapes: sizes must not be negative, got ", size));
          }
          result = broadcast_shapes("broadcast_shapes", result, Dims(sizes));
        }
        return result;
      },
      "The shape to which all of these shapes broadcast.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.broadcast_shapes((3, 1), (4,))\n(3, 4)\n");
}

void define_grids(py::module_& module) {
  module.def(
      "meshgrid",
      [](const py::args& vectors, const std::string& indexing) {
        if (indexing != "xy" && indexing != "ij") {
          throw ValueError(concat_text("meshgrid: expected indexing 'xy' or 'ij', got '", indexing, "'"));
        }
        return meshgrid(tensors_of_varargs("meshgrid", vectors), indexing == "xy");
      },
      py::kw_only(), py::arg("indexing") = "xy",
      "The coordinates of a grid with these vectors as axes, as views.\n\n"
      "Parameters\n----------\n*args : Tensor, (n)\n    Vectors or numbers, or one sequence of them.\n"
      "indexing : {'xy', 'ij'}\n"
      "    With 'ij', tensor i varies along axis i (PyTorch's default). With 'xy', as in NumPy, the first two axes "
      "are\n"
      "    swapped.\n\nReturns\n-------\nlist of Tensor\n    One for each vector, all of the shape of the grid.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x, y = pydl.meshgrid(pydl.tensor([1, 2, 3]), pydl.tensor([5, 6]))\n"
      ">>> x.tolist(), y.tolist()\n([[1, 2, 3], [1, 2, 3]], [[5, 5, 5], [6, 6, 6]])\n");
  module.def(
      "cartesian_prod",
      [](const py::args& vectors) {
        const auto parts = tensors_of_varargs("cartesian_prod", vectors);
        return compute(total_size(parts) * 16, [&] { return cartesian_prod(parts); });
      },
      "All tuples with one element of each vector, as rows; of a single vector, its elements.\n\n"
      "Takes vectors, or one sequence of them.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.cartesian_prod(pydl.tensor([1, 2]), pydl.tensor([5, 6])).tolist()\n"
      "[[1, 5], [1, 6], [2, 5], [2, 6]]\n");
  module.def(
      "combinations",
      [](const Tensor& x, int64_t r, bool with_replacement) {
        return compute(x.size() * 1000, [&] { return combinations(x, r, with_replacement); });
      },
      py::arg("x"), py::arg("r") = 2, py::arg("with_replacement") = false,
      "All choices of r elements of a vector in their order, as rows, like those of `itertools`.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.combinations(pydl.tensor([1, 2, 3])).tolist()\n"
      "[[1, 2], [1, 3], [2, 3]]\n");
}

// An integer is a number of equal parts; a sequence has the positions where parts end.
std::vector<Tensor> divide_axis(const char* name, const Tensor& x, const py::object& sections, int64_t axis) {
  std::vector<int64_t> numbers;
  if (!load_integers(sections, &numbers)) {
    throw TypeError(concat_text(name, ": expected a number of parts, or the positions where parts end"));
  }
  return PyIndex_Check(sections.ptr()) != 0 ? split_into(x, sections, axis) : split_at(x, numbers, axis);
}

std::vector<Tensor> divide_unevenly(const char* name, const Tensor& x, const py::object& sections, int64_t axis) {
  return PyIndex_Check(sections.ptr()) != 0
             ? array_split(x, integer_argument(name, "indices_or_sections", sections), axis)
             : divide_axis(name, x, sections, axis);
}

// Splitting along a certain axis, of tensors with a least number of axes.
void define_split_along(py::module_& module, const char* name, int axis, int least_rank, const char* summary,
                        const char* example) {
  module.def(
      name,
      [=](const Tensor& x, const py::object& sections) {
        if (x.rank() < least_rank) {
          throw ValueError(concat_text(name, ": expected at least ", least_rank, " axes, got shape ", x.shape()));
        }
        return divide_axis(name, x, sections, std::min(axis, x.rank() - 1));
      },
      py::arg("x"), py::arg("indices_or_sections"), doc_with_example(summary, example).c_str());
}

// A tuple, as in NumPy and PyTorch.
py::tuple slices_of(const Tensor& x, int64_t axis) { return py::tuple(py::cast(unbind(x, axis))); }

void define_splits(py::module_& module, const py::object& type) {
  constexpr const char* uneven =
      "Parts of an axis, as views, which need not be equal.\n\n"
      "An integer is the number of parts, whose sizes differ by at most 1, and a sequence has the positions where "
      "parts\n"
      "end. (`split` takes their sizes.)";
  for (const char* name : {"array_split", "tensor_split"}) {
    const auto divided = [name](const Tensor& x, const py::object& sections, int64_t axis) {
      return divide_unevenly(name, x, sections, axis);
    };
    module.def(name, divided, py::arg("x"), py::arg("indices_or_sections"), py::arg("axis") = 0,
               doc_with_example(uneven, concat_text(">>> [p.tolist() for p in pydl.", name,
                                                    "(pydl.arange(5), 2)]\n[[0, 1, 2], [3, 4]]\n"))
                   .c_str());
    if (std::string_view(name) == "tensor_split") {
      method(type, name, divided, py::arg("indices_or_sections"), py::arg("axis") = 0, "See `pydl.tensor_split`.");
    }
  }
  constexpr const char* more =
      "\n\nAn integer is the number of equal parts, and a sequence has the positions where parts end.";
  define_split_along(module, "hsplit", 1, 1, concat_text("Parts of the second axis, or of the only one.", more).c_str(),
                     ">>> [p.shape for p in pydl.hsplit(pydl.zeros((2, 4)), 2)]\n[(2, 2), (2, 2)]\n");
  define_split_along(module, "vsplit", 0, 2, concat_text("Parts of the first axis.", more).c_str(),
                     ">>> [p.shape for p in pydl.vsplit(pydl.zeros((3, 4)), [1])]\n[(1, 4), (2, 4)]\n");
  define_split_along(module, "dsplit", 2, 3, concat_text("Parts of the third axis.", more).c_str(),
                     ">>> [p.shape for p in pydl.dsplit(pydl.zeros((2, 2, 4)), 2)]\n[(2, 2, 2), (2, 2, 2)]\n");
  module.def("chunk", chunk, py::arg("x"), py::arg("chunks"), py::arg("axis") = 0,
             "At most that many parts of an axis, as views: of equal size, except for the last one.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> [p.tolist() for p in pydl.chunk(pydl.arange(5), 3)]\n"
             "[[0, 1], [2, 3], [4]]\n");
  method(type, "chunk", chunk, py::arg("chunks"), py::arg("axis") = 0, "See `pydl.chunk`.");
  method(type, "split", split_into, py::arg("sizes"), py::arg("axis") = 0,
         "See `pydl.split`. An integer is the number of equal parts, unlike in PyTorch, where it is their size.");
  for (const char* name : {"unbind", "unstack"}) {
    module.def(name, slices_of, py::arg("x"), py::arg("axis") = 0,
               doc_with_example("The slices of an axis, without that axis, as views: the inverse of `stack`.",
                                concat_text(">>> a, b = pydl.", name, "(pydl.tensor([[1, 2], [3, 4]]))\n",
                                            ">>> b\ntensor([3, 4], dtype=int64)\n"))
                   .c_str());
  }
  method(type, "unbind", slices_of, py::arg("axis") = 0, "See `pydl.unbind`.");
}

using Triangle = Tensor (*)(const Tensor&, int64_t);

void define_triangle(py::module_& module, const py::object& type, const char* name, Triangle function,
                     const char* summary, const char* example) {
  const auto run = [function](const Tensor& x, int64_t k) { return compute(x.size(), [&] { return function(x, k); }); };
  module.def(name, run, py::arg("x"), py::arg("k") = 0, doc_with_example(summary, example).c_str());
  method(type, name, run, py::arg("k") = 0, concat_text("See `pydl.", name, "`.").c_str());
}

using Indices = MatrixIndices (*)(int64_t, int64_t, int64_t);

void define_triangle_indices(py::module_& module, const char* name, Indices function, const char* where,
                             const char* example) {
  module.def(
      name,
      [function](int64_t n, int64_t k, std::optional<int64_t> m) {
        const int64_t work = std::clamp<int64_t>(n, 0, 100'000) * std::clamp<int64_t>(m.value_or(n), 0, 100'000);
        const MatrixIndices indices = compute(work, [&] { return function(n, m.value_or(n), k); });
        return std::pair(indices.rows, indices.columns);
      },
      py::arg("n"), py::kw_only(), py::arg("k") = 0, py::arg("m") = py::none(),
      doc_with_example(concat_text("Rows and columns of the elements on and ", where,
                                   " diagonal k of an n x m matrix, in row-major order.\n\n"
                                   "m is n by default. `x[indices]` are these elements."),
                       example)
          .c_str());
}

void define_matrices(py::module_& module, const py::object& type) {
  define_triangle(module, type, "tril", tril,
                  "The elements on and below diagonal k of matrices (..., M, N), and zeros above it.",
                  ">>> pydl.tril(pydl.ones((2, 3))).tolist()\n[[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]\n");
  define_triangle(module, type, "triu", triu,
                  "The elements on and above diagonal k of matrices (..., M, N), and zeros below it.",
                  ">>> pydl.triu(pydl.ones((2, 3)), k=1).tolist()\n[[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]\n");
  define_triangle_indices(
      module, "tril_indices", tril_indices, "below",
      ">>> rows, columns = pydl.tril_indices(2)\n>>> rows.tolist(), columns.tolist()\n([0, 1, 1], [0, 0, 1])\n");
  define_triangle_indices(
      module, "triu_indices", triu_indices, "above",
      ">>> rows, columns = pydl.triu_indices(2, k=1)\n>>> rows.tolist(), columns.tolist()\n([0], [1])\n");
  module.def(
      "diagonal", diagonal, py::arg("x"), py::arg("offset") = 0, py::arg("axis1") = 0, py::arg("axis2") = 1,
      "The elements x[i, i + offset] in the plane of two axes, as the last axis of a view.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.diagonal(pydl.tensor([[1, 2], [3, 4]])).tolist()\n[1, 4]\n");
  method(type, "diagonal", diagonal, py::arg("offset") = 0, py::arg("axis1") = 0, py::arg("axis2") = 1,
         "See `pydl.diagonal`.");
  const auto on_diagonal = [](const Tensor& x, int64_t k) {
    return compute(x.size() * x.size(), [&] { return diag(x, k); });
  };
  module.def("diag", on_diagonal, py::arg("x"), py::arg("k") = 0,
             "A matrix with a vector on diagonal k, or diagonal k of a matrix, which is a view.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.diag(pydl.tensor([1, 2])).tolist()\n[[1, 0], [0, 2]]\n"
             ">>> pydl.diag(pydl.tensor([[1, 2], [3, 4]])).tolist()\n[1, 4]\n");
  method(type, "diag", on_diagonal, py::arg("k") = 0, "See `pydl.diag`.");
  module.def(
      "diagflat",
      [](const Tensor& x, int64_t k) { return compute(x.size() * x.size(), [&] { return diagflat(x, k); }); },
      py::arg("x"), py::arg("k") = 0,
      "A matrix with all elements, in row-major order, on diagonal k.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.diagflat(pydl.tensor([[1, 2]])).tolist()\n[[1, 0], [0, 2]]\n");
  module.def(
      "diag_embed",
      [](const Tensor& x, int64_t offset, int64_t axis1, int64_t axis2) {
        return compute(x.size() * 16, [&] { return diag_embed(x, offset, axis1, axis2); });
      },
      py::arg("x"), py::arg("offset") = 0, py::arg("axis1") = -2, py::arg("axis2") = -1,
      "Square matrices in the plane of two axes of the result, with the last axis of x on their diagonals.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.diag_embed(pydl.ones((4, 3))).shape\n(4, 3, 3)\n");
}

}  // namespace

void define_manipulation(py::module_& module, const py::object& type) {
  define_joins(module);
  define_broadcasting(module);
  define_grids(module);
  define_splits(module, type);
  define_matrices(module, type);
}

}  // namespace pydl::python
