// Guard: something of Python's that a program was made for, and that a call looks at again.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace pydl::python {

namespace py = pybind11;

class Guard {
 public:
  /// What is compared with `value`; pydl/compiler/guards.py has the same numbers.
  enum class Kind : uint8_t {
    entry,      ///< holder[key] of a dict; the value None in `is_absent` means that there is none
    size,       ///< the number of entries of a dict
    cell,       ///< what a variable of an enclosing function holds
    attribute,  ///< getattr(holder, key)
    items,      ///< the items of a list, as a tuple
    equal,      ///< the holder itself, with a copy: sets, deques
    elements,   ///< the memory of an array, with a copy
  };

  /// From a tuple (kind, holder, key, value, is_absent, name).
  explicit Guard(const py::tuple& made);

  bool holds() const noexcept;
  /// What changed, in words.
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
