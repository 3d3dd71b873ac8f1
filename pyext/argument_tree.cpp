#include "argument_tree.h"

#include <bit>

#include "bindings.h"
#include "casters.h"
#include "pydl/ops.h"

namespace pydl::python {

namespace {

// Arrays of NumPy and other libraries. NumPy scalars are not sequences and count as numbers.
bool is_array(PyObject* object) {
  return PySequence_Check(object) != 0 && PyObject_HasAttrString(object, "__array_interface__") != 0;
}

// Kernels are prepared for row-major arguments.
Tensor as_argument(PyObject* object) { return contiguous(is_tensor(object) ? unwrap(object) : to_tensor(object)); }

bool equal(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b)) return false;
  // Compares bits, so that 0.0 differs from -0.0, and NaN equals itself.
  if (PyFloat_CheckExact(a)) {
    return std::bit_cast<uint64_t>(PyFloat_AS_DOUBLE(a)) == std::bit_cast<uint64_t>(PyFloat_AS_DOUBLE(b));
  }
  const int result = PyObject_RichCompareBool(a, b, Py_EQ);
  if (result < 0) PyErr_Clear();
  return result == 1;
}

std::string short_repr(py::handle object) {
  std::string text = py::repr(object).cast<std::string>();
  constexpr size_t longest = 60;
  return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

}  // namespace

ArgumentTree ArgumentTree::of(py::handle object, std::vector<Tensor>* tensors) {
  ArgumentTree tree;
  PyObject* raw = object.ptr();
  if (is_tensor(raw) || is_array(raw)) {
    tree.kind_ = Kind::tensor;
    tensors->push_back(as_argument(raw));
    tree.dtype_ = tensors->back().dtype();
    tree.shape_ = tensors->back().shape();
    tree.requires_grad_ = tensors->back().requires_grad();
  } else if (PyTuple_Check(raw) || PyList_CheckExact(raw)) {
    tree.kind_ = PyTuple_Check(raw) ? Kind::tuple : Kind::list;
    tree.object_ = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(Py_TYPE(raw)));
    for (const py::handle item : object) tree.children_.push_back(of(item, tensors));
  } else if (PyDict_CheckExact(raw)) {
    tree.kind_ = Kind::dict;
    py::list keys;
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(object)) {
      keys.append(key);
      tree.children_.push_back(of(value, tensors));
    }
    tree.object_ = py::tuple(keys);
  } else if (PyAnySet_Check(raw) || PyByteArray_Check(raw) || PyList_Check(raw) || PyDict_Check(raw)) {
    // Mutable objects are compared with a copy of their original state.
    tree.object_ = py::module_::import("copy").attr("copy")(object);
  } else {
    tree.object_ = py::reinterpret_borrow<py::object>(object);
  }
  return tree;
}

bool ArgumentTree::match(PyObject* object, std::vector<Tensor>* tensors) const {
  switch (kind_) {
    case Kind::tensor: {
      if (is_tensor(object)) {
        const Tensor& given = unwrap(object);
        if (given.dtype() != dtype_ || given.shape() != shape_ || given.requires_grad() != requires_grad_) return false;
        tensors->push_back(given.is_contiguous() ? given : contiguous(given));
        return true;
      }
      if (!is_array(object)) return false;
      Tensor given = as_argument(object);
      if (given.dtype() != dtype_ || given.shape() != shape_ || requires_grad_) return false;
      tensors->push_back(std::move(given));
      return true;
    }
    case Kind::tuple:
    case Kind::list: {
      if (reinterpret_cast<PyObject*>(Py_TYPE(object)) != object_.ptr()) return false;
      if (PySequence_Fast_GET_SIZE(object) != static_cast<Py_ssize_t>(children_.size())) return false;
      PyObject** items = PySequence_Fast_ITEMS(object);
      for (size_t i = 0; i < children_.size(); ++i) {
        if (!children_[i].match(items[i], tensors)) return false;
      }
      return true;
    }
    case Kind::dict: {
      if (!PyDict_CheckExact(object) || PyDict_Size(object) != static_cast<Py_ssize_t>(children_.size())) return false;
      for (size_t i = 0; i < children_.size(); ++i) {
        PyObject* value = PyDict_GetItem(object, PyTuple_GET_ITEM(object_.ptr(), static_cast<Py_ssize_t>(i)));
        if (value == nullptr || !children_[i].match(value, tensors)) return false;
      }
      return true;
    }
    case Kind::other: return equal(object_.ptr(), object);
  }
  return false;
}

py::object ArgumentTree::build(std::span<const Tensor> tensors, size_t* next) const {
  switch (kind_) {
    case Kind::tensor: return py::cast(tensors[(*next)++]);
    case Kind::tuple: {
      py::tuple items(children_.size());
      for (size_t i = 0; i < children_.size(); ++i) items[i] = children_[i].build(tensors, next);
      if (object_.ptr() == reinterpret_cast<PyObject*>(&PyTuple_Type)) return items;
      return object_(*items);  // a named tuple
    }
    case Kind::list: {
      py::list items(children_.size());
      for (size_t i = 0; i < children_.size(); ++i) items[i] = children_[i].build(tensors, next);
      return items;
    }
    case Kind::dict: {
      py::dict items;
      for (size_t i = 0; i < children_.size(); ++i) {
        items[PyTuple_GET_ITEM(object_.ptr(), static_cast<Py_ssize_t>(i))] = children_[i].build(tensors, next);
      }
      return items;
    }
    case Kind::other: return object_;
  }
  return py::none();
}

std::string ArgumentTree::difference(py::handle object, const std::string& path) const {
  PyObject* raw = object.ptr();
  if (kind_ == Kind::tensor) {
    if (!is_tensor(raw) && !is_array(raw)) return concat_text(path, ": ", short_repr(object), ", before a tensor");
    const Tensor given = as_argument(raw);
    if (given.shape() != shape_) return concat_text(path, ": shape ", given.shape(), ", before ", shape_);
    if (given.dtype() != dtype_) return concat_text(path, ": ", given.dtype(), ", before ", dtype_);
    return given.requires_grad() == requires_grad_ ? "" : path + ": requires_grad changed";
  }
  if (kind_ == Kind::other) {
    if (equal(object_.ptr(), raw)) return "";
    return concat_text(path, ": ", short_repr(object), ", before ", short_repr(object_));
  }
  if (kind_ == Kind::dict) {
    if (!PyDict_CheckExact(raw)) return path + ": not a dict, before a dict";
    for (size_t i = 0; i < children_.size(); ++i) {
      const py::handle key = PyTuple_GET_ITEM(object_.ptr(), static_cast<Py_ssize_t>(i));
      PyObject* value = PyDict_GetItem(raw, key.ptr());
      if (value == nullptr) return concat_text(path, ": no ", short_repr(key), ", before there was one");
      std::string found = children_[i].difference(value, concat_text(path, "[", short_repr(key), "]"));
      if (!found.empty()) return found;
    }
    return PyDict_Size(raw) == static_cast<Py_ssize_t>(children_.size()) ? "" : path + ": more entries than before";
  }
  if (reinterpret_cast<PyObject*>(Py_TYPE(raw)) != object_.ptr()) return path + ": a sequence of another type";
  if (PySequence_Fast_GET_SIZE(raw) != static_cast<Py_ssize_t>(children_.size())) {
    return concat_text(path, ": ", PySequence_Fast_GET_SIZE(raw), " items, before ", children_.size());
  }
  for (size_t i = 0; i < children_.size(); ++i) {
    std::string found = children_[i].difference(PySequence_Fast_GET_ITEM(raw, static_cast<Py_ssize_t>(i)),
                                                concat_text(path, "[", i, "]"));
    if (!found.empty()) return found;
  }
  return "";
}

std::string ArgumentTree::first_other_leaf(const std::string& path) const {
  if (kind_ == Kind::other && !object_.is_none()) {
    return concat_text(path, " is ", short_repr(object_), " (", Py_TYPE(object_.ptr())->tp_name, ")");
  }
  for (size_t i = 0; i < children_.size(); ++i) {
    const std::string position = kind_ == Kind::dict
                                     ? short_repr(PyTuple_GET_ITEM(object_.ptr(), static_cast<Py_ssize_t>(i)))
                                     : std::to_string(i);
    std::string found = children_[i].first_other_leaf(concat_text(path, "[", position, "]"));
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace pydl::python
