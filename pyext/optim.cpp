// Fused optimiser updates.
#include "pydl/optimizer.h"

#include "bindings.h"
#include "casters.h"
#include "core/named.h"
#include "op/attrs/update.h"
#include "optimizer_state.h"

namespace pydl::python {

namespace {

using Tensors = std::vector<Tensor>;

void update_sgd(const Tensor& step, const Tensors& params, const Tensors& velocities, const Tensors& grads,
                const Tensor& lr, double momentum, double dampening, double weight_decay, bool nesterov, bool decoupled,
                bool maximize) {
  const py::gil_scoped_release release;
  optim::sgd_update(step, params, velocities, grads, lr,
                    {.momentum = momentum,
                     .dampening = dampening,
                     .weight_decay = weight_decay,
                     .nesterov = nesterov,
                     .decoupled = decoupled,
                     .maximize = maximize});
}

void update_rmsprop(const Tensor& step, const Tensors& params, const Tensors& square_averages,
                    const Tensors& velocities, const Tensors& grads, const Tensor& lr, double alpha, double epsilon,
                    double momentum, double weight_decay) {
  const py::gil_scoped_release release;
  optim::rmsprop_update(step, params, square_averages, velocities, grads, lr,
                        {.alpha = alpha, .epsilon = epsilon, .momentum = momentum, .weight_decay = weight_decay});
}

void update_adam(const Tensor& step, const Tensors& params, const Tensors& first_moments, const Tensors& second_moments,
                 const Tensors& grads, const Tensor& lr, double beta1, double beta2, double epsilon,
                 double weight_decay, bool decoupled) {
  const py::gil_scoped_release release;
  optim::adam_update(
      step, params, first_moments, second_moments, grads, lr,
      {.beta1 = beta1, .beta2 = beta2, .epsilon = epsilon, .weight_decay = weight_decay, .decoupled = decoupled});
}

Tensor clip_gradients(const Tensors& parameters, double max_norm, bool error_if_nonfinite, double norm_type) {
  const py::gil_scoped_release release;
  try {
    return optim::clip_grad_norm(parameters, max_norm, error_if_nonfinite, norm_type);
  } catch (const TraceError& error) {  // other errors are renamed for all functions
    throw TraceError(core::renamed("clip_grad_norm_", error.what()));
  }
}

void clip_values(const Tensors& parameters, double max_value) {
  const py::gil_scoped_release release;
  optim::clip_grad_value(parameters, max_value);
}

// Binds an update whose states are a list of lists of tensors.
template <class Attrs, class Options>
void define_update(py::module_& module, const char* name, const char* doc) {
  module.def(
      name,
      [](const Tensor& step, const Tensors& params, const std::vector<Tensors>& states, const Tensors& grads,
         const Tensor& lr, const py::kwargs& options) {
        Attrs attrs;
        size_t known = 0;
        attrs.visit_fields([&](std::string_view field, auto& value) {
          const py::str key(field.data(), field.size());
          if (field == "count" || !options.contains(key)) return;
          value = options[key].template cast<std::remove_reference_t<decltype(value)>>();
          ++known;
        });
        if (known != options.size()) throw TypeError("an update was called with an unknown option");
        const py::gil_scoped_release release;
        optim::update(step, params, states, grads, lr, static_cast<const Options&>(attrs));
      },
      py::arg("step"), py::arg("params"), py::arg("states"), py::arg("grads"), py::arg("lr"), doc);
}

}  // namespace

void define_optim(py::module_& parent) {
  py::module_ module = parent.def_submodule(
      "optim",
      "Optimiser updates: all parameters in one pass, in place. `step` (int64) and `lr` (float64) have rank 0.");
  module.def("sgd_update", update_sgd, py::arg("step"), py::arg("params"), py::arg("velocities"), py::arg("grads"),
             py::arg("lr"), py::kw_only(), py::arg("momentum") = 0.0, py::arg("dampening") = 0.0,
             py::arg("weight_decay") = 0.0, py::arg("nesterov") = false, py::arg("decoupled") = false,
             py::arg("maximize") = false, "Stochastic gradient descent with momentum.");
  module.def(
      "sgd_update_rows",
      [](const Tensor& param, const Tensor& grad, const Tensor& index, const Tensor& lr, std::optional<int64_t> skip) {
        const py::gil_scoped_release release;
        optim::sgd_update_rows(param, grad, index, lr, skip);
      },
      py::arg("param"), py::arg("grad"), py::arg("index"), py::arg("lr"), py::arg("skip") = py::none(),
      "Stochastic gradient descent for the rows of a table that an index selects.");
  module.def("rmsprop_update", update_rmsprop, py::arg("step"), py::arg("params"), py::arg("square_averages"),
             py::arg("velocities"), py::arg("grads"), py::arg("lr"), py::kw_only(), py::arg("alpha") = 0.99,
             py::arg("epsilon") = 1e-8, py::arg("momentum") = 0.0, py::arg("weight_decay") = 0.0,
             "RMSprop (Hinton, 2012).");
  module.def("adam_update", update_adam, py::arg("step"), py::arg("params"), py::arg("first_moments"),
             py::arg("second_moments"), py::arg("grads"), py::arg("lr"), py::kw_only(), py::arg("beta1") = 0.9,
             py::arg("beta2") = 0.999, py::arg("epsilon") = 1e-8, py::arg("weight_decay") = 0.0,
             py::arg("decoupled") = false, "Adam (Kingma and Ba, 2014), or AdamW when decoupled.");
  module.def("clip_grad_norm_", clip_gradients, py::arg("parameters"), py::arg("max_norm"),
             py::arg("error_if_nonfinite") = false, py::arg("norm_type") = 2.0,
             "Scales gradients in place by their joint norm, and returns the norm before.");
  module.def("clip_grad_value_", clip_values, py::arg("parameters"), py::arg("max_value"),
             "Limits the elements of gradients in place.");
#define PYDL_DEFINE(name, Name) \
  define_update<op::Name##Attrs, optim::Name##Options>(module, #name "_update", "An update of all parameters: " #Name);
  PYDL_OTHER_UPDATES(PYDL_DEFINE)
#undef PYDL_DEFINE
  define_optimizer_state(module);
  define_lbfgs(module);
}

}  // namespace pydl::python
