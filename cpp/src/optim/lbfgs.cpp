// L-BFGS as a class: what it checks, and its state.
#include "pydl/lbfgs.h"

#include <cmath>
#include <unordered_set>

#include "optim/lbfgs_state.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl::optim {

namespace {

std::vector<Tensor> trained(const ParamSet& params) {
  std::vector<Tensor> result;
  for (const auto& [name, tensor] : params.tensors) {
    if (!tensor.defined()) throw ValueError(concat_text("Lbfgs: ", name, " is an undefined tensor"));
    if (tensor.requires_grad()) result.push_back(tensor);
  }
  return result;
}

void require_lr(double value) {
  if (value >= 0 && std::isfinite(value)) return;
  throw ValueError(concat_text("Lbfgs: expected a learning rate of at least 0, got ", value));
}

void check_lbfgs(const std::vector<Tensor>& parameters, const LbfgsOptions& options) {
  if (parameters.empty()) throw ValueError("Lbfgs: expected tensors that require gradients, got none");
  std::unordered_set<const void*> seen;
  for (const Tensor& parameter : parameters) {
    if (!parameter.defined()) throw ValueError("Lbfgs: an undefined tensor was given");
    if (!parameter.is_leaf() || !is_floating(parameter.dtype())) {
      throw ValueError(concat_text("Lbfgs: a parameter of shape ", parameter.shape(), " and ", parameter.dtype(),
                                   " is not a floating-point leaf"));
    }
    if (!seen.insert(parameter.impl()).second) {
      throw ValueError(concat_text("Lbfgs: a parameter was given twice, that of shape ", parameter.shape()));
    }
  }
  require_lr(options.lr);
  const auto at_least = [](const char* name, auto value, auto least) {
    if (!(value >= least)) {
      throw ValueError(concat_text("Lbfgs: expected ", name, " of at least ", least, ", got ", value));
    }
  };
  at_least("iterations", options.iterations, int64_t{1});
  at_least("calls", options.calls.value_or(1), int64_t{1});
  at_least("history", options.history, int64_t{1});
  at_least("gradient_tolerance", options.gradient_tolerance, 0.0);
  at_least("change_tolerance", options.change_tolerance, 0.0);
  at_least("a norm to clip by", options.clipping.norm.value_or(0), 0.0);
  at_least("a value to clip by", options.clipping.value.value_or(0), 0.0);
  if (options.clipping.norm && options.clipping.value) {
    throw ValueError("Lbfgs: expected gradients to be clipped by norm or by value, got both");
  }
}

}  // namespace

struct Lbfgs::State {
  State(std::vector<Tensor> given, const LbfgsOptions& chosen) : parameters(std::move(given)), options(chosen) {
    check_lbfgs(parameters, options);
    lr = full({}, options.lr, DType::float64);
  }

  std::vector<Tensor> parameters;
  LbfgsOptions options;
  Tensor lr;
  LbfgsMemory memory;
};

Lbfgs::Lbfgs(const ParamSet& params, const LbfgsOptions& options) : Lbfgs(trained(params), options) {}
Lbfgs::Lbfgs(const std::vector<Tensor>& parameters, const LbfgsOptions& options)
    : state_(std::make_shared<State>(parameters, options)) {}

double Lbfgs::step(const Closure& closure) {
  if (!closure) throw ValueError("Lbfgs: step: expected a function that computes loss and gradients, got none");
  if (is_tracing()) {
    throw TraceError(
        "Lbfgs: step reads losses and gradients to decide what to do next, so it cannot be compiled; compile the "
        "closure instead");
  }
  return state_->memory.iterate(state_->parameters, state_->options, state_->lr, [&] {
    const Tensor loss = closure();
    if (!loss.defined()) throw ValueError("Lbfgs: the closure returned an undefined tensor instead of the loss");
    return loss.item();
  });
}

void Lbfgs::zero_grad() {
  for (Tensor& parameter : state_->parameters) parameter.set_grad({});
}

const std::vector<Tensor>& Lbfgs::parameters() const { return state_->parameters; }
double Lbfgs::lr() const { return state_->lr.item(); }

void Lbfgs::set_lr(double value) {
  require_lr(value);
  assign(state_->lr, Tensor::scalar(value, DType::float64));
}

int64_t Lbfgs::steps() const { return state_->memory.iterations; }

ParamSet Lbfgs::states() const { return state_->memory.tensors(state_->lr); }

void Lbfgs::load_states(const ParamSet& states) {
  LbfgsMemory loaded;
  set_lr(loaded.load(states, state_->parameters, "Lbfgs: load_states"));
  state_->memory = std::move(loaded);
}

}  // namespace pydl::optim
