// Differentiation: the functions of the engine, which pydl/autograd.py wraps.
#include "pydl/autograd.h"
#include "bindings.h"
#include "casters.h"
#include "interpreter_exit.h"
#include "pydl/autocast.h"
#include "scopes.h"

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
                                            bool create_graph, bool allow_unused, bool input_hooks) {
  if (!gradients.empty() && gradients.size() != outputs.size()) {
    throw ValueError(
        concat_text("grad: expected a gradient for each of ", outputs.size(), " outputs, got ", gradients.size()));
  }
  std::vector<Tensor> results;
  {
    const std::vector<Tensor> weights = given_gradients(gradients);
    const py::gil_scoped_release release;
    results = grad(outputs, inputs, weights,
                   {.retain_graph = retain_graph,
                    .create_graph = create_graph,
                    .allow_unused = allow_unused,
                    .input_hooks = input_hooks});
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

OptionalTensors as_optional(std::span<const Tensor> tensors) {
  OptionalTensors result;
  for (const Tensor& tensor : tensors) result.push_back(tensor.defined() ? std::optional(tensor) : std::nullopt);
  return result;
}

std::vector<Tensor> record_python_function(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                                           const py::object& backward) {
  const auto callable = shared_callable(py::function(backward));
  return record_function(inputs, outputs, [callable](std::span<const Tensor> gradients) {
    const py::gil_scoped_acquire lock;
    return given_gradients((*callable)(as_optional(gradients)).cast<OptionalTensors>());
  });
}

// The derivative receives (gradients, saved outputs).
std::vector<Tensor> record_named_function(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                                          std::string name, std::vector<size_t> saved, const py::object& backward) {
  const auto callable = shared_callable(py::function(backward));
  return record_function(inputs, outputs, {.name = std::move(name), .saved = std::move(saved)},
                         [callable](std::span<const Tensor> gradients, std::span<const Tensor> unpacked) {
                           const py::gil_scoped_acquire lock;
                           const std::vector<Tensor> held(unpacked.begin(), unpacked.end());
                           return given_gradients((*callable)(as_optional(gradients), held).cast<OptionalTensors>());
                         });
}

HookHandle register_python_hook(const Tensor& x, const py::function& hook) {
  return register_hook(x, [callable = shared_callable(hook)](const Tensor& gradient) {
    const py::gil_scoped_acquire lock;
    const py::object result = (*callable)(gradient);
    if (result.is_none()) return Tensor{};
    if (is_tensor(result.ptr())) return unwrap(result.ptr());
    throw TypeError(concat_text("register_hook: expected the hook to return a tensor or None, got ",
                                py::str(py::type::of(result).attr("__name__")).cast<std::string>()));
  });
}

HookHandle register_python_post_hook(const py::object& self, const py::function& hook) {
  return register_post_accumulate_grad_hook(unwrap(self.ptr()), [callable = shared_callable(hook)](const Tensor& leaf) {
    const py::gil_scoped_acquire lock;
    (*callable)(leaf);
  });
}

void define_hooks(py::module_& module, const py::object& type) {
  py::class_<HookHandle>(module, "RemovableHandle",
                         "Removes a hook: call `remove`, or use the handle in a ``with`` statement.\n\n"
                         "Examples\n--------\n>>> import pydl\n"
                         ">>> x = pydl.tensor([1.0, 2.0], requires_grad=True)\n"
                         ">>> handle = x.register_hook(lambda gradient: gradient * 10)\n"
                         ">>> x.sum().backward()\n>>> handle.remove()\n>>> x.grad.tolist()\n[10.0, 10.0]\n")
      .def(py::init([](const py::function& remove) {
             return HookHandle([callable = shared_callable(remove)] {
               const py::gil_scoped_acquire lock;
               (*callable)();
             });
           }),
           py::arg("remove"))
      .def("remove", &HookHandle::remove, "Removes the hook; does nothing if it has been removed already.")
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__", [](const HookHandle& handle, const py::args&) { handle.remove(); });
  method(
      type, "register_hook", register_python_hook, py::arg("hook"),
      "Calls ``hook(gradient)`` in every backward pass that computes the gradient of this tensor.\n\n"
      "What the hook returns, a tensor of the same shape, takes the place of the gradient; None keeps it. Hooks run\n"
      "in the order in which they were registered, with the whole gradient, before it is added to `grad` of a leaf\n"
      "or handed on by a result. With ``create_graph=True`` what they do is recorded. Hooks of results are freed\n"
      "together with what derivatives need, unless ``retain_graph=True``; those of leaves stay until they are\n"
      "removed, and keep alive what they refer to.\n\n"
      "Parameters\n----------\nhook : callable\n    From a Tensor to a Tensor or None.\n\n"
      "Returns\n-------\nRemovableHandle\n    Has `remove`, and is a context manager.\n\n"
      "Raises\n------\nRuntimeError\n    For a tensor that does not require a gradient.\n\n"
      "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([1.0, 2.0], requires_grad=True)\n"
      ">>> y = x * 3\n>>> _ = y.register_hook(lambda gradient: gradient.clip(-1, 1))\n"
      ">>> (y * 100).sum().backward()\n>>> x.grad.tolist()\n[3.0, 3.0]\n");
  method(type, "register_post_accumulate_grad_hook", register_python_post_hook, py::arg("hook"),
         "Calls ``hook(leaf)`` at the end of every `backward` that added to `grad` of this leaf.\n\n"
         "Parameters\n----------\nhook : callable\n    Called with this tensor.\n\n"
         "Returns\n-------\nRemovableHandle\n    Has `remove`, and is a context manager.\n\n"
         "Raises\n------\nRuntimeError\n    For a tensor that is not a leaf, or does not require a gradient.");
  method(type, "retain_grad", &retain_grad,
         "Lets `backward` add to `grad` of this tensor, although it is the result of recorded operations.\n\n"
         "Examples\n--------\n>>> import pydl\n>>> x = pydl.tensor([1.0, 2.0], requires_grad=True)\n"
         ">>> y = x * 3\n>>> y.retain_grad()\n>>> (y * y).sum().backward()\n>>> y.grad.tolist()\n[6.0, 12.0]\n");
  property(type, "retains_grad", retains_grad, "Whether `retain_grad` was called on this result.");
  property(
      type, "grad_fn",
      [](const Tensor& x) -> std::optional<std::string> {
        std::string name = recorded_op(x);
        return name.empty() ? std::nullopt : std::optional(std::move(name));
      },
      "The name of the operation that computed this tensor, if that was recorded; None for leaves.");
}

struct PythonAnomalyScope {
  bool enabled;
  bool infinities;
  ScopeStack<AnomalyScope> scopes;
};

void define_anomaly(py::module_& module) {
  py::class_<PythonAnomalyScope>(module, "_AnomalyScope", "Looks for NaN and infinities in a scope.")
      .def(py::init([](bool enabled, bool infinities) {
             return std::make_unique<PythonAnomalyScope>(PythonAnomalyScope{enabled, infinities, {}});
           }),
           py::arg("enabled"), py::arg("infinities"))
      .def("__enter__", [](PythonAnomalyScope& scope) { scope.scopes.enter(scope.enabled, scope.infinities); })
      .def("__exit__", [](PythonAnomalyScope& scope, const py::args&) { scope.scopes.leave(); });
  module.def("_detects_anomaly", detects_anomaly);
  module.def(
      "_set_detect_anomaly",
      [](bool enabled, bool infinities) {
        const auto before = py::make_tuple(detects_anomaly(), detects_infinities());
        set_detect_anomaly(enabled, infinities);
        return before;
      },
      py::arg("enabled"), py::arg("infinities"));
  module.def("_set_anomaly_locator", [](const py::function& locator) {
    set_anomaly_locator([callable = shared_callable(locator)](bool with_layer) {
      const py::gil_scoped_acquire lock;
      return (*callable)(with_layer).cast<std::string>();
    });
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
  module.def("_record_named_function", record_named_function, py::arg("inputs"), py::arg("outputs"), py::arg("name"),
             py::arg("saved"), py::arg("backward"));
  py::class_<SavedTensor>(module, "_SavedTensor", "A tensor that a derivative reads; it does not own a leaf.")
      .def(py::init<const Tensor&>(), py::arg("tensor"))
      .def("unpack", &SavedTensor::unpack, py::arg("function"));
  define_hooks(module, type);
  define_anomaly(module);
  module.def(
      "_backward",
      [](const std::vector<Tensor>& outputs, const OptionalTensors& gradients, bool retain_graph, bool create_graph) {
        if (gradients.size() != outputs.size()) {
          throw ValueError(concat_text("backward: expected a gradient for each of ", outputs.size(), " tensors, got ",
                                       gradients.size()));
        }
        const std::vector<Tensor> weights = given_gradients(gradients);
        const py::gil_scoped_release release;
        backward(outputs, weights, {.retain_graph = retain_graph, .create_graph = create_graph});
      },
      py::arg("outputs"), py::arg("gradients"), py::arg("retain_graph"), py::arg("create_graph"));
  module.def("_leaves_of", [](const std::vector<Tensor>& outputs) { return leaves_of(outputs); });
  module.def("_grad", run_grad, py::arg("outputs"), py::arg("inputs"), py::arg("grad_outputs"), py::arg("retain_graph"),
             py::arg("create_graph"), py::arg("allow_unused"), py::arg("input_hooks") = true);
}

}  // namespace pydl::python
