// Reductions over axes, as functions and methods.
#include "bindings.h"
#include "casters.h"
#include "correction.h"

namespace pydl::python {

namespace {

using Reduction = Tensor (*)(const Tensor&, const Axes&, bool);
using Moment = Tensor (*)(const Tensor&, const Axes&, double, bool);
using ArgReduction = Tensor (*)(const Tensor&, std::optional<int64_t>, bool);

std::string reduction_doc(const char* name, const char* summary, const char* result, const char* more = "",
                          const char* last = "") {
  return concat_text(summary,
                     "\n\nParameters\n----------\nx : Tensor, any shape\naxis : int or tuple of int, optional\n",
                     "    Axes to reduce; all by default.\n", more, "keepdims : bool\n",
                     "    Whether reduced axes are kept with size 1.\n", last, "\nReturns\n-------\nTensor\n    ",
                     result, "\n\nExamples\n--------\n>>> import pydl\n>>> pydl.", name,
                     "(pydl.tensor([[1, 2], [3, 4]]), axis=0).shape\n(2,)\n");
}

// NumPy's functions call the method with the same name, with arguments that only NumPy has: `out`, `dtype`, `ddof`.
std::string method_doc(const char* summary) {
  return concat_text(summary,
                     "\n\nThe `numpy` function with that name calls this method. `out` must be None. If there is a ",
                     "`dtype`,\nthe tensor is converted to it first, and so is the result.");
}

void require_no_output(const char* name, const py::object& out) {
  if (out.is_none()) return;
  throw TypeError(concat_text(name, ": expected out=None, because reductions return a new tensor, got a ",
                              std::string(py::str(py::type::of(out).attr("__name__")))));
}

// A tensor in the dtype that the caller requests: the input of a method, or its result.
Tensor as_dtype(const Tensor& x, const std::optional<DType>& dtype) { return dtype ? astype(x, *dtype) : x; }

// Whether the corresponding NumPy method has a `dtype` argument.
enum class Dtype { none, optional };

void define_reduction(py::module_& module, const py::object& type, const char* name, const char* summary,
                      const char* result, Reduction function, Dtype dtype_argument) {
  const auto run = [function](const Tensor& x, const AxisArgument& axis, bool keepdims) {
    return compute(x.size(), [&] { return function(x, axis.axes, keepdims); });
  };
  if (dtype_argument == Dtype::none) {
    const std::string doc = reduction_doc(name, summary, result);
    module.def(name, run, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, doc.c_str());
    const auto reduce = [name, run](const Tensor& x, const AxisArgument& axis, bool keepdims, const py::object& out) {
      require_no_output(name, out);
      return run(x, axis, keepdims);
    };
    method(type, name, reduce, py::arg("axis") = py::none(), py::arg("keepdims") = false, py::kw_only(),
           py::arg("out") = py::none(), method_doc(summary).c_str());
    return;
  }
  const auto convert = [run](const Tensor& x, const AxisArgument& axis, bool keepdims,
                             const std::optional<DType>& dtype) {
    return as_dtype(run(as_dtype(x, dtype), axis, keepdims), dtype);
  };
  const std::string doc = reduction_doc(name, summary, result, "",
                                        "dtype : DType, optional\n    That of the result, in which it is computed.\n");
  module.def(name, convert, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, py::kw_only(),
             py::arg("dtype") = py::none(), doc.c_str());
  const auto reduce = [name, convert](const Tensor& x, const AxisArgument& axis, bool keepdims,
                                      const std::optional<DType>& dtype, const py::object& out) {
    require_no_output(name, out);
    return convert(x, axis, keepdims, dtype);
  };
  method(type, name, reduce, py::arg("axis") = py::none(), py::arg("keepdims") = false, py::kw_only(),
         py::arg("dtype") = py::none(), py::arg("out") = py::none(), method_doc(summary).c_str());
}

void define_moment(py::module_& module, const py::object& type, const char* name, const char* summary,
                   Moment function) {
  using Number = std::optional<double>;
  const auto run = [name, function](const Tensor& x, const AxisArgument& axis, const Number& correction, bool keepdims,
                                    const Number& ddof, std::optional<bool> unbiased) {
    const double subtracted = given_correction(name, correction, ddof, unbiased);
    return compute(x.size(), [&] { return function(x, axis.axes, subtracted, keepdims); });
  };
  const std::string doc =
      reduction_doc(name, summary, "Floating point; integers are converted to float32.",
                    "correction : float, optional\n    Subtracted from the number of elements to divide "
                    "by: 0, the default, for the population, 1 for a sample.\n",
                    "ddof : float, optional\n    NumPy's name for `correction`.\n"
                    "unbiased : bool, optional\n    PyTorch's: True for a correction of 1, False for 0.\n");
  module.def(name, run, py::arg("x"), py::arg("axis") = py::none(), py::arg("correction") = py::none(),
             py::arg("keepdims") = false, py::kw_only(), py::arg("ddof") = py::none(), py::arg("unbiased") = py::none(),
             doc.c_str());
  const auto reduce = [name, run](const Tensor& x, const AxisArgument& axis, const Number& correction, bool keepdims,
                                  const std::optional<DType>& dtype, const py::object& out, const Number& ddof,
                                  std::optional<bool> unbiased) {
    require_no_output(name, out);
    return as_dtype(run(as_dtype(x, dtype), axis, correction, keepdims, ddof, unbiased), dtype);
  };
  method(type, name, reduce, py::arg("axis") = py::none(), py::arg("correction") = py::none(),
         py::arg("keepdims") = false, py::kw_only(), py::arg("dtype") = py::none(), py::arg("out") = py::none(),
         py::arg("ddof") = py::none(), py::arg("unbiased") = py::none(), method_doc(summary).c_str());
}

void define_arg_reduction(py::module_& module, const py::object& type, const char* name, const char* summary,
                          ArgReduction function) {
  const auto run = [function](const Tensor& x, std::optional<int64_t> axis, bool keepdims) {
    return compute(x.size(), [&] { return function(x, axis, keepdims); });
  };
  const std::string doc = reduction_doc(name, summary, "int64. Without an axis, the index into the flattened tensor.");
  module.def(name, run, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false, doc.c_str());
  const auto reduce = [name, run](const Tensor& x, std::optional<int64_t> axis, bool keepdims, const py::object& out) {
    require_no_output(name, out);
    return run(x, axis, keepdims);
  };
  method(type, name, reduce, py::arg("axis") = py::none(), py::arg("keepdims") = false, py::kw_only(),
         py::arg("out") = py::none(), method_doc(summary).c_str());
}

}  // namespace

void define_reductions(py::module_& module, const py::object& type) {
  const char* wide = "Has the dtype of x; for integers and bools, int64.";
  const char* same = "Has the dtype of x.";
  const char* real = "Floating point; integers are converted to float32.";
  define_reduction(module, type, "sum", "Sum over axes.", wide, sum, Dtype::optional);
  define_reduction(module, type, "mean", "Arithmetic mean over axes.", real, mean, Dtype::optional);
  define_reduction(module, type, "prod", "Product over axes.", wide, prod, Dtype::optional);
  define_reduction(module, type, "max",
                   "Largest element over axes; NaN if there is one. Equal ones share the gradient.", same, max,
                   Dtype::none);
  define_reduction(module, type, "min",
                   "Smallest element over axes; NaN if there is one. Equal ones share the gradient.", same, min,
                   Dtype::none);
  define_reduction(module, type, "any", "Whether any element over axes is not 0.", "bool", any, Dtype::none);
  define_reduction(module, type, "all", "Whether all elements over axes are not 0.", "bool", all, Dtype::none);
  define_moment(module, type, "var", "Variance over axes.", var);
  define_moment(module, type, "std", "Standard deviation over axes; its derivative is 0 if all elements are equal.",
                std);
  define_arg_reduction(module, type, "argmax", "Index of the largest element, the first one if there are several.",
                       argmax);
  define_arg_reduction(module, type, "argmin", "Index of the smallest element, the first one if there are several.",
                       argmin);
  const auto log_of_sum = [](const Tensor& x, const AxisArgument& axis, bool keepdims) {
    return compute(x.size(), [&] { return logsumexp(x, axis.axes, keepdims); });
  };
  method(type, "logsumexp", log_of_sum, py::arg("axis") = py::none(), py::arg("keepdims") = false,
         "See `pydl.logsumexp`.");
  module.def(
      "logsumexp", log_of_sum, py::arg("x"), py::arg("axis") = py::none(), py::arg("keepdims") = false,
      "log(sum(exp(x))) over axes, without overflow; integers are converted to float32.\n\nExamples\n--------\n>>> "
      "import pydl\n"
      ">>> pydl.logsumexp(pydl.tensor([1000.0, -1000.0]))\ntensor(1000., dtype=float32)\n");
}

}  // namespace pydl::python
