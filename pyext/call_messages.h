#pragma once

#include <pybind11/pybind11.h>

#include <functional>

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

/// The names of the keywords of a call, with our spelling where the function has no parameter of the name that was
/// typed but one of ours with the same meaning (`dim` for `axis`); undefined where nothing changes. The first argument
/// says whether the function has a parameter of a name.
py::object respelt(const std::function<bool(const char*)>& has_parameter, PyObject* names);

/// Throws the TypeError for constructor arguments that do not match.
[[noreturn]] void refuse_constructor(const char* name, const char* signature, PyObject* args, PyObject* kwargs);

}  // namespace pydl::python
