// Optimiser updates: one op that updates all parameters in place.
#include "op/attrs/update.h"
#include "core/named.h"
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

template <class Fields>
int count_mutated(const Attrs& attrs, int) {
  const auto given = op::from_attrs<Fields>(attrs);
  const auto lists = static_cast<int>(op::slot_names(given).size()) + 1;  // the parameters and their states
  return 1 + lists * static_cast<int>(given.count);
}

// States may be wider than parameters of 16 bits.
bool is_state_dtype(DType state, DType parameter) {
  return state == parameter || (item_size(parameter) == 2 && state == DType::float32);
}

template <OpId id, class Fields>
void infer_update(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec*, int64_t*) {
  const char* name = op::op_name(id);
  const auto given = op::from_attrs<Fields>(attrs);
  if (given.count < 0 || given.count > static_cast<int64_t>(inputs.size())) {
    throw ValueError(concat_text(name, ": expected a count of the ", inputs.size(), " tensors, got ", given.count));
  }
  const auto count = static_cast<size_t>(given.count);
  const size_t groups = op::slot_names(given).size() + 2;  // with the parameters and the gradients
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
    const bool is_gradient = i >= (groups - 1) * count;
    require_floating(name, parameter);
    const bool fits = is_gradient ? other.dtype == parameter.dtype : is_state_dtype(other.dtype, parameter.dtype);
    if (!fits || other.shape != parameter.shape) {
      throw ValueError(concat_text(name, ": parameter ", i % count, " is ", parameter.dtype, " of shape ",
                                   parameter.shape, ", but its ", is_gradient ? "gradient" : "state", " is ",
                                   other.dtype, " of shape ", other.shape));
    }
  }
}

// The declaration of an update that is fused over all parameters. It overwrites every input before the gradients.
// Inputs are step, the parameters, one list per name in `op::slot_names`, the gradients, and lr. step is int64 of rank
// 0, and lr is float64 of rank 0; the kernel first adds 1 to step and then uses it.
template <OpId id, class Fields>
op::OpDef update_of(const char* doc) {
  return {
      .doc = doc,
      .inputs = {"step", "tensors..."},
      .results = {},
      .attributes = op::fields_of<Fields>(),
      .traits = flag(op::Trait::mutates),
      .infer = infer_update<id, Fields>,
      .mutated = count_mutated<Fields>,
  };
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
  registry.declare(OpId::sgd_update,
                   update_of<OpId::sgd_update, op::SgdAttrs>("Stochastic gradient descent with momentum."));
  registry.declare(OpId::rmsprop_update, update_of<OpId::rmsprop_update, op::RmspropAttrs>("RMSprop (Hinton, 2012)."));
  registry.declare(OpId::adam_update,
                   update_of<OpId::adam_update, op::AdamAttrs>("Adam (Kingma and Ba, 2014), or AdamW when decoupled."));
  registry.declare(OpId::adagrad_update,
                   update_of<OpId::adagrad_update, op::AdagradAttrs>("Adagrad (Duchi et al., 2011)."));
  registry.declare(OpId::adadelta_update,
                   update_of<OpId::adadelta_update, op::AdadeltaAttrs>("Adadelta (Zeiler, 2012)."));
  registry.declare(OpId::adamax_update, update_of<OpId::adamax_update, op::AdamaxAttrs>(
                                            "Adam with the infinity norm (Kingma and Ba, 2014)."));
  registry.declare(OpId::nadam_update,
                   update_of<OpId::nadam_update, op::NadamAttrs>("Adam with Nesterov's momentum (Dozat, 2016)."));
  registry.declare(OpId::radam_update,
                   update_of<OpId::radam_update, op::RadamAttrs>("Rectified Adam (Liu et al., 2020)."));
  registry.declare(OpId::rprop_update, update_of<OpId::rprop_update, op::RpropAttrs>(
                                           "Resilient propagation (Riedmiller and Braun, 1993)."));
  registry.declare(OpId::lion_update,
                   update_of<OpId::lion_update, op::LionAttrs>("The sign of momentum (Chen et al., 2023)."));
  registry.declare(OpId::lamb_update, update_of<OpId::lamb_update, op::LambAttrs>(
                                          "Adam with steps in proportion to the parameters (You et al., 2020)."));
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
}

}  // namespace ops

namespace optim {

namespace {

template <class Options>
op::AttrsOf<Options> attrs_of(const Options& options, size_t count) {
  op::AttrsOf<Options> attrs;
  static_cast<Options&>(attrs) = options;
  attrs.count = static_cast<int64_t>(count);
  return attrs;
}

// Runs an update on step, followed by the lists one after the other, followed by lr. Parameters are leaves that require
// gradients, so nothing is recorded here.
template <class Options>
void apply_update(OpId id, const Tensor& step, std::span<const Tensor> parameters,
                  std::initializer_list<std::span<const Tensor>> lists, const Tensor& lr, const Options& options) {
  std::vector<Tensor> operands = {step};
  operands.insert(operands.end(), parameters.begin(), parameters.end());
  for (const auto& list : lists) operands.insert(operands.end(), list.begin(), list.end());
  operands.push_back(lr);
  const GradMode mode(false);
  op::apply(id, op::to_attrs(attrs_of(options, parameters.size())), operands);
}

std::vector<Tensor> joined(TensorLists lists) {
  std::vector<Tensor> result;
  for (const std::vector<Tensor>& list : lists) result.insert(result.end(), list.begin(), list.end());
  return result;
}

void require_lists(size_t parameters, size_t kinds, TensorLists states, std::span<const Tensor> gradients) {
  bool fits = states.size() == kinds && gradients.size() == parameters;
  for (const std::vector<Tensor>& list : states) fits = fits && list.size() == parameters;
  if (fits) return;
  throw ValueError(concat_text("update: expected ", kinds, " lists of states and one of gradients, with ", parameters,
                               " tensors each, got ", states.size(), " lists of states and ", gradients.size(),
                               " gradients"));
}

}  // namespace

// Errors name the function that was called.
#define PYDL_UPDATE(name, Name)                                                                      \
  void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,            \
              std::span<const Tensor> gradients, const Tensor& lr, const Name##Options& options) {   \
    try {                                                                                            \
      require_lists(parameters.size(), op::slot_names(options).size(), states, gradients);           \
      apply_update(OpId::name##_update, step, parameters, {joined(states), gradients}, lr, options); \
    } catch (const Error&) {                                                                         \
      core::rethrow_as("update");                                                                    \
    }                                                                                                \
  }
PYDL_FUSED_UPDATES(PYDL_UPDATE)
#undef PYDL_UPDATE

void sgd_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> velocities,
                std::span<const Tensor> gradients, const Tensor& lr, const SgdOptions& options) {
  apply_update(OpId::sgd_update, step, parameters, {velocities, gradients}, lr, options);
}

void sgd_update_rows(const Tensor& parameter, const Tensor& gradient, const Tensor& index, const Tensor& lr,
                     std::optional<int64_t> skip) {
  const GradMode mode(false);
  op::apply(OpId::sgd_update_rows, op::to_attrs(op::SgdRowsAttrs{skip}), {parameter, gradient, index, lr});
}

void rmsprop_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> square_averages,
                    std::span<const Tensor> velocities, std::span<const Tensor> gradients, const Tensor& lr,
                    const RmspropOptions& options) {
  apply_update(OpId::rmsprop_update, step, parameters, {square_averages, velocities, gradients}, lr, options);
}

void adam_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> first_moments,
                 std::span<const Tensor> second_moments, std::span<const Tensor> gradients, const Tensor& lr,
                 const AdamOptions& options) {
  apply_update(OpId::adam_update, step, parameters, {first_moments, second_moments, gradients}, lr, options);
}

}  // namespace optim

}  // namespace pydl
