// Guard: something of Python's that a program was made for, and that a call looks at again; and all of a program.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "dict_version.h"

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
  /// The dict on whose entries alone it depends; null where there is none.
  PyObject* dict() const noexcept { return kind_ == Kind::entry || kind_ == Kind::size ? holder_.ptr() : nullptr; }
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

/// The guards of a program. Those of one dict are looked at only where the dict has changed: a model has thousands.
class Guards {
 public:
  Guards() = default;
  explicit Guards(const py::list& made);

  bool hold() const noexcept;
  /// What changed, in words; empty where all hold.
  std::string difference() const;
  int traverse(visitproc visit, void* arg) const;

 private:
  struct OfDict {
    DictVersion version;
    std::vector<uint32_t> guards;  // by number
    uint64_t seen;                 // the version with which they held
  };

  std::vector<Guard> all_;
  std::vector<uint32_t> always_;  // the numbers of those that are no entries of dicts
  mutable std::vector<OfDict> dicts_;
};

}  // namespace pydl::python
