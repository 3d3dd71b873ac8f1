// Other libraries' names for functions.
#pragma once

#include "bindings.h"

namespace pydl::python {

/// After all functions that are named.
void define_aliases(py::module_& module, const py::object& type);

}  // namespace pydl::python
