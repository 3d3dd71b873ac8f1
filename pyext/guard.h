// Guard: a Python value on which a program depends, and which is compared again in every call; and all of a program.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "optimizer_state.h"

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
    structure,  ///< how often the tensors of an optimiser's state were made anew
  };

  /// From a tuple (kind, holder, key, value, is_absent, name).
  explicit Guard(const py::tuple& made);

  bool holds() const noexcept;
  /// The dict on whose entries alone it depends, or null.
  PyObject* dict() const noexcept { return kind_ == Kind::entry || kind_ == Kind::size ? holder_.ptr() : nullptr; }
  /// The key and value of an entry that exists, or null.
  PyObject* key() const noexcept { return kind_ == Kind::entry && !is_absent_ ? key_.ptr() : nullptr; }
  PyObject* value() const noexcept { return value_.ptr(); }
  bool is_size() const noexcept { return kind_ == Kind::size; }
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
  std::shared_ptr<const optim::Optimizer::State> optimizer_;  // for `structure`
};

/// The guards of a program: a model has thousands. Those of one dict are looked at together, and only where it may have
/// changed.
class Guards {
 public:
  Guards() = default;
  explicit Guards(const py::list& made);

  bool hold() const noexcept;
  /// What changed, in words; empty where all hold.
  std::string difference() const;
  int traverse(visitproc visit, void* arg) const;

 private:
  // An entry of a dict as it was; the value is null where any will do.
  struct Known {
    PyObject* key;
    PyObject* value;
  };
  struct OfDict {
    PyObject* dict;
    std::vector<uint32_t> guards;  // by number
    std::vector<Known> entries;    // all of the dict, where one walk can compare them
    uint64_t version = 0;          // with which they held
  };

  void know_entries(OfDict& dict) const;
  bool hold(OfDict& dict) const noexcept;
  static bool is_known(const OfDict& dict) noexcept;

  std::vector<Guard> all_;
  std::vector<uint32_t> always_;  // the numbers of those that are not of dicts
  mutable std::vector<OfDict> dicts_;
};

}  // namespace pydl::python
