#pragma once

#include <pybind11/pybind11.h>

namespace pydl::python {

namespace py = pybind11;

/// Gives every function and method of the module a signature that `inspect` can read, and error messages in terms of
/// the user's call. The module's initialiser calls this last.
void improve_calls(py::module_& module);

/// The arguments of a call, as CPython's vectorcall protocol hands them over.
struct CallArguments {
  py::tuple positional;
  py::dict keywords;
};
CallArguments call_arguments(PyObject* const* args, size_t nargsf, PyObject* names);

/// Throws the TypeError for constructor arguments that do not match.
[[noreturn]] void refuse_constructor(const char* name, const char* signature, PyObject* args, PyObject* kwargs);

}  // namespace pydl::python
