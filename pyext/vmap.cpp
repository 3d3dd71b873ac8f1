// The batches of `pydl.vmap`.
#include "bindings.h"
#include "casters.h"
#include "vmap/batch_trace.h"

namespace pydl::python {

namespace {

// The function runs between `__enter__` and `__exit__`.
void leave_batch(vmap::BatchTrace& batch, const py::object& error_type, const py::args&) {
  if (error_type.is_none()) {
    batch.stop();
  } else {
    batch.abandon();
  }
}

}  // namespace

void define_vmap(py::module_& module) {
  py::class_<vmap::BatchTrace>(module, "_Batch", "Runs a function that is written for one example on a batch.")
      .def(py::init<int64_t>(), py::arg("size"))
      .def("argument", &vmap::BatchTrace::argument, py::arg("tensor"), py::arg("axis"))
      .def("result", &vmap::BatchTrace::result, py::arg("example"), py::arg("axis"))
      .def("__enter__", &vmap::BatchTrace::start)
      .def("__exit__", leave_batch);
}

}  // namespace pydl::python
