#pragma once

#include <pybind11/pybind11.h>

namespace pydl::python {

namespace py = pybind11;

/// Gives every function and method of the module a signature that `inspect` reads and messages in the words of its
/// caller. The last thing that the module's initialiser does.
void improve_calls(py::module_& module);

/// The arguments of a call, as CPython's vectorcall protocol hands them over.
struct CallArguments {
  py::tuple positional;
  py::dict keywords;
};
CallArguments call_arguments(PyObject* const* args, size_t nargsf, PyObject* names);

/// Throws the TypeError of a constructor whose arguments do not fit.
[[noreturn]] void refuse_constructor(const char* name, const char* signature, PyObject* args, PyObject* kwargs);

}  // namespace pydl::python
