#include "attribute_values.h"

#include "casters.h"

namespace pydl::python {

using op::AttrField;
using op::AttrKind;

namespace {

bool load_numbers(py::handle value, op::AttrValue& result) {
  try {
    result = op::Numbers(value.cast<std::vector<double>>());
    return true;
  } catch (const py::cast_error&) {
    return false;
  }
}

bool load_dims(py::handle value, op::AttrValue& result) {
  try {
    result = value.cast<DimsArgument>().dims;
    return true;
  } catch (const py::cast_error&) {
    return false;
  }
}

bool is_integer(py::handle value) { return PyIndex_Check(value.ptr()) != 0 && !py::isinstance<py::bool_>(value); }
bool is_number(py::handle value) { return is_integer(value) || py::isinstance<py::float_>(value); }

bool load_content(py::handle value, op::AttrValue& result) {
  int64_t number = 0;
  try {
    if (!load_integer(value, &number)) return false;
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_OverflowError)) throw;
    return false;  // it does not fit, and the message names the argument
  }
  result = number;
  return true;
}

}  // namespace

bool load_attr(const AttrField& field, py::handle value, op::AttrValue& result) {
  switch (field.kind) {
    case AttrKind::boolean:
      if (!py::isinstance<py::bool_>(value)) return false;
      result = value.cast<bool>();
      return true;
    case AttrKind::integer: return load_content(value, result);
    case AttrKind::number:
      if (!is_number(value)) return false;
      result = PyFloat_AsDouble(value.ptr());
      if (PyErr_Occurred() == nullptr) return true;
      PyErr_Clear();
      return false;
    case AttrKind::element:
      if (py::isinstance<py::bool_>(value)) {
        result = value.cast<bool>();
      } else if (load_content(value, result)) {
        return true;
      } else if (py::isinstance<py::float_>(value)) {
        result = value.cast<double>();
      } else {
        return false;
      }
      return true;
    case AttrKind::dtype:
      if (const auto dtype = load_dtype(value)) {
        result = *dtype;
        return true;
      }
      return false;
    case AttrKind::dims: return load_dims(value, result);
    case AttrKind::numbers: return load_numbers(value, result);
    case AttrKind::text:
    case AttrKind::choice: break;
  }
  if (!py::isinstance<py::str>(value)) return false;
  const auto text = value.cast<std::string>();
  if (!op::may_be(field, text)) return false;
  result = op::Text(text);
  return true;
}

}  // namespace pydl::python
