// Optimiser updates: one op that updates all parameters in place.
#include "op/attrs/update.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/autograd.h"
#include "pydl/optim.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

namespace ops {

namespace {

// The number of tensors that an update overwrites per parameter, including the parameter itself.
int state_groups(const op::SgdAttrs& sgd) { return sgd.momentum != 0 ? 2 : 1; }
int state_groups(const op::RmspropAttrs& rmsprop) { return rmsprop.momentum != 0 ? 3 : 2; }
int state_groups(const op::AdamAttrs&) { return 3; }

template <class Fields>
int count_mutated(const Attrs& attrs, int) {
  const auto given = op::from_attrs<Fields>(attrs);
  return 1 + state_groups(given) * static_cast<int>(given.count);
}

template <OpId id, class Fields>
void infer_update(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec*, int64_t*) {
  const char* name = op::op_name(id);
  const auto given = op::from_attrs<Fields>(attrs);
  if (given.count < 0 || given.count > static_cast<int64_t>(inputs.size())) {
    throw ValueError(concat_text(name, ": expected a count of the ", inputs.size(), " tensors, got ", given.count));
  }
  const auto count = static_cast<size_t>(given.count);
  const auto groups = static_cast<size_t>(state_groups(given)) + 1;  // plus the gradients
  if (inputs.size() != 2 + groups * count) {
    throw ValueError(
        concat_text(name, ": expected ", groups, " lists of ", count, " tensors, got ", inputs.size() - 2, " tensors"));
  }
  const BufferSpec& step = inputs.front();
  const BufferSpec& lr = inputs.back();
  if (step.dtype != DType::int64 || !step.shape.empty() || lr.dtype != DType::float64 || !lr.shape.empty()) {
    throw TypeError(concat_text(name, ": expected step as int64 and lr as float64, both of rank 0"));
  }
  for (size_t i = 0; i < groups * count; ++i) {
    const BufferSpec& parameter = inputs[1 + i % count];
    const BufferSpec& other = inputs[1 + i];
    require_floating(name, parameter);
    if (other.dtype != parameter.dtype || other.shape != parameter.shape) {
      throw ValueError(concat_text(name, ": parameter ", i % count, " is ", parameter.dtype, " of shape ",
                                   parameter.shape, ", but its ", i >= (groups - 1) * count ? "gradient" : "state",
                                   " is ", other.dtype, " of shape ", other.shape));
    }
  }
}

void infer_sgd_update_rows(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec*, int64_t*) {
  const char* name = "sgd_update_rows";
  const BufferSpec& parameter = inputs[0];
  const BufferSpec& gradient = inputs[1];
  const BufferSpec& index = inputs[2];
  require_floating(name, parameter);
  require_same_dtype(name, parameter, gradient);
  Dims expected = index.shape;
  for (int axis = 1; axis < parameter.shape.rank(); ++axis) expected.push_back(parameter.shape[axis]);
  if (parameter.shape.empty() || index.dtype != DType::int64 || gradient.shape != expected) {
    throw ValueError(concat_text(name, ": a parameter of shape ", parameter.shape, " and an index of ", index.dtype,
                                 " and shape ", index.shape, " do not fit a gradient of shape ", gradient.shape));
  }
  const std::optional<int64_t> skip = op::from_attrs<op::SgdRowsAttrs>(attrs).skip;
  if (skip && (*skip < 0 || *skip >= parameter.shape[0])) {
    throw IndexError(concat_text(name, ": row ", *skip, " to skip is outside a table of shape ", parameter.shape));
  }
  if (inputs[3].dtype != DType::float64 || !inputs[3].shape.empty()) {
    throw TypeError(concat_text(name, ": expected lr as float64 of rank 0"));
  }
}

int count_one(const Attrs&, int) { return 1; }

}  // namespace

void define_update(Registry& registry) {
  // Updates, each fused over all parameters. They overwrite every input before the gradients. step is int64 (), lr is
  // float64 (); the kernel first adds 1 to step and then uses it. {count integer: the number n of parameters, ...}
  // (step, params n, velocities n if momentum != 0, grads n, lr) {momentum, dampening, weight_decay number; nesterov
  // bool}: at step 1 velocity = gradient, as in PyTorch
  registry.declare(OpId::sgd_update, {
                                         .doc = "Stochastic gradient descent with momentum.",
                                         .inputs = {"step", "tensors..."},
                                         .results = {},
                                         .attributes = op::fields_of<op::SgdAttrs>(),
                                         .traits = flag(op::Trait::mutates),
                                         .infer = infer_update<OpId::sgd_update, op::SgdAttrs>,
                                         .mutated = count_mutated<op::SgdAttrs>,
                                     });
  // (param (K, D...), g, index int64, lr): mutates only param, by the slices of g, as sgd_update does with
  // take_backward(g, index). {skip integer, optional}. Indices out of range are ignored
  registry.declare(OpId::sgd_update_rows,
                   {
                       .doc = "Stochastic gradient descent for the rows of a table that an index names.",
                       .inputs = {"parameter", "g", "index", "lr"},
                       .results = {},
                       .attributes = op::fields_of<op::SgdRowsAttrs>(),
                       .traits = flag(op::Trait::mutates),
                       .infer = infer_sgd_update_rows,
                       .mutated = count_one,
                   });
  // (step, params n, square_averages n, velocities n if momentum != 0, grads n, lr) {alpha, epsilon, momentum,
  // weight_decay number}, as in torch.optim.RMSprop
  registry.declare(OpId::rmsprop_update, {
                                             .doc = "RMSprop (Hinton, 2012).",
                                             .inputs = {"step", "tensors..."},
                                             .results = {},
                                             .attributes = op::fields_of<op::RmspropAttrs>(),
                                             .traits = flag(op::Trait::mutates),
                                             .infer = infer_update<OpId::rmsprop_update, op::RmspropAttrs>,
                                             .mutated = count_mutated<op::RmspropAttrs>,
                                         });
  // (step, params n, first_moments n, second_moments n, grads n, lr) {beta1, beta2, epsilon, weight_decay number;
  // decoupled bool: AdamW}, as in torch.optim.Adam
  registry.declare(OpId::adam_update, {
                                          .doc = "Adam (Kingma and Ba, 2014), or AdamW when decoupled.",
                                          .inputs = {"step", "tensors..."},
                                          .results = {},
                                          .attributes = op::fields_of<op::AdamAttrs>(),
                                          .traits = flag(op::Trait::mutates),
                                          .infer = infer_update<OpId::adam_update, op::AdamAttrs>,
                                          .mutated = count_mutated<op::AdamAttrs>,
                                      });
}

}  // namespace ops

namespace optim {

namespace {

// Runs an update on step, followed by the lists one after the other, followed by lr. Parameters are leaves that require
// gradients, so nothing is recorded here.
void apply_update(OpId id, const Attrs& attrs, const Tensor& step, std::initializer_list<std::span<const Tensor>> lists,
                  const Tensor& lr) {
  std::vector<Tensor> operands = {step};
  for (const auto& list : lists) operands.insert(operands.end(), list.begin(), list.end());
  operands.push_back(lr);
  const GradMode mode(false);
  op::apply(id, attrs, operands);
}

int64_t count_of(std::span<const Tensor> parameters) { return static_cast<int64_t>(parameters.size()); }

}  // namespace

void sgd_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> velocities,
                std::span<const Tensor> gradients, const Tensor& lr, const SgdOptions& options) {
  const op::SgdAttrs attrs = {count_of(parameters), options.momentum, options.dampening, options.weight_decay,
                              options.nesterov};
  apply_update(OpId::sgd_update, op::to_attrs(attrs), step, {parameters, velocities, gradients}, lr);
}

void sgd_update_rows(const Tensor& parameter, const Tensor& gradient, const Tensor& index, const Tensor& lr,
                     std::optional<int64_t> skip) {
  const GradMode mode(false);
  op::apply(OpId::sgd_update_rows, op::to_attrs(op::SgdRowsAttrs{skip}), {parameter, gradient, index, lr});
}

void rmsprop_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> square_averages,
                    std::span<const Tensor> velocities, std::span<const Tensor> gradients, const Tensor& lr,
                    const RmspropOptions& options) {
  const op::RmspropAttrs attrs = {count_of(parameters), options.alpha, options.epsilon, options.momentum,
                                  options.weight_decay};
  apply_update(OpId::rmsprop_update, op::to_attrs(attrs), step, {parameters, square_averages, velocities, gradients},
               lr);
}

void adam_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> first_moments,
                 std::span<const Tensor> second_moments, std::span<const Tensor> gradients, const Tensor& lr,
                 const AdamOptions& options) {
  const op::AdamAttrs attrs = {count_of(parameters), options.beta1,        options.beta2,
                               options.epsilon,      options.weight_decay, options.decoupled};
  apply_update(OpId::adam_update, op::to_attrs(attrs), step, {parameters, first_moments, second_moments, gradients},
               lr);
}

}  // namespace optim

}  // namespace pydl
