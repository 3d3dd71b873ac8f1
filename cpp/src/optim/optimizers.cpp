// The kinds of optimisers: the options that each accepts, and its update.
#include "op/attrs/update.h"
#include "optim/optimizer_state.h"

namespace pydl::optim {

namespace {

void require_at_least_zero(const char* owner, const char* name, double value) {
  if (value >= 0) return;
  throw ValueError(concat_text(owner, ": expected ", name, " of at least 0, got ", value));
}

void require_fraction(const char* owner, const char* name, double value) {
  if (value >= 0 && value < 1) return;
  throw ValueError(concat_text(owner, ": expected ", name, " in [0, 1), got ", value));
}

// The options that several optimisers have, and that mean the same in all of them.
template <class Options>
void check_shared(const char* owner, const Options& options) {
  if constexpr (requires { options.weight_decay; }) {
    require_at_least_zero(owner, "weight_decay", options.weight_decay);
  }
  if constexpr (requires { options.epsilon; }) require_at_least_zero(owner, "epsilon", options.epsilon);
  if constexpr (requires { options.momentum; }) require_at_least_zero(owner, "momentum", options.momentum);
  if constexpr (requires { options.beta1; }) {
    require_fraction(owner, "beta1", options.beta1);
    require_fraction(owner, "beta2", options.beta2);
  }
}

template <class Options>
void check_own(const char*, const Options&, const std::vector<Tensor>&) {}

void check_own(const char* owner, const SgdOptions& options, const std::vector<Tensor>&) {
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0)) {
    throw ValueError(concat_text(owner, ": nesterov needs momentum, and dampening 0"));
  }
}

void check_own(const char* owner, const RmspropOptions& options, const std::vector<Tensor>&) {
  require_fraction(owner, "alpha", options.alpha);
}

void check_own(const char* owner, const AdagradOptions& options, const std::vector<Tensor>&) {
  require_at_least_zero(owner, "lr_decay", options.lr_decay);
  require_at_least_zero(owner, "initial_accumulator_value", options.initial_accumulator_value);
}

void check_own(const char* owner, const AdadeltaOptions& options, const std::vector<Tensor>&) {
  require_fraction(owner, "rho", options.rho);
}

void check_own(const char* owner, const NadamOptions& options, const std::vector<Tensor>&) {
  require_at_least_zero(owner, "momentum_decay", options.momentum_decay);
}

void check_own(const char* owner, const RpropOptions& options, const std::vector<Tensor>&) {
  const bool fits = options.eta_minus > 0 && options.eta_minus < 1 && options.eta_plus > 1;
  if (!fits) {
    throw ValueError(concat_text(owner, ": expected 0 < eta_minus < 1 < eta_plus, got ", options.eta_minus, " and ",
                                 options.eta_plus));
  }
  if (!(options.step_min >= 0 && options.step_min <= options.step_max)) {
    throw ValueError(
        concat_text(owner, ": expected 0 <= step_min <= step_max, got ", options.step_min, " and ", options.step_max));
  }
}

void check_own(const char* owner, const MuonOptions& options, const std::vector<Tensor>& parameters) {
  require_fraction(owner, "momentum", options.momentum);
  if (options.steps < 1 || options.steps > 100) {
    throw ValueError(concat_text(owner, ": expected 1 to 100 iterations, got ", options.steps));
  }
  for (const Tensor& parameter : parameters) {
    if (parameter.defined() && parameter.shape().rank() != 2) {
      throw ValueError(concat_text(owner, ": expected matrices, got a parameter of shape ", parameter.shape(),
                                   "; update it with another optimiser, such as AdamW"));
    }
  }
}

template <class Options>
struct KindOf;
#define PYDL_KIND(kind, Name)                  \
  template <>                                  \
  struct KindOf<Name##Options> {               \
    static constexpr const char* name = #Name; \
  };
PYDL_UPDATES(PYDL_KIND)
#undef PYDL_KIND

// The name of the class.
template <class Options>
constexpr const char* class_name() {
  if constexpr (std::is_same_v<Options, RmspropOptions>) return "RmsProp";
  return KindOf<Options>::name;
}

// The trainable tensors of a set: those that require gradients.
std::vector<Tensor> trainable(const ParamSet& params) {
  std::vector<Tensor> result;
  for (const auto& entry : params.tensors) {
    if (entry.second.requires_grad()) result.push_back(entry.second);
  }
  return result;
}

}  // namespace

std::vector<std::string> slot_names(const AnyOptions& options) {
  return std::visit(
      [](const auto& own) -> std::vector<std::string> {
        if constexpr (std::is_same_v<std::decay_t<decltype(own)>, std::monostate>) {
          return {};
        } else {
          return op::slot_names(own);
        }
      },
      options);
}

void Optimizer::State::update(const Batch& batch, std::span<const Tensor> gradients) {
  const GroupState& own = groups[batch.group];
  // An optimiser of Python, of which the fused update is a part, may keep more tensors, after those of the update.
  const size_t count = std::min(slot_names(own.options).size(), batch.slots.size());
  const TensorLists slots = TensorLists(batch.slots).first(count);
  std::visit(
      [&](const auto& options) {
        if constexpr (std::is_same_v<std::decay_t<decltype(options)>, std::monostate>) {
          throw Error("an optimiser without an update was asked for one");
        } else {
          optim::update(batch.step, batch.parameters, slots, gradients, own.lr, options);
        }
      },
      own.options);
}

template <class Options>
Optimizer::Optimizer(const char* name, const std::vector<ParameterGroup<Options>>& groups) {
  std::vector<GivenGroup> given;
  bool is_empty = true;
  for (const ParameterGroup<Options>& group : groups) {
    check_shared(name, group.options);
    check_own(name, group.options, group.parameters);
    is_empty = is_empty && group.parameters.empty();
    given.push_back({group.parameters, group.lr, group.options, op::slot_names(group.options)});
  }
  if (is_empty) throw ValueError(concat_text(name, ": expected parameters, got none that requires gradients"));
  state_ = std::make_shared<State>(name, std::move(given));
}

template <class Options>
OptimizerOf<Options>::OptimizerOf(const std::vector<ParameterGroup<Options>>& groups)
    : Optimizer(class_name<Options>(), groups) {}
template <class Options>
OptimizerOf<Options>::OptimizerOf(const ParamSet& params, double lr, const Options& options)
    : OptimizerOf(trainable(params), lr, options) {}
template <class Options>
OptimizerOf<Options>::OptimizerOf(const std::vector<Tensor>& parameters, double lr, const Options& options)
    : OptimizerOf(std::vector<ParameterGroup<Options>>{{parameters, lr, options}}) {}

#define PYDL_INSTANTIATE(kind, Name) template class OptimizerOf<Name##Options>;
PYDL_UPDATES(PYDL_INSTANTIATE)
#undef PYDL_INSTANTIATE

}  // namespace pydl::optim
