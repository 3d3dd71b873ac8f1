// The conversion of arguments and results between Python and C++.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <vector>

#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "tensor_object.h"

namespace pydl::python {

/// `axis`: None, an integer, or several integers.
struct AxisArgument {
  Axes axes;
};

/// A shape or list of axes: an integer or a sequence of integers.
struct DimsArgument {
  Dims dims;
};

/// `device`: None or 'cpu', the only device that this build has.
struct Device {};

/// Reads an integer; false for anything else, also for tensors and arrays of several elements, which claim to be
/// integers.
bool load_integer(py::handle source, int64_t* value);
/// The integer that is given for an argument of a function.
int64_t integer_argument(const char* function, const char* argument, py::handle value);
/// Reads integers from a Python integer or a sequence of them; false for anything else.
bool load_integers(py::handle source, std::vector<int64_t>* values);

/// The dtype that is given by a DType, a NumPy dtype or type, or a name; nothing for other objects.
std::optional<DType> load_dtype(py::handle source);
/// The dtype with the name of a NumPy dtype; nothing if pydl does not have it.
std::optional<DType> load_known_dtype(py::handle numpy_dtype);
/// The Python object for a dtype.
py::object dtype_object(DType dtype);
/// Defines `DType` and its instances.
void define_dtypes(py::module_& module);

/// `*args` of methods like reshape: integers, or a single sequence of them. `what` describes them in messages.
Dims dims_of_varargs(const char* name, const py::args& arguments, const char* what = "integers");

}  // namespace pydl::python

namespace pybind11::detail {

template <>
class type_caster<pydl::Tensor> {
 public:
  PYBIND11_TYPE_CASTER(pydl::Tensor, const_name("pydl._core.Tensor"));

  bool load(handle source, bool convert) {
    if (pydl::python::is_tensor(source.ptr())) {
      value = pydl::python::unwrap(source.ptr());
      return true;
    }
    if (!convert || source.is_none()) return false;
    value = pydl::python::to_tensor(source);
    return true;
  }

  static handle cast(pydl::Tensor tensor, return_value_policy, handle) {
    if (!tensor.defined()) return none().release();
    PyObject* object = pydl::python::wrap(std::move(tensor));
    if (object == nullptr) throw error_already_set();
    return object;
  }
};

template <>
class type_caster<pydl::Scalar> {
 public:
  static constexpr auto name = const_name("float | int | bool");
  template <class T>
  using cast_op_type = pydl::Scalar;
  operator pydl::Scalar() { return *value; }

  bool load(handle source, bool convert) {
    value = pydl::python::as_scalar(source.ptr());
    // A tensor of rank 0 is read where no overload takes tensors, as `float(tensor)` is for the type float. While a
    // function is traced, that raises.
    if (!value && convert && pydl::python::is_tensor(source.ptr()) && pydl::python::unwrap(source.ptr()).rank() == 0) {
      if (pydl::grad_enabled() && pydl::python::unwrap(source.ptr()).requires_grad()) {
        throw pydl::TypeError(
            "expected a number, got a tensor that requires a gradient, which would be lost; give its item()");
      }
      value = pydl::python::as_scalar(source.attr("item")().ptr());
    }
    return value.has_value();
  }

 private:
  std::optional<pydl::Scalar> value;
};

template <>
class type_caster<pydl::DType> {
 public:
  PYBIND11_TYPE_CASTER(pydl::DType, const_name("pydl._core.DType"));

  bool load(handle source, bool) {
    const auto found = pydl::python::load_dtype(source);
    if (found) value = *found;
    return found.has_value();
  }

  static handle cast(pydl::DType dtype, return_value_policy, handle) {
    return pydl::python::dtype_object(dtype).release();
  }
};

template <>
class type_caster<pydl::python::Device> {
 public:
  PYBIND11_TYPE_CASTER(pydl::python::Device, const_name("str | None"));

  bool load(handle source, bool) {
    if (source.is_none()) return true;
    if (!isinstance<str>(source)) return false;
    const auto name = source.cast<std::string>();
    if (name != "cpu") throw pydl::ValueError("expected the device 'cpu', got '" + name + "': this build has no other");
    return true;
  }
};

template <>
class type_caster<pydl::Dims> {
 public:
  PYBIND11_TYPE_CASTER(pydl::Dims, const_name("tuple[int, ...]"));

  bool load(handle, bool) { return false; }

  static handle cast(const pydl::Dims& dims, return_value_policy, handle) {
    tuple result(static_cast<size_t>(dims.rank()));
    for (int i = 0; i < dims.rank(); ++i) result[static_cast<size_t>(i)] = int_(dims[i]);
    return result.release();
  }
};

template <>
class type_caster<pydl::python::DimsArgument> {
 public:
  PYBIND11_TYPE_CASTER(pydl::python::DimsArgument, const_name("int | collections.abc.Sequence[int]"));

  bool load(handle source, bool) {
    std::vector<int64_t> values;
    if (source.is_none() || !pydl::python::load_integers(source, &values)) return false;
    value.dims = pydl::Dims(values);
    return true;
  }
};

template <>
class type_caster<pydl::python::AxisArgument> {
 public:
  PYBIND11_TYPE_CASTER(pydl::python::AxisArgument, const_name("int | collections.abc.Sequence[int] | None"));

  bool load(handle source, bool) {
    if (source.is_none()) {
      value.axes.reset();
      return true;
    }
    std::vector<int64_t> values;
    if (!pydl::python::load_integers(source, &values)) return false;
    value.axes = std::move(values);
    return true;
  }
};

}  // namespace pybind11::detail
