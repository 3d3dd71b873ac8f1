// PyTorch's names of the operators that overwrite a tensor.
#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

using Operator = PyObject* (*)(PyObject*, PyObject*);

py::object apply_in_place(Operator function, const py::object& self, const py::object& other) {
  PyObject* result = function(self.ptr(), other.ptr());
  if (result == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

std::string doc_of(const char* symbol) {
  return concat_text("``x ", symbol, " other``, which overwrites the elements; returns the tensor itself.");
}

void define_in_place(const py::object& type, const char* name, const char* symbol, Operator function) {
  method(
      type, name,
      [function](const py::object& self, const py::object& other) { return apply_in_place(function, self, other); },
      py::arg("other"), doc_of(symbol).c_str());
}

// With `alpha`, a multiple of the other operand is added or subtracted.
void define_scaled(const py::object& type, const char* name, const char* symbol, Operator function) {
  method(
      type, name,
      [function](const py::object& self, const py::object& other, const py::object& alpha) {
        return apply_in_place(function, self, alpha.is_none() ? other : other * alpha);
      },
      py::arg("other"), py::kw_only(), py::arg("alpha") = py::none(),
      concat_text(doc_of(symbol), "\n\nWith `alpha`, the other operand is multiplied by it first.").c_str());
}

PyObject* power_in_place(PyObject* self, PyObject* other) { return PyNumber_InPlacePower(self, other, Py_None); }

}  // namespace

void define_in_place_methods(const py::object& type) {
  define_scaled(type, "add_", "+=", PyNumber_InPlaceAdd);
  define_scaled(type, "sub_", "-=", PyNumber_InPlaceSubtract);
  define_in_place(type, "mul_", "*=", PyNumber_InPlaceMultiply);
  define_in_place(type, "div_", "/=", PyNumber_InPlaceTrueDivide);
  define_in_place(type, "pow_", "**=", power_in_place);
  for (const char* name : {"clamp_", "clip_"}) {
    method(
        type, name,
        [](const py::object& self, const py::object& min, const py::object& max) {
          return self.attr("copy_")(self.attr("detach")().attr("clip")(min, max));
        },
        py::arg("min") = py::none(), py::arg("max") = py::none(),
        "Overwrites the elements by those of `pydl.clip`; returns the tensor itself.");
  }
}

}  // namespace pydl::python
