// NumPy's universal functions on tensors.
#include <pybind11/numpy.h>

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

// The functions that Python's operators call with two operands, at least one of which is a tensor.
using Operator = PyObject* (*)(PyObject*, PyObject*);

Operator arithmetic_operator(const std::string& name) {
  const PyNumberMethods& slots = *tensor_type()->tp_as_number;
  const std::pair<const char*, Operator> named[] = {
      {"add", slots.nb_add},
      {"subtract", slots.nb_subtract},
      {"multiply", slots.nb_multiply},
      {"divide", slots.nb_true_divide},
      {"true_divide", slots.nb_true_divide},
      {"floor_divide", slots.nb_floor_divide},
      {"remainder", slots.nb_remainder},
      {"matmul", slots.nb_matrix_multiply},
      {"bitwise_and", slots.nb_and},
      {"bitwise_or", slots.nb_or},
      {"bitwise_xor", slots.nb_xor},
      {"left_shift", slots.nb_lshift},
      {"right_shift", slots.nb_rshift},
      {"power", [](PyObject* a, PyObject* b) { return tensor_type()->tp_as_number->nb_power(a, b, Py_None); }},
  };
  for (const auto& [known, function] : named) {
    if (name == known) return function;
  }
  return nullptr;
}

// The comparison with that name for a tensor on the left, and the mirrored one.
std::optional<std::pair<int, int>> comparison_operator(const std::string& name) {
  if (name == "equal") return std::pair{Py_EQ, Py_EQ};
  if (name == "not_equal") return std::pair{Py_NE, Py_NE};
  if (name == "less") return std::pair{Py_LT, Py_GT};
  if (name == "less_equal") return std::pair{Py_LE, Py_GE};
  if (name == "greater") return std::pair{Py_GT, Py_LT};
  if (name == "greater_equal") return std::pair{Py_GE, Py_LE};
  return std::nullopt;
}

// NumPy passes a number in a comparison as an array of rank 0.
py::object number_of(PyObject* object) {
  const auto array = py::reinterpret_borrow<py::object>(object);
  const bool is_number = py::isinstance<py::array>(array) && array.attr("ndim").cast<int>() == 0;
  return is_number ? py::object(array[py::tuple()]) : array;
}

// The result of the corresponding operator: `array + tensor` calls numpy.add. Nothing for other functions.
std::optional<py::object> call_operator(const std::string& name, PyObject* a, PyObject* b) {
  PyObject* result = nullptr;
  if (const Operator function = arithmetic_operator(name)) {
    result = function(a, b);
  } else if (const auto comparison = comparison_operator(name)) {
    const auto compare = tensor_type()->tp_richcompare;
    const py::object other = number_of(is_tensor(a) ? b : a);
    result = is_tensor(a) ? compare(a, other.ptr(), comparison->first) : compare(b, other.ptr(), comparison->second);
  } else {
    return std::nullopt;
  }
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

py::object as_argument(const std::string& name, py::handle object) {
  if (!is_tensor(object.ptr())) return py::reinterpret_borrow<py::object>(object);
  const Tensor& x = unwrap(object.ptr());
  if (x.requires_grad()) {
    throw Error(concat_text("numpy.", name, ": a tensor that requires a gradient would lose it; use a function of ",
                            "pydl, or call detach() first"));
  }
  return to_numpy(x);
}

py::tuple as_arguments(const std::string& name, const py::tuple& objects) {
  py::tuple arguments(objects.size());
  for (size_t i = 0; i < objects.size(); ++i) arguments[i] = as_argument(name, objects[i]);
  return arguments;
}

// A NumPy array or number as a tensor; unchanged if pydl has no corresponding dtype.
py::object as_result(const py::object& object) {
  const py::module_ numpy = py::module_::import("numpy");
  if (!py::isinstance(object, numpy.attr("ndarray")) && !py::isinstance(object, numpy.attr("generic"))) return object;
  if (!load_known_dtype(object.attr("dtype"))) return object;
  return py::cast(from_array(numpy.attr("asarray")(object), false));
}

// Tensors that a function has written to count as overwritten.
void note_written(py::handle object) {
  if (is_tensor(object.ptr())) unwrap(object.ptr()).bump_version();
}

py::object results_of(const py::object& computed, const py::tuple& out) {
  if (!py::isinstance<py::tuple>(computed)) {
    return out.empty() || out[0].is_none() ? as_result(computed) : py::object(out[0]);
  }
  const auto parts = computed.cast<py::tuple>();
  py::tuple results(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    results[i] = i < out.size() && !out[i].is_none() ? py::object(out[i]) : as_result(parts[i]);
  }
  return results;
}

// NumPy's protocol. Functions that correspond to operators behave like those of tensors, with their dtypes and
// gradients; all other functions compute on the memory of the tensors.
py::object array_ufunc(const py::object&, const py::object& ufunc, const std::string& method, const py::args& inputs,
                       const py::kwargs& keywords) {
  const bool known =
      py::isinstance(ufunc, py::module_::import("numpy").attr("ufunc")) && py::hasattr(ufunc, method.c_str());
  if (!known)
    throw TypeError(concat_text("__array_ufunc__: expected a ufunc of NumPy and one of its methods, got ",
                                Py_TYPE(ufunc.ptr())->tp_name, " and '", method, "'"));
  const auto name = ufunc.attr("__name__").cast<std::string>();
  if (method == "__call__" && inputs.size() == 2 && keywords.empty()) {
    if (const auto result = call_operator(name, inputs[0].ptr(), inputs[1].ptr())) return *result;
  }
  const auto out = keywords.contains("out") ? keywords["out"].cast<py::tuple>() : py::tuple();
  py::dict arguments;
  for (const auto& [key, value] : keywords) arguments[key] = as_argument(name, value);
  if (!out.empty()) arguments["out"] = as_arguments(name, out);
  const py::object computed = ufunc.attr(method.c_str())(*as_arguments(name, inputs), **arguments);
  for (const py::handle written : out) note_written(written);
  if (method == "at") note_written(inputs[0]);
  return results_of(computed, out);
}

}  // namespace

void define_numpy_functions(const py::object& type) {
  method(type, "__array_ufunc__", array_ufunc, py::arg("ufunc"), py::arg("method"));
}

}  // namespace pydl::python
