// L-BFGS: C++ makes the iterations, and calls Python's closure for the loss and the gradients.
#include "optim/lbfgs_state.h"

#include "bindings.h"
#include "casters.h"

namespace pydl::python {

namespace {

using optim::LbfgsMemory;

optim::LbfgsOptions lbfgs_options(const py::dict& given, std::optional<double> norm, std::optional<double> value) {
  return {.iterations = given["max_iter"].cast<int64_t>(),
          .calls = given["max_eval"].cast<int64_t>(),
          .gradient_tolerance = given["tolerance_grad"].cast<double>(),
          .change_tolerance = given["tolerance_change"].cast<double>(),
          .history = given["history_size"].cast<int64_t>(),
          .line_search = !given["line_search_fn"].is_none(),
          .clipping = {norm, value}};
}

double call_closure(const py::function& closure) {
  const py::object loss = closure();
  if (loss.is_none()) throw TypeError("LBFGS.step: expected the closure to return the loss, got None");
  const py::float_ value = py::reinterpret_steal<py::float_>(PyNumber_Float(loss.ptr()));
  if (!value) throw py::error_already_set();
  return value.cast<double>();
}

// Iterations change a copy of the memory, because other threads and the closure may read it meanwhile. They see it as
// it is before each call of the closure, which is also what an error in the closure leaves behind.
double make_step(LbfgsMemory& self, const std::vector<Tensor>& parameters, const Tensor& lr, const py::dict& options,
                 std::optional<double> norm, std::optional<double> value, const py::function& closure) {
  const optim::LbfgsOptions chosen = lbfgs_options(options, norm, value);
  LbfgsMemory memory = self;
  const auto compute = [&] {
    const py::gil_scoped_acquire lock;
    self = memory;
    return call_closure(closure);
  };
  const double loss = [&] {
    const py::gil_scoped_release release;
    return memory.iterate(parameters, chosen, lr, compute);
  }();
  self = std::move(memory);
  return loss;
}

LbfgsMemory copy_of_memory(const LbfgsMemory& self, const py::object&) {
  const auto copied = [](const Tensor& tensor) { return tensor.defined() ? copy(tensor) : Tensor{}; };
  LbfgsMemory result = self;
  result.direction = copied(self.direction);
  result.gradient = copied(self.gradient);
  for (LbfgsMemory::Pair& pair : result.pairs) pair = {copied(pair.step), copied(pair.change), pair.curvature};
  return result;
}

double load_memory(LbfgsMemory& self, const std::map<std::string, Tensor>& tensors,
                   const std::vector<Tensor>& parameters, const std::string& caller) {
  ParamSet states;
  states.tensors.assign(tensors.begin(), tensors.end());
  return self.load(states, parameters, caller);
}

}  // namespace

void define_lbfgs(py::module_& module) {
  py::class_<LbfgsMemory>(module, "_LbfgsMemory", "The last steps of L-BFGS, and the changes of the gradient.")
      .def(py::init<>())
      .def("step", make_step, py::arg("parameters"), py::arg("lr"), py::arg("options"), py::arg("clip_norm"),
           py::arg("clip_value"), py::arg("closure"), "Makes several iterations and returns the loss before them.")
      .def_readonly("iterations", &LbfgsMemory::iterations)
      .def(
          "tensors", [](const LbfgsMemory& self, const Tensor& lr) { return self.tensors(lr).tensors; }, py::arg("lr"))
      .def("load", load_memory, py::arg("states"), py::arg("parameters"), py::arg("caller"),
           "Returns the learning rate.")
      .def("__deepcopy__", copy_of_memory, py::arg("memo"));
}

}  // namespace pydl::python
