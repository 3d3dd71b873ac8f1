// ArgumentTree: the structure of arguments or results. Tensors are located in tuples, lists and dicts; everything else
// is compared by value.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "pydl/tensor.h"

namespace pydl::python {

namespace py = pybind11;

class ArgumentTree {
 public:
  /// The structure of an object; its tensors are appended to `tensors`. Arrays count as tensors.
  static ArgumentTree of(py::handle object, std::vector<Tensor>* tensors);

  /// Whether another object has this structure, with tensors of the same dtype, shape and `requires_grad`, and
  /// everything else equal. Its tensors are appended.
  bool match(PyObject* object, std::vector<Tensor>* tensors) const;
  /// An object with this structure and other tensors; `next` counts the tensors that are used.
  py::object build(std::span<const Tensor> tensors, size_t* next) const;
  /// The position and kind of the first difference: `[0]: shape (32, 4), before (128, 4)`; empty if there is none.
  std::string difference(py::handle object, const std::string& path) const;
  /// The path and type of the first leaf that is neither a tensor nor None; empty if there is none.
  std::string first_other_leaf(const std::string& path) const;

 private:
  enum class Kind : uint8_t { tensor, tuple, list, dict, other };
  Kind kind_ = Kind::other;
  py::object object_;  // the type of a tuple, the keys of a dict, or the value to compare with
  DType dtype_ = DType::float32;
  Dims shape_;
  bool requires_grad_ = false;
  std::vector<ArgumentTree> children_;
};

}  // namespace pydl::python
