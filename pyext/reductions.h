// What the bindings of losses have in common.
#pragma once

#include <string>

#include "bindings.h"
#include "pydl/losses.h"

namespace pydl::python {

inline Reduction reduction_of(const char* name, const std::string& reduction) {
  if (reduction == "mean") return Reduction::mean;
  if (reduction == "sum") return Reduction::sum;
  if (reduction == "none") return Reduction::none;
  throw ValueError(concat_text(name, ": expected reduction 'mean', 'sum' or 'none', got '", reduction, "'"));
}

/// A docstring of a loss: what it is, its parameters and errors, and an example whose first line imports pydl and the
/// functions as F.
inline std::string doc_of_loss(const std::string& summary, const std::string& parameters, const std::string& example,
                               const std::string& errors = "ValueError\n    When the shapes do not fit.\n",
                               const std::string& reduction = "{'mean', 'sum', 'none'}") {
  return summary + "\n\nParameters\n----------\n" + parameters + "reduction : " + reduction +
         "\n    Whether the values are averaged, added, or returned.\n\nRaises\n------\n" + errors +
         "\nExamples\n--------\n>>> import pydl\n>>> from pydl.nn import functional as F\n" + example;
}

void define_losses(py::module_& module);
void define_distances(py::module_& module);

using OptionalTensor = std::optional<Tensor>;

}  // namespace pydl::python
