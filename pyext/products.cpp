// Products and normalised exponentials.
#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

// The work of a product, in elements, that determines whether to release the interpreter's lock.
int64_t product_work(const Tensor& a, const Tensor& b) { return (a.size() + b.size()) * 4; }

Tensor multiply_matrices(const Tensor& a, const Tensor& b) {
  return compute(product_work(a, b), [&] { return matmul(a, b); });
}

Tensor apply_linear(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  return compute(product_work(x, weight), [&] { return linear(x, weight, bias.value_or(Tensor{})); });
}

using Normalised = Tensor (*)(const Tensor&, int64_t);
using NormalisedBackward = Tensor (*)(const Tensor&, const Tensor&, int64_t);

void define_normalised(py::module_& module, const py::object& type, const char* name, const char* summary,
                       Normalised function) {
  const auto run = [function](const Tensor& x, int64_t axis, const std::optional<DType>& dtype) {
    return compute(x.size() * 4, [&] { return function(dtype ? astype(x, *dtype) : x, axis); });
  };
  const std::string doc = concat_text(
      summary, "\n\nParameters\n----------\nx : Tensor, any shape of rank >= 1, floating point\naxis : int\n",
      "dtype : DType, optional\n    To which x is converted first; that of the result.\n\n",
      "Examples\n--------\n>>> import pydl\n>>> pydl.", name, "(pydl.tensor([[0.0, 0.0]])).shape\n(1, 2)\n");
  module.def(name, run, py::arg("x"), py::arg("axis") = -1, py::kw_only(), py::arg("dtype") = py::none(), doc.c_str());
  method(type, name, run, py::arg("axis") = -1, py::kw_only(), py::arg("dtype") = py::none(), summary);
}

void define_normalised_backward(py::module_& module, const char* name, const char* summary,
                                NormalisedBackward function) {
  module.def(
      name,
      [function](const Tensor& g, const Tensor& y, int64_t axis) {
        return compute(g.size() * 4, [&] { return function(g, y, axis); });
      },
      py::arg("g"), py::arg("y"), py::arg("axis") = -1, summary);
}

}  // namespace

void define_products(py::module_& module, const py::object& type) {
  module.def(
      "matmul", multiply_matrices, py::arg("a"), py::arg("b"),
      "Matrix product, batched over leading axes, which broadcast.\n\n"
      "Parameters\n----------\na : Tensor, shape (..., M, K) or (K,)\nb : Tensor, shape (..., K, N) or (K,)\n\n"
      "Returns\n-------\nTensor, shape (..., M, N)\n    Without the axes that vectors do not have.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.matmul(pydl.ones((2, 3)), pydl.ones((3, 4))).shape\n(2, 4)\n");
  method(type, "matmul", multiply_matrices, py::arg("other"), "See `pydl.matmul`.");
  module.def(
      "linear", apply_linear, py::arg("x"), py::arg("weight"), py::arg("bias") = py::none(),
      "x times the transposed weight, plus bias.\n\n"
      "Parameters\n----------\nx : Tensor, shape (..., I)\nweight : Tensor, shape (O, I)\n"
      "bias : Tensor, shape (O,), optional\n\nReturns\n-------\nTensor, shape (..., O)\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.linear(pydl.ones((5, 3)), pydl.ones((2, 3))).shape\n(5, 2)\n");
  define_normalised(module, type, "softmax", "exp(x) normalised to sum 1 along an axis.", softmax);
  define_normalised(module, type, "log_softmax", "Logarithm of softmax, without overflow.", log_softmax);
  define_normalised_backward(module, "softmax_backward", "Gradient g of softmax through its output y.",
                             softmax_backward);
  define_normalised_backward(module, "log_softmax_backward", "Gradient g of log_softmax through its output y.",
                             log_softmax_backward);
}

}  // namespace pydl::python
