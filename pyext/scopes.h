// C++ scopes as context managers of Python.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "pydl/tensor.h"

namespace pydl::python {

namespace py = pybind11;

/// A C++ scope as a context manager. Entering and leaving it are single calls into C++. Python handles signals only
/// between instructions and after calls, so a KeyboardInterrupt comes either before the switch and its undoing are in
/// position, or after. A context manager may be entered again while it is open.
template <class CppScope>
class ScopeStack {
 public:
  template <class... Arguments>
  void enter(const Arguments&... arguments) {
    open_.push_back(std::make_unique<CppScope>(arguments...));
  }
  void leave() {
    if (open_.empty()) throw Error("a scope was left that had not been entered");
    open_.pop_back();
  }

 private:
  std::vector<std::unique_ptr<CppScope>> open_;
};

/// A context manager for a C++ scope without arguments.
template <class CppScope>
void define_scope(py::module_& module, const char* name, const char* doc) {
  using Scope = ScopeStack<CppScope>;
  py::class_<Scope>(module, name, doc)
      .def(py::init<>())
      .def("__enter__", [](Scope& scope) { scope.enter(); })
      .def("__exit__", [](Scope& scope, const py::args&) { scope.leave(); });
}

}  // namespace pydl::python
