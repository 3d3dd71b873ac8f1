// Attributes of ops out of Python objects.
#pragma once

#include <pybind11/pybind11.h>

#include "op/attrs.h"

namespace pydl::python {

namespace py = pybind11;

/// A value of the kind of the field; false where the object is none.
bool load_attr(const op::AttrField& field, py::handle value, op::AttrValue& result);

}  // namespace pydl::python
