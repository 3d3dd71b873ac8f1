// The kinds of optimisers: the state that each keeps, and the options that it accepts.
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

Rule sgd_rule(const SgdOptions& options) {
  require_at_least_zero("Sgd", "momentum", options.momentum);
  require_at_least_zero("Sgd", "weight_decay", options.weight_decay);
  if (options.nesterov && (options.momentum == 0 || options.dampening != 0)) {
    throw ValueError("Sgd: nesterov needs momentum, and dampening 0");
  }
  Rule rule{.name = "Sgd", .slots = {}, .update = {}};
  if (options.momentum != 0) rule.slots = {"velocity"};
  rule.update = [options](const Tensor& step, auto parameters, auto slots, auto gradients, const Tensor& lr) {
    const std::span<const Tensor> none;
    sgd_update(step, parameters, slots.empty() ? none : slots[0], gradients, lr, options);
  };
  return rule;
}

Rule adam_rule(const AdamOptions& options) {
  require_fraction("Adam", "beta1", options.beta1);
  require_fraction("Adam", "beta2", options.beta2);
  require_at_least_zero("Adam", "epsilon", options.epsilon);
  require_at_least_zero("Adam", "weight_decay", options.weight_decay);
  Rule rule{.name = "Adam", .slots = {"first_moment", "second_moment"}, .update = {}};
  rule.update = [options](const Tensor& step, auto parameters, auto slots, auto gradients, const Tensor& lr) {
    adam_update(step, parameters, slots[0], slots[1], gradients, lr, options);
  };
  return rule;
}

Rule rmsprop_rule(const RmspropOptions& options) {
  require_fraction("RmsProp", "alpha", options.alpha);
  require_at_least_zero("RmsProp", "epsilon", options.epsilon);
  require_at_least_zero("RmsProp", "momentum", options.momentum);
  require_at_least_zero("RmsProp", "weight_decay", options.weight_decay);
  Rule rule{.name = "RmsProp", .slots = {"square_average"}, .update = {}};
  if (options.momentum != 0) rule.slots.emplace_back("velocity");
  rule.update = [options](const Tensor& step, auto parameters, auto slots, auto gradients, const Tensor& lr) {
    const std::span<const Tensor> none;
    rmsprop_update(step, parameters, slots[0], slots.size() > 1 ? slots[1] : none, gradients, lr, options);
  };
  return rule;
}

}  // namespace

Sgd::Sgd(const ParamSet& params, double lr, const SgdOptions& options) : Sgd(trainable(params), lr, options) {}
Sgd::Sgd(const std::vector<Tensor>& parameters, double lr, const SgdOptions& options)
    : Optimizer(std::make_shared<State>(parameters, lr, sgd_rule(options))) {}

Adam::Adam(const ParamSet& params, double lr, const AdamOptions& options) : Adam(trainable(params), lr, options) {}
Adam::Adam(const std::vector<Tensor>& parameters, double lr, const AdamOptions& options)
    : Optimizer(std::make_shared<State>(parameters, lr, adam_rule(options))) {}

RmsProp::RmsProp(const ParamSet& params, double lr, const RmspropOptions& options)
    : RmsProp(trainable(params), lr, options) {}
RmsProp::RmsProp(const std::vector<Tensor>& parameters, double lr, const RmspropOptions& options)
    : Optimizer(std::make_shared<State>(parameters, lr, rmsprop_rule(options))) {}

}  // namespace pydl::optim
