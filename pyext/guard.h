// Guard: a Python value on which a program depends, and which is compared again in every call.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace pydl::python {

namespace py = pybind11;

class Guard {
 public:
  /// The value to compare; pydl/compiler/guards.py has the same numbers.
  enum class Kind : uint8_t {
    entry,      ///< holder[key] of a dict; with `is_absent`, that the key does not exist
    size,       ///< the number of entries of a dict
    cell,       ///< the value of a variable of an enclosing function
    attribute,  ///< getattr(holder, key)
    items,      ///< the items of a list, as a tuple
    equal,      ///< the holder itself, compared with a copy: sets, deques
    elements,   ///< the memory of an array, compared with a copy
  };

  /// From a tuple (kind, holder, key, value, is_absent, name).
  explicit Guard(const py::tuple& made);

  bool holds() const noexcept;
  /// A description of the change.
  std::string difference() const;
  int traverse(visitproc visit, void* arg) const;

 private:
  bool has_value(PyObject* found) const noexcept;
  bool items_hold() const noexcept;
  bool elements_hold() const noexcept;

  Kind kind_;
  bool is_absent_;
  py::object holder_;
  py::object key_;
  py::object value_;
  py::object name_;
};

}  // namespace pydl::python
