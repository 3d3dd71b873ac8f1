// Differentiation: the functions of the engine, which pydl/autograd.py wraps.
#include "pydl/autograd.h"
#include "bindings.h"
#include "casters.h"
#include "interpreter_exit.h"
#include "pydl/autocast.h"

namespace pydl::python {

namespace {

std::vector<Tensor> given_gradients(const std::vector<std::optional<Tensor>>& gradients) {
  std::vector<Tensor> result;
  for (const auto& gradient : gradients) result.push_back(gradient.value_or(Tensor{}));
  return result;
}

void run_backward(const Tensor& x, const std::optional<Tensor>& gradient, bool retain_graph, bool create_graph) {
  const py::gil_scoped_release release;
  x.backward(gradient.value_or(Tensor{}), retain_graph, create_graph);
}

std::vector<std::optional<Tensor>> run_grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                                            const std::vector<std::optional<Tensor>>& gradients, bool retain_graph,
                                            bool create_graph, bool allow_unused) {
  if (!gradients.empty() && gradients.size() != outputs.size()) {
    throw ValueError(
        concat_text("grad: expected a gradient for each of ", outputs.size(), " outputs, got ", gradients.size()));
  }
  std::vector<Tensor> results;
  {
    const std::vector<Tensor> weights = given_gradients(gradients);
    const py::gil_scoped_release release;
    results = grad(outputs, inputs, weights,
                   {.retain_graph = retain_graph, .create_graph = create_graph, .allow_unused = allow_unused});
  }
  std::vector<std::optional<Tensor>> found;
  for (Tensor& result : results) found.push_back(result.defined() ? std::optional(std::move(result)) : std::nullopt);
  return found;
}

// A Python callable that C++ may call and destroy on any thread, with or without the interpreter's lock.
std::shared_ptr<py::function> shared_callable(py::function function) {
  return {new py::function(std::move(function)), [](py::function* held) { drop_with_lock([held] { delete held; }); }};
}

using OptionalTensors = std::vector<std::optional<Tensor>>;

std::vector<Tensor> record_python_function(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                                           const py::object& backward) {
  const auto callable = shared_callable(py::function(backward));
  return record_function(inputs, outputs, [callable](std::span<const Tensor> gradients) {
    const py::gil_scoped_acquire lock;
    OptionalTensors given;
    for (const Tensor& gradient : gradients) {
      given.push_back(gradient.defined() ? std::optional(gradient) : std::nullopt);
    }
    return given_gradients((*callable)(given).cast<OptionalTensors>());
  });
}

}  // namespace

void define_autograd(py::module_& module, const py::object& type) {
  module.def("is_grad_enabled", grad_enabled,
             "Whether operations are recorded on this thread.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> with pydl.no_grad():\n...     pydl.is_grad_enabled()\nFalse\n");
  module.def("autocast_dtype", autocast_dtype,
             "The dtype that `pydl.autocast` set for this thread, or None.\n\nExamples\n--------\n>>> import pydl\n"
             ">>> with pydl.autocast(\"bfloat16\"):\n...     pydl._core.autocast_dtype()\npydl.bfloat16\n");
  module.def("set_autocast_dtype", set_autocast_dtype, py::arg("dtype"),
             "Sets the dtype of products on this thread. Prefer the context manager `autocast`.");
  module.def("set_grad_enabled", set_grad_enabled, py::arg("enabled"),
             "Turns recording on this thread on or off. Prefer the context managers `no_grad` and `enable_grad`.\n\n"
             "Examples\n--------\n>>> import pydl\n>>> pydl.set_grad_enabled(True)\n");
  method(type, "backward", run_backward, py::arg("gradient") = py::none(), py::arg("retain_graph") = false,
         py::arg("create_graph") = false,
         "Adds the gradients of this tensor to `grad` of every leaf that it depends on.\n\n"
         "Parameters\n----------\ngradient : Tensor, optional\n"
         "    Weight of each element, of the shape of this tensor; 1 for a single element.\n"
         "retain_graph : bool\n    Keep the tensors that the derivatives need, for another pass.\n"
         "create_graph : bool\n    Record the derivatives themselves, for higher-order derivatives.");
  module.def("_record_function", record_python_function, py::arg("inputs"), py::arg("outputs"), py::arg("backward"));
  module.def("_leaves_of", [](const std::vector<Tensor>& outputs) { return leaves_of(outputs); });
  module.def("_grad", run_grad, py::arg("outputs"), py::arg("inputs"), py::arg("grad_outputs"), py::arg("retain_graph"),
             py::arg("create_graph"), py::arg("allow_unused"));
}

}  // namespace pydl::python
