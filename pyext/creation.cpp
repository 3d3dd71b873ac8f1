// Functions that create tensors from a rule.
#include "pydl/creation.h"

#include <algorithm>

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

DType default_dtype(std::initializer_list<Scalar> numbers) {
  for (const Scalar& number : numbers) {
    if (number.is_floating()) return DType::float32;
  }
  return DType::int64;
}

// The dtype of new tensors if none is given.
DType or_float32(std::optional<DType> dtype) { return dtype.value_or(DType::float32); }

Tensor make_range(Scalar start, std::optional<Scalar> stop, Scalar step, std::optional<DType> dtype, Device) {
  const Scalar first = stop ? start : Scalar(0);
  const Scalar last = stop ? *stop : start;
  return arange(first, last, step, dtype.value_or(default_dtype({first, last, step})));
}

Tensor make_linspace(double start, double stop, int64_t num, std::optional<DType> dtype, bool endpoint, Device) {
  const DType chosen = or_float32(dtype);
  return endpoint ? linspace(start, stop, num, chosen) : linspace_open(start, stop, num, chosen);
}

// As in PyTorch, sizes may be given as separate arguments.
using Filled = Tensor (*)(const Dims&, DType);
void define_filled(py::module_& module, const char* name, Filled function, const char* doc) {
  module.def(
      name,
      [function](const DimsArgument& shape, std::optional<DType> dtype, Device) {
        return function(shape.dims, or_float32(dtype));
      },
      py::arg("shape"), py::arg("dtype") = DType::float32, py::kw_only(), py::arg("device") = py::none(), doc);
  module.def(
      name,
      [name, function](const py::args& sizes, DType dtype, Device) {
        if (sizes.empty()) throw TypeError(concat_text(name, ": expected a shape, got nothing"));
        return function(dims_of_varargs(name, sizes, "a shape of integers"), dtype);
      },
      py::arg("dtype") = DType::float32, py::arg("device") = py::none(),
      "The same with the sizes as separate arguments.");
}

void define_constant(py::module_& module) {
  define_filled(
      module, "zeros", zeros,
      "Zeros.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.zeros((2,))\ntensor([0., 0.], dtype=float32)\n");
  define_filled(
      module, "ones", ones,
      "Ones.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.ones(2, dtype='int32')\ntensor([1, 1], dtype=int32)\n");
  define_filled(
      module, "empty", Tensor::empty,
      "Memory with undefined contents.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.empty((2, 3)).shape\n(2, 3)\n");
  module.def(
      "full",
      [](const DimsArgument& shape, Scalar value, std::optional<DType> dtype, Device) {
        return full(shape.dims, value, dtype.value_or(value.dtype_alone()));
      },
      py::arg("shape"), py::arg("fill_value"), py::arg("dtype") = py::none(), py::kw_only(),
      py::arg("device") = py::none(),
      "A tensor with all elements equal.\n\nExamples\n--------\n>>> import pydl\n>>> pydl.full((2,), 7)\n"
      "tensor([7, 7], dtype=int64)\n");
}

template <class Function>
void define_filled_like(py::module_& module, const char* name, const Function& function, const char* doc) {
  module.def(
      name, [function](const Tensor& x, std::optional<DType> dtype, Device) { return function(x, dtype); },
      py::arg("x"), py::arg("dtype") = py::none(), py::kw_only(), py::arg("device") = py::none(), doc);
}

void define_like(py::module_& module) {
  const auto filled_with = [](int value) {
    return [value](const Tensor& x, std::optional<DType> dtype) { return full_like(x, value, dtype); };
  };
  define_filled_like(module, "zeros_like", filled_with(0),
                     "Zeros of the shape and, unless another is given, the dtype of x.\n\n"
                     "Examples\n--------\n>>> import pydl\n"
                     ">>> pydl.zeros_like(pydl.tensor([1, 2]))\ntensor([0, 0], dtype=int64)\n");
  define_filled_like(module, "ones_like", filled_with(1),
                     "Ones of the shape and, unless another is given, the dtype of x.\n\n"
                     "Examples\n--------\n>>> import pydl\n"
                     ">>> pydl.ones_like(pydl.tensor([3.0]))\ntensor([1.], dtype=float32)\n");
  define_filled_like(module, "empty_like", empty_like,
                     "Memory with undefined contents, of the shape and, unless another is given, the dtype of x.\n\n"
                     "Examples\n--------\n>>> import pydl\n>>> pydl.empty_like(pydl.zeros((2, 3))).shape\n(2, 3)\n");
  module.def(
      "full_like",
      [](const Tensor& x, Scalar value, std::optional<DType> dtype, Device) { return full_like(x, value, dtype); },
      py::arg("x"), py::arg("fill_value"), py::arg("dtype") = py::none(), py::kw_only(), py::arg("device") = py::none(),
      "Equal elements in the shape and, unless another is given, the dtype of x.\n\n"
      "A number that is out of range for the dtype raises OverflowError.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.full_like(pydl.tensor([1.0, 2.0]), 7)\n"
      "tensor([7., 7.], dtype=float32)\n");
}

void define_ranges(py::module_& module) {
  module.def("arange", make_range, py::arg("start"), py::arg("stop") = py::none(), py::arg("step") = 1,
             py::arg("dtype") = py::none(), py::kw_only(), py::arg("device") = py::none(),
             "start, start + step, ... up to but excluding stop; with one argument, integers from 0.\n\n"
             "Without a dtype, integers give int64 and floats give float32.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.arange(3)\ntensor([0, 1, 2], dtype=int64)\n");
  module.def("linspace", make_linspace, py::arg("start"), py::arg("stop"), py::arg("num"),
             py::arg("dtype") = DType::float32, py::kw_only(), py::arg("endpoint") = true,
             py::arg("device") = py::none(),
             "`num` evenly spaced numbers from start to stop; stop is included unless `endpoint` is False.\n\n"
             "With a dtype of integers, they are rounded down, as in NumPy.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.linspace(0, 1, 3)\n"
             "tensor([0.0000, 0.5000, 1.0000], dtype=float32)\n");
  module.def(
      "logspace",
      [](double start, double stop, int64_t num, double base, std::optional<DType> dtype, bool endpoint, Device) {
        return logspace(start, stop, num, base, endpoint, or_float32(dtype));
      },
      py::arg("start"), py::arg("stop"), py::arg("num"), py::arg("base") = 10.0, py::arg("dtype") = DType::float32,
      py::kw_only(), py::arg("endpoint") = true, py::arg("device") = py::none(),
      "`num` numbers from base**start to base**stop whose logarithms are evenly spaced.\n\n"
      "Without `endpoint`, the last number is a step before base**stop.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.logspace(0, 2, 3)\ntensor([  1.,  10., 100.], "
      "dtype=float32)\n");
  module.def(
      "eye",
      [](int64_t rows, std::optional<int64_t> columns, int64_t k, std::optional<DType> dtype, Device) {
        const int64_t width = columns.value_or(rows);
        // Sizes that are refused may be as large as they like.
        const auto work = static_cast<int64_t>(std::min(static_cast<double>(rows) * static_cast<double>(width), 1e9));
        return compute(work, [&] { return eye(rows, width, k, or_float32(dtype)); });
      },
      py::arg("rows"), py::arg("columns") = py::none(), py::arg("k") = 0, py::arg("dtype") = DType::float32,
      py::kw_only(), py::arg("device") = py::none(),
      "Ones on diagonal k of a matrix (rows, columns) that is otherwise 0.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> pydl.eye(2)\ntensor([[1., 0.],\n        [0., 1.]], dtype=float32)\n");
}

}  // namespace

void define_creation(py::module_& module) {
  define_constant(module);
  define_like(module);
  define_ranges(module);
}

}  // namespace pydl::python
