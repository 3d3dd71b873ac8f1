// Arguments of the functions on shapes: sequences of tensors, and numbers for several axes.
#pragma once

#include <string>
#include <vector>

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

/// The tensors in a sequence.
std::vector<Tensor> tensors_of(const char* name, const py::object& source);
/// `*tensors` of functions like meshgrid: tensors, or a single sequence of them.
std::vector<Tensor> tensors_of_varargs(const char* name, const py::args& arguments);

inline int64_t total_size(const std::vector<Tensor>& tensors) {
  int64_t total = 0;
  for (const Tensor& tensor : tensors) total += tensor.size();
  return total;
}

/// Parts of an axis: of the given sizes, or a number of equal ones.
std::vector<Tensor> split_into(const Tensor& x, const py::object& parts, int64_t axis);

/// A docstring: what is returned, and an example whose first line imports pydl.
inline std::string doc_with_example(const std::string& summary, const std::string& example) {
  return summary + "\n\nExamples\n--------\n>>> import pydl\n" + example;
}

}  // namespace pydl::python
