// The state of an optimiser as Python's `Optimizer` holds it.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "optim/optimizer_state.h"

namespace pydl::python {

namespace py = pybind11;

/// The state in a `_core.optim._OptimizerState`; throws a `TypeError` for other objects.
std::shared_ptr<const optim::Optimizer::State> optimizer_state(py::handle object);

/// Adds `_OptimizerState`.
void define_optimizer_state(py::module_& module);

}  // namespace pydl::python
