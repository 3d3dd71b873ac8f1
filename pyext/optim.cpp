// Fused optimiser updates.
#include "pydl/optimizer.h"

#include "bindings.h"
#include "casters.h"
#include "core/named.h"
#include "optimizer_state.h"

namespace pydl::python {

namespace {

using Tensors = std::vector<Tensor>;

void update_sgd(const Tensor& step, const Tensors& params, const Tensors& velocities, const Tensors& grads,
                const Tensor& lr, double momentum, double dampening, double weight_decay, bool nesterov) {
  const py::gil_scoped_release release;
  optim::sgd_update(step, params, velocities, grads, lr,
                    {.momentum = momentum, .dampening = dampening, .weight_decay = weight_decay, .nesterov = nesterov});
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

Tensor clip_gradients(const Tensors& parameters, double max_norm, bool error_if_nonfinite) {
  const py::gil_scoped_release release;
  try {
    return optim::clip_grad_norm(parameters, max_norm, error_if_nonfinite);
  } catch (const TraceError& error) {  // other errors are renamed for all functions
    throw TraceError(core::renamed("clip_grad_norm_", error.what()));
  }
}

}  // namespace

void define_optim(py::module_& parent) {
  py::module_ module = parent.def_submodule(
      "optim",
      "Optimiser updates: all parameters in one pass, in place. `step` (int64) and `lr` (float64) have rank 0.");
  module.def("sgd_update", update_sgd, py::arg("step"), py::arg("params"), py::arg("velocities"), py::arg("grads"),
             py::arg("lr"), py::kw_only(), py::arg("momentum") = 0.0, py::arg("dampening") = 0.0,
             py::arg("weight_decay") = 0.0, py::arg("nesterov") = false, "Stochastic gradient descent with momentum.");
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
             py::arg("error_if_nonfinite") = false,
             "Scales gradients in place by their joint Euclidean norm, and returns the norm before.");
  define_optimizer_state(module);
}

}  // namespace pydl::python
