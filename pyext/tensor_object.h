// The Python type `Tensor`, a hand-written heap type, because its operators must cost less than a pybind11 dispatch.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "pydl/tensor.h"

namespace pydl::python {

namespace py = pybind11;

struct TensorObject {
  PyObject_HEAD Tensor tensor;
};

/// Creates the type and adds it to the module.
void define_tensor_type(py::module_& module);
PyTypeObject* tensor_type();

inline bool is_tensor(PyObject* object) {
  return Py_TYPE(object) == tensor_type() || PyType_IsSubtype(Py_TYPE(object), tensor_type()) != 0;
}
inline const Tensor& unwrap(PyObject* object) { return reinterpret_cast<TensorObject*>(object)->tensor; }
/// A new Python object; null, with an error set, if Python is out of memory.
PyObject* wrap(Tensor tensor) noexcept;

/// `pydl.TraceError`.
PyObject* trace_error_type();
/// Sets the Python error for the C++ exception being handled.
void set_python_error() noexcept;

/// A Python number as a Scalar, including integers beyond int64; nothing if the object is not a number.
std::optional<Scalar> as_scalar(PyObject* object);

/// What errors say of complex numbers.
inline constexpr const char* no_complex_numbers =
    "complex numbers are not supported; keep real and imaginary parts as two tensors";

/// Any numeric object as a tensor: tensors and arrays share memory, numbers and lists are converted. Throws a
/// `TypeError` that names the Python type.
Tensor to_tensor(py::handle object);
/// The same for use with another tensor: a Python number takes its dtype from `like`. Throws `OverflowError` if the
/// number is out of range for it.
Tensor to_tensor_beside(py::handle object, const Tensor& like);
/// The same in a given dtype. Python numbers, alone and in lists, keep all their digits. Throws `OverflowError` for a
/// number that is out of range for the dtype, and `ValueError` for NaN in an integer dtype.
Tensor to_tensor_as(py::handle object, DType dtype);

/// Runs `function`, without the interpreter's lock if the work, in elements, is large enough.
template <class Function>
auto compute(int64_t work, const Function& function) {
  constexpr int64_t worth_releasing = 20'000;
  if (work < worth_releasing) return function();
  const py::gil_scoped_release release;
  return function();
}

}  // namespace pydl::python
