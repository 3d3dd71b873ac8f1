// Linear algebra: products, in the module itself, and factorisations, in its part `linalg`.
#include "pydl/linalg.h"

#include <algorithm>
#include <array>
#include <utility>

#include "bindings.h"
#include "casters.h"
#include "pydl/einsum.h"
#include "pydl/manipulation.h"
#include "pydl/statistics.h"

namespace pydl::python {

namespace {

using Product = Tensor (*)(const Tensor&, const Tensor&);
using linalg::MatrixNorm;

// The work of a product, in elements, as for `matmul`.
int64_t work_of_product(const Tensor& a, const Tensor& b) { return (a.size() + b.size()) * 4; }

// The work of a factorisation, in elements. Undefined tensors raise in the function itself.
int64_t work_of_factors(const Tensor& x) { return x.rank() > 0 ? x.size() * x.shape().back() : 1; }

Tensor sum_products(const std::string& subscripts, const py::object& tensors) {
  std::vector<Tensor> operands;
  int64_t work = 0;
  for (const py::handle item : tensors) {
    operands.push_back(to_tensor(item));
    work += operands.back().size() * 4;
  }
  return compute(work, [&] { return einsum(subscripts, operands); });
}

// `axes`: a number of axes, or a pair of axes or of lists of them.
Tensor dot_axes(const Tensor& a, const Tensor& b, const py::object& axes) {
  const int64_t work = work_of_product(a, b);
  if (PyIndex_Check(axes.ptr()) != 0) {
    const int64_t count = integer_argument("tensordot", "axes", axes);
    return compute(work, [&] { return tensordot(a, b, count); });
  }
  std::array<std::vector<int64_t>, 2> lists;
  if (py::isinstance<py::sequence>(axes) && py::len(axes) == 2) {
    const py::sequence pair = axes;
    if (load_integers(pair[0], &lists[0]) && load_integers(pair[1], &lists[1])) {
      return compute(work, [&] { return tensordot(a, b, lists[0], lists[1]); });
    }
  }
  throw TypeError("tensordot: expected axes as a number of them, or as a pair of axes or of lists of axes, got " +
                  py::repr(axes).cast<std::string>());
}

void define_product(py::module_& module, const py::object& type, const char* name, Product function, const char* doc,
                    const char* example) {
  const auto run = [function](const Tensor& a, const Tensor& b) {
    return compute(work_of_product(a, b), [&] { return function(a, b); });
  };
  const std::string text = concat_text(doc, "\n\nExamples\n--------\n>>> import pydl\n", example);
  module.def(name, run, py::arg("a"), py::arg("b"), text.c_str());
  if (type.is_none()) return;
  method(type, name, run, py::arg("other"), concat_text("See `pydl.", name, "`.").c_str());
}

void define_vector_products(py::module_& module, const py::object& type) {
  define_product(
      module, type, "dot", dot,
      "The scalar product of vectors, the product of matrices, and in general the sum over the last axis of\n"
      "a and the last but one of b, as in NumPy. A number multiplies.",
      ">>> pydl.dot(pydl.tensor([1.0, 2.0]), pydl.tensor([3.0, 4.0]))\ntensor(11., dtype=float32)\n");
  define_product(module, py::none(), "vdot", vdot, "The scalar product of all elements, in row-major order.",
                 ">>> pydl.vdot(pydl.ones((2, 2)), pydl.ones((2, 2)))\ntensor(4., dtype=float32)\n");
  define_product(module, type, "inner", inner, "The sum over the last axes of both. A number multiplies.",
                 ">>> pydl.inner(pydl.ones((2, 3)), pydl.ones((4, 3))).shape\n(2, 4)\n");
  define_product(module, type, "outer", outer,
                 "All products of an element of a and one of b: a matrix of shape (size of a, size of b).",
                 ">>> pydl.outer(pydl.tensor([1, 2]), pydl.tensor([3, 4])).tolist()\n[[3, 4], [6, 8]]\n");
  define_product(module, py::none(), "kron", kron,
                 "The Kronecker product: blocks b times each element of a, for tensors of at most four axes.",
                 ">>> pydl.kron(pydl.tensor([1, 10]), pydl.tensor([1, 2])).tolist()\n[1, 2, 10, 20]\n");
}

void define_matrix_products(py::module_& module, const py::object& type) {
  define_product(module, type, "mv", mv, "The product of a matrix and a vector; PyTorch's name.",
                 ">>> pydl.mv(pydl.ones((2, 3)), pydl.ones(3)).tolist()\n[3.0, 3.0]\n");
  define_product(module, type, "mm", mm, "The product of two matrices; PyTorch's name.",
                 ">>> pydl.mm(pydl.ones((2, 3)), pydl.ones((3, 4))).shape\n(2, 4)\n");
  define_product(module, type, "bmm", bmm, "The products of two batches of matrices, of three axes; PyTorch's name.",
                 ">>> pydl.bmm(pydl.ones((5, 2, 3)), pydl.ones((5, 3, 4))).shape\n(5, 2, 4)\n");
  module.def(
      "addmm",
      [](const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) {
        return compute(work_of_product(a, b), [&] { return addmm(x, a, b, beta, alpha); });
      },
      py::arg("x"), py::arg("a"), py::arg("b"), py::kw_only(), py::arg("beta") = 1, py::arg("alpha") = 1,
      "beta x + alpha a b for matrices a and b, to whose product x is broadcast; PyTorch's name.\n\n"
      "If beta is 0, x is not read.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.addmm(pydl.ones(2), pydl.ones((1, 3)), pydl.ones((3, 2)), alpha=2).tolist()\n[[7.0, 7.0]]\n");
}

void define_products_along_axes(py::module_& module) {
  module.def("einsum", sum_products, py::arg("subscripts"), py::arg("tensors"), "See `pydl.einsum`.");
  module.def(
      "tensordot", dot_axes, py::arg("a"), py::arg("b"), py::arg("axes") = 2,
      "The sum of products over several axes.\n\n"
      "Parameters\n----------\na, b : Tensor\naxes : int or pair, default 2\n"
      "    The number of axes to sum: the last ones of a, and the first ones of b. Or a pair of axes, or of lists of\n"
      "    axes: those of a, and those of b.\n\n"
      "Returns\n-------\nTensor\n    With the other axes of a, followed by those of b.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> a, b = pydl.ones((2, 3, 4)), pydl.ones((4, 5, 3))\n"
      ">>> pydl.tensordot(a, b, axes=([1, 2], [2, 0])).shape\n(2, 5)\n");
  const auto scalar_products = [](const Tensor& a, const Tensor& b, int64_t axis) {
    return compute(work_of_product(a, b), [&] { return vecdot(a, b, axis); });
  };
  module.def("vecdot", scalar_products, py::arg("a"), py::arg("b"), py::arg("axis") = -1,
             "Scalar products of vectors along an axis; the others broadcast.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.vecdot(pydl.ones((2, 3)), pydl.ones(3)).tolist()\n"
             "[3.0, 3.0]\n");
  const auto cross_products = [](const Tensor& a, const Tensor& b, int64_t axis) {
    return compute(work_of_product(a, b), [&] { return cross(a, b, axis); });
  };
  module.def("cross", cross_products, py::arg("a"), py::arg("b"), py::arg("axis") = -1,
             "The cross product of vectors of three elements along an axis; the others broadcast.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> x, y = pydl.tensor([1, 0, 0]), pydl.tensor([0, 1, 0])\n"
             ">>> pydl.cross(x, y).tolist()\n[0, 0, 1]\n");
}

void define_trace(py::module_& module, const py::object& type) {
  const auto sum_of_diagonal = [](const Tensor& x, int64_t offset, std::optional<DType> dtype) {
    return compute(x.size(),
                   [&] { return dtype ? astype(trace(astype(x, *dtype), offset), *dtype) : trace(x, offset); });
  };
  module.def("trace", sum_of_diagonal, py::arg("x"), py::arg("offset") = 0, py::kw_only(),
             py::arg("dtype") = py::none(),
             "The sum of a diagonal of each matrix, in the last two axes.\n\n"
             "Integers are summed in int64, unless there is a dtype, to which the elements are converted first.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.trace(pydl.tensor([[1, 2], [3, 4]]))\n"
             "tensor(5, dtype=int64)\n");
  method(type, "trace", sum_of_diagonal, py::arg("offset") = 0, py::kw_only(), py::arg("dtype") = py::none(),
         "See `pydl.trace`.");
}

// --- factorisations -------------------------------------------------------------------------------------------------

// NumPy's names of the triangles.
bool is_upper(const char* name, const std::string& triangle) {
  if (triangle == "U" || triangle == "L") return triangle == "U";
  throw ValueError(concat_text(name, ": expected UPLO 'L' or 'U', got '", triangle, "'"));
}

// NumPy's names of the norms: "fro", "nuc", 1, -1, 2, -2, infinity and its opposite.
MatrixNorm norm_named(const char* name, const py::object& order) {
  if (py::isinstance<py::str>(order)) {
    const auto text = order.cast<std::string>();
    if (text == "fro") return MatrixNorm::frobenius;
    if (text == "nuc") return MatrixNorm::nuclear;
  } else if (PyFloat_Check(order.ptr()) || PyIndex_Check(order.ptr())) {
    const double number = PyFloat_AsDouble(order.ptr());
    if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (const auto& [value, norm] : {std::pair{1.0, MatrixNorm::columns},
                                      {-1.0, MatrixNorm::least_column},
                                      {2.0, MatrixNorm::largest},
                                      {-2.0, MatrixNorm::smallest},
                                      {infinity, MatrixNorm::rows},
                                      {-infinity, MatrixNorm::least_row}}) {
      if (number == value) return norm;
    }
  }
  throw ValueError(concat_text(name, ": expected the norm 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got ",
                               py::repr(order).cast<std::string>()));
}

// A norm of matrices along two axes.
Tensor norm_of_matrices(const Tensor& x, const Axes& axes, MatrixNorm norm, bool keepdims) {
  constexpr std::array<int64_t, 2> last = {-2, -1};
  if (!axes) return linalg::matrix_norm(x, norm, keepdims);
  const Tensor result = linalg::matrix_norm(moveaxis(x, *axes, last), norm, keepdims);
  return keepdims ? moveaxis(result, last, *axes) : result;
}

// One axis has norms of vectors, and two have norms of matrices, as in NumPy and PyTorch.
Tensor norm_by_axes(const Tensor& x, const py::object& ord, const AxisArgument& axis, bool keepdims) {
  if (ord.is_none()) return compute(x.size(), [&] { return vector_norm(x, axis.axes, keepdims); });
  const auto count = axis.axes ? static_cast<int>(axis.axes->size()) : x.rank();
  if (count == 2) {
    const MatrixNorm norm = norm_named("norm", ord);
    return compute(work_of_factors(x), [&] { return norm_of_matrices(x, axis.axes, norm, keepdims); });
  }
  if (count != 1) {
    throw ValueError(concat_text("norm: with ord, expected one axis, of vectors, or two, of matrices, got shape ",
                                 x.shape(), axis.axes ? concat_text(" and ", count, " axes") : std::string()));
  }
  const auto number = as_scalar(ord.ptr());
  if (!number) {
    throw ValueError(concat_text("norm: expected a number as ord of vectors, got ", py::repr(ord).cast<std::string>()));
  }
  return compute(x.size(), [&] { return vector_norm(x, axis.axes, keepdims, number->to_real()); });
}

using OneMatrix = Tensor (*)(const Tensor&);

void define_function(py::module_& module, const char* name, OneMatrix function, const char* doc) {
  module.def(
      name, [function](const Tensor& x) { return compute(work_of_factors(x), [&] { return function(x); }); },
      py::arg("x"), doc);
}

void define_solvers(py::module_& module) {
  module.def(
      "solve",
      [](const Tensor& a, const Tensor& b) { return compute(work_of_factors(a), [&] { return linalg::solve(a, b); }); },
      py::arg("a"), py::arg("b"),
      "The solution x of a x = b.\n\n"
      "Parameters\n----------\na : Tensor, shape (..., N, N), float32 or float64\n"
      "b : Tensor, shape (..., N, K) or (N,)\n    Leading axes broadcast.\n\n"
      "Returns\n-------\nTensor, shape (..., N, K) or (..., N)\n\n"
      "Raises\n------\nValueError\n    If a matrix is singular; the message names the first one of the batch.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> a = pydl.tensor([[2.0, 0.0], [0.0, 4.0]])\n"
      ">>> pydl.linalg.solve(a, pydl.tensor([2.0, 2.0])).tolist()\n[1.0, 0.5]\n");
  module.def(
      "solve_triangular",
      [](const Tensor& a, const Tensor& b, bool upper, bool left, bool transpose, bool unit_diagonal) {
        return compute(work_of_factors(a), [&] {
          return linalg::solve_triangular(
              a, b, {.upper = upper, .left = left, .transpose = transpose, .unit_diagonal = unit_diagonal});
        });
      },
      py::arg("a"), py::arg("b"), py::kw_only(), py::arg("upper"), py::arg("left") = true, py::arg("transpose") = false,
      py::arg("unit_diagonal") = false,
      "The solution x of a x = b, or of x a = b if not `left`, of which only one triangle of a is read.\n\n"
      "Parameters\n----------\na : Tensor, shape (..., N, N), float32 or float64\n"
      "b : Tensor, shape (..., N, K) or (N,)\n    Or (..., K, N), if not `left`. Leading axes broadcast.\n"
      "upper : bool\n    Which triangle.\nleft : bool, default True\n"
      "transpose : bool, default False\n    Solve with the transposed triangle.\n"
      "unit_diagonal : bool, default False\n    Take the diagonal as 1 without reading it.\n\n"
      "Returns\n-------\nTensor, of the shape of b with broadcast leading axes\n\n"
      "Raises\n------\nValueError\n    If a diagonal has a 0; the message names the first such matrix.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> a = pydl.tensor([[2.0, 0.0], [1.0, 1.0]])\n"
      ">>> pydl.linalg.solve_triangular(a, pydl.tensor([2.0, 3.0]), upper=False).tolist()\n[1.0, 2.0]\n");
  module.def(
      "lu_solve",
      [](const Tensor& lu, const Tensor& permutation, const Tensor& b) {
        return compute(work_of_factors(lu), [&] { return linalg::lu_solve({lu, permutation}, b); });
      },
      py::arg("lu"), py::arg("permutation"), py::arg("b"),
      "The solution y of x y = b for matrices x that `lu_factor` has factorised.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([[0.0, 2.0], [1.0, 0.0]])\n"
      ">>> lu, permutation = pydl.linalg.lu_factor(x)\n"
      ">>> pydl.linalg.lu_solve(lu, permutation, pydl.tensor([2.0, 3.0])).tolist()\n[3.0, 1.0]\n");
  define_function(module, "inv", linalg::inv,
                  "The inverse of square matrices, (..., N, N).\n\n"
                  "Raises\n------\nValueError\n    If a matrix is singular; the message names the first one.\n\n"
                  "Examples\n--------\n>>> import pydl\n"
                  ">>> pydl.linalg.inv(pydl.tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()\n[[0.5, 0.0], [0.0, 0.25]]\n");
  define_function(module, "det", linalg::det,
                  "The determinant of square matrices, (..., N, N).\n\nExamples\n--------\n>>> import pydl\n"
                  ">>> pydl.linalg.det(pydl.tensor([[1.0, 2.0], [0.0, 4.0]]))\ntensor(4., dtype=float32)\n");
}

void define_cholesky(py::module_& module) {
  module.def(
      "cholesky",
      [](const Tensor& x, bool upper) {
        return compute(work_of_factors(x), [&] { return linalg::cholesky(x, upper); });
      },
      py::arg("x"), py::kw_only(), py::arg("upper") = false,
      "The lower triangle L with x = L L^T, or the upper triangle U with x = U^T U.\n\n"
      "Parameters\n----------\nx : Tensor, shape (..., N, N), float32 or float64\n"
      "    Symmetric and positive definite. Only the chosen triangle is read; the gradient is symmetric.\n"
      "upper : bool, default False\n\n"
      "Raises\n------\nValueError\n    If a matrix is not positive definite; the message names the first one.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linalg.cholesky(pydl.tensor([[4.0, 2.0], [2.0, 2.0]])).tolist()\n"
      "[[2.0, 0.0], [1.0, 1.0]]\n");
  module.def(
      "cholesky_solve",
      [](const Tensor& b, const Tensor& factor, bool upper) {
        return compute(work_of_factors(factor), [&] { return linalg::cholesky_solve(b, factor, upper); });
      },
      py::arg("b"), py::arg("factor"), py::arg("upper") = false,
      "The solution y of x y = b for matrices x whose factors from `cholesky` are given.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> factor = pydl.tensor([[2.0, 0.0], [1.0, 1.0]])\n"
      ">>> pydl.linalg.cholesky_solve(pydl.tensor([8.0, 6.0]), factor).tolist()\n[1.0, 2.0]\n");
}

void define_norms(py::module_& module) {
  module.def(
      "matrix_norm",
      [](const Tensor& x, const py::object& ord, bool keepdims) {
        const MatrixNorm norm = norm_named("matrix_norm", ord);
        return compute(work_of_factors(x), [&] { return linalg::matrix_norm(x, norm, keepdims); });
      },
      py::arg("x"), py::arg("ord") = "fro", py::arg("keepdims") = false,
      "A norm of matrices, (..., M, N).\n\n"
      "Parameters\n----------\nx : Tensor\nord : 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, default 'fro'\n"
      "    The root of the sum of squares; the sum of the singular values; the largest or smallest sum of absolute\n"
      "    values of a column; the largest or smallest singular value; the same sums of rows.\n"
      "keepdims : bool, default False\n    Keep the last two axes, with size 1.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linalg.matrix_norm(pydl.tensor([[3.0, 0.0], [0.0, 4.0]]))\n"
      "tensor(5., dtype=float32)\n");
  module.def(
      "norm", norm_by_axes, py::arg("x"), py::arg("ord") = py::none(), py::arg("axis") = py::none(),
      py::arg("keepdims") = false,
      "A norm of vectors or of matrices, as NumPy's and PyTorch's function of that name.\n\n"
      "`pydl.norm` computes norms of vectors over any axes.\n\n"
      "Parameters\n----------\nx : Tensor\nord : number, 'fro' or 'nuc', optional\n"
      "    Of vectors, as for `vector_norm`; of matrices, as for `matrix_norm`. By default, the root of the sum of\n"
      "    squares of all elements.\n"
      "axis : int or tuple of int, optional\n    An axis of vectors, or two of matrices. By default, those of x.\n"
      "keepdims : bool, default False\n    Whether these axes are kept with size 1.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([[3.0, 0.0], [0.0, 4.0]])\n"
      ">>> pydl.linalg.norm(x).item(), pydl.linalg.norm(x, 2).item()\n(5.0, 4.0)\n"
      ">>> pydl.linalg.norm(x, axis=1).tolist()\n[3.0, 4.0]\n");
  module.def(
      "cond",
      [](const Tensor& x, const py::object& p) {
        const MatrixNorm norm = p.is_none() ? MatrixNorm::largest : norm_named("cond", p);
        return compute(work_of_factors(x), [&] { return linalg::cond(x, norm); });
      },
      py::arg("x"), py::arg("p") = py::none(),
      "The condition number: a norm of x times that of its inverse.\n\n"
      "By default, the largest singular value over the smallest. Infinite for matrices that are exactly singular.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linalg.cond(pydl.tensor([[1.0, 0.0], [0.0, 4.0]]))\n"
      "tensor(4., dtype=float32)\n");
}

// Calls function(rtol) with a number or nothing, or with a tensor of a number for each matrix.
template <class Function>
Tensor with_tolerance(const Tensor& x, const py::object& rtol, const Function& function) {
  return compute(work_of_factors(x), [&] {
    if (rtol.is_none()) return function(std::optional<double>());
    if (const auto number = as_scalar(rtol.ptr())) return function(std::optional<double>(number->to_real()));
    return function(to_tensor(rtol));
  });
}

void define_spectra(py::module_& module) {
  module.def(
      "eigvalsh",
      [](const Tensor& x, const std::string& triangle) {
        const bool upper = is_upper("eigvalsh", triangle);
        return compute(work_of_factors(x), [&] { return linalg::eigvalsh(x, upper); });
      },
      py::arg("x"), py::arg("UPLO") = "L",
      "The eigenvalues of symmetric matrices, (..., N, N), ascending: see `eigh`.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linalg.eigvalsh(pydl.tensor([[2.0, 0.0], [0.0, 1.0]])).tolist()\n"
      "[1.0, 2.0]\n");
  define_function(module, "svdvals", linalg::svdvals,
                  "The singular values of matrices, (..., M, N), descending.\n\nExamples\n--------\n>>> import pydl\n"
                  ">>> pydl.linalg.svdvals(pydl.tensor([[0.0, 2.0], [1.0, 0.0]])).tolist()\n[2.0, 1.0]\n");
  module.def(
      "pinv",
      [](const Tensor& x, const py::object& rtol) {
        return with_tolerance(x, rtol, [&](const auto& limit) { return linalg::pinv(x, limit); });
      },
      py::arg("x"), py::arg("rtol") = py::none(),
      "The Moore-Penrose inverse of matrices, (..., M, N).\n\n"
      "Parameters\n----------\nx : Tensor, shape (..., M, N)\nrtol : float or Tensor, shape (...), optional\n"
      "    Singular values up to `rtol` times the largest one count as 0; a tensor has a number for each matrix, and\n"
      "    receives no gradient. By default, max(M, N) times the distance of 1 to the next number.\n\n"
      "Returns\n-------\nTensor, shape (..., N, M)\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linalg.pinv(pydl.tensor([[2.0], [0.0]])).tolist()\n"
      "[[0.5, 0.0]]\n");
  module.def(
      "matrix_rank",
      [](const Tensor& x, const py::object& rtol) {
        return with_tolerance(x, rtol, [&](const auto& limit) { return linalg::matrix_rank(x, limit); });
      },
      py::arg("x"), py::arg("rtol") = py::none(),
      "The number of singular values above `rtol` times the largest one, as for `pinv`: int64.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linalg.matrix_rank(pydl.ones((3, 3)))\n"
      "tensor(1, dtype=int64)\n");
}

void define_powers(py::module_& module) {
  const auto power = [](const Tensor& x, int64_t n) {
    return compute(work_of_factors(x), [&] { return linalg::matrix_power(x, n); });
  };
  module.def("matrix_power", power, py::arg("x"), py::arg("n"),
             "Square matrices multiplied n times; their inverses, if n is negative; the identity, if it is 0.\n\n"
             "Examples\n--------\n>>> import pydl\n"
             ">>> pydl.linalg.matrix_power(pydl.tensor([[1, 1], [0, 1]]), 5).tolist()\n[[1, 5], [0, 1]]\n");
  define_function(module, "matrix_exp", linalg::matrix_exp,
                  "The exponential function of square matrices, (..., N, N): the sum of x^k / k!.\n\n"
                  "In compiled functions, matrices of a norm beyond 1e10 give NaN.\n\n"
                  "Examples\n--------\n>>> import pydl\n"
                  ">>> pydl.linalg.matrix_exp(pydl.tensor([[0.0, 1.0], [0.0, 0.0]])).tolist()\n"
                  "[[1.0, 1.0], [0.0, 1.0]]\n");
  module.def(
      "multi_dot",
      [](const py::object& tensors) {
        std::vector<Tensor> matrices;
        int64_t work = 0;
        for (const py::handle item : tensors) {
          matrices.push_back(to_tensor(item));
          work += matrices.back().size() * 4;
        }
        return compute(work, [&] { return linalg::multi_dot(matrices); });
      },
      py::arg("tensors"),
      "The product of several matrices, in the order that takes the fewest multiplications.\n\n"
      "The first and the last may be vectors.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> a, b = pydl.ones((3, 100)), pydl.ones((100, 3))\n"
      ">>> pydl.linalg.multi_dot([a, b, a, b]).shape\n(3, 3)\n");
}

// Functions with several results: those of pydl/linalg.py name them.
void define_several_results(py::module_& module) {
  module.def(
      "lu_factor",
      [](const Tensor& x) {
        auto [lu, permutation] = compute(work_of_factors(x), [&] { return linalg::lu_factor(x); });
        return std::pair(lu, permutation);
      },
      py::arg("x"), "See `pydl.linalg.lu_factor`.");
  module.def(
      "slogdet",
      [](const Tensor& x) {
        auto [sign, logabsdet] = compute(work_of_factors(x), [&] { return linalg::slogdet(x); });
        return std::pair(sign, logabsdet);
      },
      py::arg("x"), "See `pydl.linalg.slogdet`.");
  module.def(
      "qr",
      [](const Tensor& x, const std::string& mode) {
        if (mode != "reduced" && mode != "complete") {
          throw ValueError("qr: expected the mode 'reduced' or 'complete', got '" + mode + "'");
        }
        auto [q, r] = compute(work_of_factors(x), [&] { return linalg::qr(x, mode == "complete"); });
        return std::pair(q, r);
      },
      py::arg("x"), py::arg("mode") = "reduced", "See `pydl.linalg.qr`.");
  module.def(
      "eigh",
      [](const Tensor& x, const std::string& triangle) {
        const bool upper = is_upper("eigh", triangle);
        auto [values, vectors] = compute(work_of_factors(x), [&] { return linalg::eigh(x, upper); });
        return std::pair(values, vectors);
      },
      py::arg("x"), py::arg("UPLO") = "L", "See `pydl.linalg.eigh`.");
  module.def(
      "svd",
      [](const Tensor& x, bool full_matrices) {
        auto [u, s, vh] = compute(work_of_factors(x), [&] { return linalg::svd(x, full_matrices); });
        return std::tuple(u, s, vh);
      },
      py::arg("x"), py::arg("full_matrices") = true, "See `pydl.linalg.svd`.");
  module.def(
      "lstsq",
      [](const Tensor& a, const Tensor& b, std::optional<double> rtol) {
        const auto found = compute(work_of_factors(a), [&] { return linalg::lstsq(a, b, rtol); });
        return std::tuple(found.solution, found.residuals, found.rank, found.singular_values);
      },
      py::arg("a"), py::arg("b"), py::arg("rtol") = py::none(), "See `pydl.linalg.lstsq`.");
}

}  // namespace

void define_linalg(py::module_& module, const py::object& type) {
  define_vector_products(module, type);
  define_matrix_products(module, type);
  define_products_along_axes(module);
  define_trace(module, type);
  py::module_ part = module.def_submodule("linalg", "Factorisations of matrices, and what follows from them.");
  define_solvers(part);
  define_cholesky(part);
  define_norms(part);
  define_spectra(part);
  define_powers(part);
  define_several_results(part);
}

}  // namespace pydl::python
