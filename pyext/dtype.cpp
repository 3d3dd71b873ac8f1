// The Python type DType, and arguments made of integers.
#include <array>

#include "casters.h"

namespace pydl::python {

namespace {

struct DTypeHandle {
  DType value;
};

std::array<py::handle, dtype_count>& instances() {
  static std::array<py::handle, dtype_count> objects;
  return objects;
}

py::object numpy_dtype(DType dtype) {
  if (dtype == DType::bfloat16) throw TypeError("NumPy has no bfloat16; use astype('float32') first");
  return py::module_::import("numpy").attr("dtype")(py::str(std::string(dtype_name(dtype))));
}

// Since NumPy also has names that pydl lacks, such as uint16, only pydl's own names are accepted.
std::optional<DType> known_name(const std::string& name) {
  for (int i = 0; i < dtype_count; ++i) {
    if (dtype_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace

std::optional<DType> load_dtype(py::handle source) {
  if (py::isinstance<DTypeHandle>(source)) return source.cast<DTypeHandle&>().value;
  if (py::isinstance<py::str>(source)) {
    const auto name = source.cast<std::string>();
    if (name.starts_with("complex")) throw TypeError(concat_text("pydl has no dtype ", name, ": ", no_complex_numbers));
    return dtype_from_name(name);
  }
  if (is_tensor(source.ptr()) || (!PyType_Check(source.ptr()) && !py::hasattr(source, "itemsize"))) return std::nullopt;
  py::object dtype;
  try {
    dtype = py::module_::import("numpy").attr("dtype")(source);
  } catch (py::error_already_set&) {
    return std::nullopt;
  }
  const auto name = dtype.attr("name").cast<std::string>();
  const auto known = known_name(name);
  if (name.starts_with("complex")) throw TypeError(concat_text("pydl has no dtype ", name, ": ", no_complex_numbers));
  if (!known) throw TypeError(concat_text("pydl has no dtype ", name));
  return known;
}

std::optional<DType> load_known_dtype(py::handle numpy_dtype) {
  return known_name(numpy_dtype.attr("name").cast<std::string>());
}

py::object dtype_object(DType dtype) {
  return py::reinterpret_borrow<py::object>(instances()[static_cast<size_t>(dtype)]);
}

bool load_integer(py::handle source, int64_t* value) {
  if (PyBool_Check(source.ptr()) || PyIndex_Check(source.ptr()) == 0) return false;
  const py::object number = py::reinterpret_steal<py::object>(PyNumber_Index(source.ptr()));
  if (!number &&
      PyErr_ExceptionMatches(PyExc_TypeError) != 0) {  // an array, which may or may not be usable as an index
    PyErr_Clear();
    return false;
  }
  if (number) *value = PyLong_AsLongLong(number.ptr());
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return true;
}

int64_t integer_argument(const char* function, const char* argument, py::handle value) {
  int64_t number = 0;
  if (load_integer(value, &number)) return number;
  throw TypeError(concat_text(function, ": ", argument, ": expected an integer, got an object of type ",
                              py::type::of(value).attr("__name__").cast<std::string>()));
}

bool load_integers(py::handle source, std::vector<int64_t>* values) {
  int64_t value = 0;
  if (load_integer(source, &value)) {
    values->push_back(value);
    return true;
  }
  if (!PyTuple_Check(source.ptr()) && !PyList_Check(source.ptr())) return false;
  for (const py::handle item : py::reinterpret_borrow<py::sequence>(source)) {
    if (!load_integer(item, &value)) return false;
    values->push_back(value);
  }
  return true;
}

Dims dims_of_varargs(const char* name, const py::args& arguments, const char* what) {
  std::vector<int64_t> values;
  const py::handle source = arguments.size() == 1 ? py::handle(arguments[0]) : py::handle(arguments);
  if (!load_integers(source, &values)) {
    std::string types;
    for (const py::handle argument : arguments) {
      types += (types.empty() ? "" : ", ") + std::string(Py_TYPE(argument.ptr())->tp_name);
    }
    throw TypeError(concat_text(name, ": expected ", what, ", or one sequence of them, got ", types));
  }
  return Dims(values);
}

void define_dtypes(py::module_& module) {
  py::class_<DTypeHandle> type(module, "DType",
                               "An element type, such as `pydl.float32`.\n\n"
                               "Where a function takes a dtype, it also takes a NumPy dtype or a name.\n\n"
                               "Examples\n--------\n>>> import pydl\n"
                               ">>> pydl.zeros(2, dtype='float16').dtype == pydl.float16\nTrue\n");
  type.def_property_readonly(
          "name", [](const DTypeHandle& d) { return std::string(dtype_name(d.value)); },
          "The name, as in ``'float32'``.")
      .def_property_readonly(
          "itemsize", [](const DTypeHandle& d) { return item_size(d.value); }, "Bytes of one element.")
      .def_property_readonly(
          "is_floating", [](const DTypeHandle& d) { return is_floating(d.value); },
          "Whether it is a floating-point type.")
      .def_property_readonly(
          "numpy", [](const DTypeHandle& d) { return numpy_dtype(d.value); },
          "The NumPy dtype. Raises TypeError for bfloat16, which NumPy does not have.")
      .def("__repr__", [](const DTypeHandle& d) { return concat_text("pydl.", d.value); })
      .def("__str__", [](const DTypeHandle& d) { return std::string(dtype_name(d.value)); })
      // pickle and copy treat a name as a reference to a global of the module, so copies are the same object.
      .def("__reduce__", [](const DTypeHandle& d) { return std::string(dtype_name(d.value)); })
      .def("__hash__", [](const DTypeHandle& d) { return py::hash(py::str(std::string(dtype_name(d.value)))); })
      .def("__eq__", [](const DTypeHandle& d, const py::object& other) {
        if (py::isinstance<py::str>(other)) return dtype_name(d.value) == other.cast<std::string>();
        const auto known = py::hasattr(other, "itemsize") ? load_dtype(other) : std::nullopt;
        return known && *known == d.value;
      });
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    const py::object object = py::cast(DTypeHandle{dtype});
    // Kept for the lifetime of the process.
    instances()[static_cast<size_t>(i)] = py::object(object).release();
    module.attr(std::string(dtype_name(dtype)).c_str()) = object;
  }
  module.def(
      "promote_types", [](DType a, DType b) { return promote(a, b); }, py::arg("a"), py::arg("b"),
      "The common dtype of operands of two dtypes.\n\nExamples\n--------\n>>> import pydl\n"
      ">>> pydl.promote_types(pydl.int64, pydl.float32)\npydl.float32\n");
}

}  // namespace pydl::python
