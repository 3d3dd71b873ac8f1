// Arguments of the functions that write to indexed positions.
#pragma once

#include <string>

#include "bindings.h"
#include "casters.h"
#include "pydl/scatter.h"

namespace pydl::python {

/// The reduction with that name; PyTorch's and our names of extrema are the same.
inline ScatterReduction scatter_reduction_of(const std::string& name) {
  if (name == "sum") return ScatterReduction::sum;
  if (name == "prod") return ScatterReduction::prod;
  if (name == "mean") return ScatterReduction::mean;
  if (name == "amin") return ScatterReduction::amin;
  if (name == "amax") return ScatterReduction::amax;
  throw ValueError(
      concat_text("scatter_reduce: expected reduce 'sum', 'prod', 'mean', 'amin' or 'amax', got '", name, "'"));
}

}  // namespace pydl::python
