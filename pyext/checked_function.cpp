// `_CheckedFunction(function, explain)`: a Python function with better messages for wrong arguments. It is written in C
// because a Python wrapper would add a stack frame, and warnings count frames to find the line that they report.
#include <pybind11/pybind11.h>
// After Python.h.
#include <structmember.h>

#include <cstddef>
#include <cstring>

#include "bindings.h"
#include "call_messages.h"

namespace pydl::python {

namespace {

struct CheckedFunction {
  PyObject_HEAD PyObject* function;
  PyObject* explain;  // (this object, arguments, keywords) -> message or None
  PyObject* attributes;
  vectorcallfunc vectorcall;
};

CheckedFunction* checked(PyObject* self) { return reinterpret_cast<CheckedFunction*>(self); }

// Improves the message of a TypeError if there is a better one; otherwise the error stays unchanged.
void explain_arguments(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) {
  py::error_already_set error;
  try {
    const auto [positional, keywords] = call_arguments(args, nargsf, names);
    const py::object message = py::handle(checked(self)->explain)(py::handle(self), positional, keywords);
    if (message.is_none()) return error.restore();
    PyErr_SetObject(PyExc_TypeError, message.ptr());
  } catch (py::error_already_set& other) {
    other.discard_as_unraisable("an explanation of an error by pydl");
    error.restore();
  }
}

bool has_parameter(py::handle code, const char* name) {
  const auto count = code.attr("co_argcount").cast<size_t>() + code.attr("co_kwonlyargcount").cast<size_t>();
  const py::tuple variables = code.attr("co_varnames");
  for (size_t i = 0; i < count; ++i) {
    if (PyUnicode_CompareWithASCIIString(variables[i].ptr(), name) == 0) return true;
  }
  return false;
}

// The function that has the parameters: `names_errors` wraps it in one that takes all.
py::object without_wrappers(PyObject* function) {
  auto inner = py::reinterpret_borrow<py::object>(function);
  while (py::hasattr(inner, "__wrapped__")) inner = inner.attr("__wrapped__");
  return inner;
}

// The names with our spellings where a call failed because of PyTorch's; undefined where they are not the reason. A
// name that the function does not have keeps its body from running, so that it can be called again.
py::object respelt_names(PyObject* function, PyObject* names) {
  py::error_already_set error;
  try {
    const py::object code = without_wrappers(function).attr("__code__");
    constexpr int takes_keywords = 0x08;
    if ((code.attr("co_flags").cast<int>() & takes_keywords) == 0) {
      py::object ours = respelt([&](const char* name) { return has_parameter(code, name); }, names);
      if (ours) return ours;
    }
  } catch (py::error_already_set& other) {
    other.discard_as_unraisable("reading the arguments of a function of pydl");
  }
  error.restore();
  return {};
}

PyObject* call_checked(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) noexcept {
  PyObject* function = checked(self)->function;
  PyObject* result = PyObject_Vectorcall(function, args, nargsf, names);
  if (result != nullptr || PyErr_ExceptionMatches(PyExc_TypeError) == 0) return result;
  if (names != nullptr) {
    if (const py::object ours = respelt_names(function, names)) {
      result = PyObject_Vectorcall(function, args, nargsf, ours.ptr());
      if (result != nullptr || PyErr_ExceptionMatches(PyExc_TypeError) == 0) return result;
      explain_arguments(self, args, nargsf, ours.ptr());
      return nullptr;
    }
  }
  explain_arguments(self, args, nargsf, names);
  return nullptr;
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject*) {
  PyObject* function = nullptr;
  PyObject* explain_by = nullptr;
  if (PyArg_ParseTuple(args, "OO", &function, &explain_by) == 0) return nullptr;
  PyObject* self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  checked(self)->function = Py_NewRef(function);
  checked(self)->explain = Py_NewRef(explain_by);
  checked(self)->vectorcall = call_checked;
  return self;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(checked(self)->function);
  Py_VISIT(checked(self)->explain);
  Py_VISIT(checked(self)->attributes);
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(checked(self)->function);
  Py_CLEAR(checked(self)->explain);
  Py_CLEAR(checked(self)->attributes);
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* bind(PyObject* self, PyObject* object, PyObject*) {
  return object == nullptr || object == Py_None ? Py_NewRef(self) : PyMethod_New(self, object);
}

// Name, docstring, code, defaults and so on are those of the function.
PyObject* get_attribute(PyObject* self, PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  const bool of_function = text != nullptr && text[0] == '_' && text[1] == '_' && std::strcmp(text, "__class__") != 0 &&
                           std::strcmp(text, "__dict__") != 0 && std::strcmp(text, "__wrapped__") != 0 &&
                           std::strcmp(text, "__reduce__") != 0 && std::strcmp(text, "__reduce_ex__") != 0 &&
                           std::strcmp(text, "__get__") != 0 && std::strcmp(text, "__call__") != 0;
  if (of_function) return PyObject_GetAttr(checked(self)->function, name);
  PyObject* value = PyObject_GenericGetAttr(self, name);
  if (value != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return value;
  PyErr_Clear();
  return PyObject_GetAttr(checked(self)->function, name);
}

PyObject* represent(PyObject* self) { return PyObject_Repr(checked(self)->function); }

// Pickled by name, as functions are.
PyObject* reduce(PyObject* self, PyObject*) { return PyObject_GetAttrString(checked(self)->function, "__qualname__"); }

PyMethodDef methods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__wrapped__", T_OBJECT_EX, offsetof(CheckedFunction, function), READONLY, nullptr},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(CheckedFunction, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(CheckedFunction, attributes), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

template <class Function>
PyType_Slot slot(int id, Function* function) {
  return {id, reinterpret_cast<void*>(function)};
}

}  // namespace

void define_checked_function(py::module_& module) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("A Python function with better messages for wrong arguments.")},
      slot(Py_tp_new, make),
      slot(Py_tp_traverse, traverse),
      slot(Py_tp_clear, clear),
      slot(Py_tp_dealloc, destroy),
      slot(Py_tp_descr_get, bind),
      slot(Py_tp_call, PyVectorcall_Call),
      slot(Py_tp_getattro, get_attribute),
      slot(Py_tp_setattro, PyObject_GenericSetAttr),
      slot(Py_tp_repr, represent),
      {Py_tp_methods, methods},
      {Py_tp_members, members},
      {0, nullptr},
  };
  PyType_Spec spec = {
      "pydl._core._CheckedFunction", sizeof(CheckedFunction), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, slots};
  PyObject* type = PyType_FromSpec(&spec);
  if (type == nullptr) throw py::error_already_set();
  module.attr("_CheckedFunction") = py::reinterpret_steal<py::object>(type);
}

}  // namespace pydl::python
