// The Python type `Tensor`: a hand-written heap type, because its operators must cost less than a pybind11 dispatch.
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
/// A new Python object; null with an error set when Python has no memory.
PyObject* wrap(Tensor tensor) noexcept;

/// `pydl.TraceError`.
PyObject* trace_error_type();
/// Sets the Python error for the C++ exception being handled.
void set_python_error() noexcept;

/// A number as C++ sees it, Python's integers beyond int64 too; nothing where the object is none.
std::optional<Scalar> as_scalar(PyObject* object);

/// Anything that holds numbers, as a tensor: tensors and arrays share memory, numbers and lists are converted.
/// Throws `TypeError` naming the Python type.
Tensor to_tensor(py::handle object);
/// The same beside a tensor: a Python number takes its dtype from `like`. Throws `OverflowError` where that does not
/// hold it.
Tensor to_tensor_beside(py::handle object, const Tensor& like);
/// The same in a given dtype. Python numbers, alone and in lists, keep all their digits; one that the dtype does not
/// hold throws `OverflowError`, and not-a-number as an integer `ValueError`.
Tensor to_tensor_as(py::handle object, DType dtype);

/// Runs `function`, without the interpreter's lock where the work, in elements, is worth it.
template <class Function>
auto compute(int64_t work, const Function& function) {
  constexpr int64_t worth_releasing = 20'000;
  if (work < worth_releasing) return function();
  const py::gil_scoped_release release;
  return function();
}

}  // namespace pydl::python
