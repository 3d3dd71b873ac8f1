// The kinds of optimisers: the state that each keeps, the options that it accepts, and its update.
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

void check_options(const SgdOptions& options) {
  require_at_least_zero("Sgd", "momentum", options.momentum);
  require_at_least_zero("Sgd", "weight_decay", options.weight_decay);
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0)) {
    throw ValueError("Sgd: nesterov needs momentum, and dampening 0");
  }
}

void check_options(const AdamOptions& options) {
  require_fraction("Adam", "beta1", options.beta1);
  require_fraction("Adam", "beta2", options.beta2);
  require_at_least_zero("Adam", "epsilon", options.epsilon);
  require_at_least_zero("Adam", "weight_decay", options.weight_decay);
}

void check_options(const RmspropOptions& options) {
  require_fraction("RmsProp", "alpha", options.alpha);
  require_at_least_zero("RmsProp", "epsilon", options.epsilon);
  require_at_least_zero("RmsProp", "momentum", options.momentum);
  require_at_least_zero("RmsProp", "weight_decay", options.weight_decay);
}

struct SlotNames {
  using Names = std::vector<std::string>;
  Names operator()(std::monostate) const { return {}; }
  Names operator()(const SgdOptions& options) const { return options.momentum != 0 ? Names{"velocity"} : Names{}; }
  Names operator()(const AdamOptions&) const { return {"first_moment", "second_moment"}; }
  Names operator()(const RmspropOptions& options) const {
    return options.momentum != 0 ? Names{"square_average", "velocity"} : Names{"square_average"};
  }
};

struct FusedUpdate {
  const Batch& batch;
  std::span<const Tensor> gradients;
  const Tensor& lr;

  // The tensors of a slot; none where the options do not need it.
  std::span<const Tensor> slot(size_t number) const {
    return number < batch.slots.size() ? std::span<const Tensor>(batch.slots[number]) : std::span<const Tensor>();
  }
  void operator()(std::monostate) const { throw Error("an optimiser without an update was asked for one"); }
  void operator()(const SgdOptions& options) const {
    sgd_update(batch.step, batch.parameters, slot(0), gradients, lr, options);
  }
  void operator()(const AdamOptions& options) const {
    adam_update(batch.step, batch.parameters, slot(0), slot(1), gradients, lr, options);
  }
  void operator()(const RmspropOptions& options) const {
    rmsprop_update(batch.step, batch.parameters, slot(0), slot(1), gradients, lr, options);
  }
};

// The trainable tensors of a set: those that require gradients.
std::vector<Tensor> trainable(const ParamSet& params) {
  std::vector<Tensor> result;
  for (const auto& entry : params.tensors) {
    if (entry.second.requires_grad()) result.push_back(entry.second);
  }
  return result;
}

}  // namespace

std::vector<std::string> slot_names(const AnyOptions& options) { return std::visit(SlotNames{}, options); }

void Optimizer::State::update(const Batch& batch, std::span<const Tensor> gradients) {
  const GroupState& own = groups[batch.group];
  std::visit(FusedUpdate{batch, gradients, own.lr}, own.options);
}

template <class Options>
Optimizer::Optimizer(const char* name, const std::vector<ParameterGroup<Options>>& groups) {
  std::vector<GivenGroup> given;
  bool is_empty = true;
  for (const ParameterGroup<Options>& group : groups) {
    check_options(group.options);
    is_empty = is_empty && group.parameters.empty();
    given.push_back({group.parameters, group.lr, group.options, slot_names(group.options)});
  }
  if (is_empty) throw ValueError(concat_text(name, ": expected parameters, got none that requires gradients"));
  state_ = std::make_shared<State>(name, std::move(given));
}

Sgd::Sgd(const std::vector<ParameterGroup<SgdOptions>>& groups) : Optimizer("Sgd", groups) {}
Sgd::Sgd(const ParamSet& params, double lr, const SgdOptions& options) : Sgd(trainable(params), lr, options) {}
Sgd::Sgd(const std::vector<Tensor>& parameters, double lr, const SgdOptions& options)
    : Sgd(std::vector<ParameterGroup<SgdOptions>>{{parameters, lr, options}}) {}

Adam::Adam(const std::vector<ParameterGroup<AdamOptions>>& groups) : Optimizer("Adam", groups) {}
Adam::Adam(const ParamSet& params, double lr, const AdamOptions& options) : Adam(trainable(params), lr, options) {}
Adam::Adam(const std::vector<Tensor>& parameters, double lr, const AdamOptions& options)
    : Adam(std::vector<ParameterGroup<AdamOptions>>{{parameters, lr, options}}) {}

RmsProp::RmsProp(const std::vector<ParameterGroup<RmspropOptions>>& groups) : Optimizer("RmsProp", groups) {}
RmsProp::RmsProp(const ParamSet& params, double lr, const RmspropOptions& options)
    : RmsProp(trainable(params), lr, options) {}
RmsProp::RmsProp(const std::vector<Tensor>& parameters, double lr, const RmspropOptions& options)
    : RmsProp(std::vector<ParameterGroup<RmspropOptions>>{{parameters, lr, options}}) {}

}  // namespace pydl::optim
