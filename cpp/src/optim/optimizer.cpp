// The state of optimisers, and how it adapts to which parameters have gradients.
#include "pydl/optimizer.h"

#include <cmath>
#include <map>
#include <unordered_set>

#include "optim/optimizer_state.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl::optim {

std::vector<Tensor> trainable(const ParamSet& params) {
  std::vector<Tensor> result;
  for (const auto& entry : params.tensors) {
    if (entry.second.requires_grad()) result.push_back(entry.second);
  }
  return result;
}

double checked_lr(double value) {
  if (value >= 0 && std::isfinite(value)) return value;
  throw ValueError(concat_text("lr: expected a learning rate of at least 0, got ", value));
}

Optimizer::State::State(std::vector<Tensor> given, double rate, Rule kind)
    : rule(std::move(kind)), parameters(std::move(given)) {
  if (parameters.empty()) throw ValueError(rule.name + ": expected parameters, got none that requires gradients");
  std::unordered_set<const void*> seen;
  Batch all;
  for (const Tensor& parameter : parameters) {
    if (!parameter.is_leaf() || !is_floating(parameter.dtype())) {
      throw ValueError(concat_text(rule.name, ": a parameter of shape ", parameter.shape(), " and ", parameter.dtype(),
                                   " is not a floating-point leaf"));
    }
    if (!seen.insert(parameter.impl()).second) {
      throw ValueError(concat_text(rule.name, ": a parameter of shape ", parameter.shape(), " was given twice"));
    }
    all.numbers.push_back(all.numbers.size());
  }
  all.parameters = parameters;
  all.step = zeros({}, DType::int64);
  lr = full({}, checked_lr(rate), DType::float64);
  batches.push_back(std::move(all));
}

void Optimizer::State::step() {
  const size_t count = batches.size();  // batches created by splits have no gradients
  for (size_t i = 0; i < count; ++i) {
    std::vector<Tensor> gradients;
    std::vector<bool> present;
    for (const Tensor& parameter : batches[i].parameters) {
      present.push_back(parameter.requires_grad() && parameter.grad().defined());
      if (present.back()) gradients.push_back(parameter.grad());
    }
    if (gradients.empty()) continue;
    if (gradients.size() != present.size()) split(i, present);
    Batch& batch = batches[i];
    if (batch.slots.empty()) make_slots(batch);
    rule.update(batch.step, batch.parameters, batch.slots, gradients, lr);
  }
}

// Keeps the chosen parameters in the batch and moves the others into a new one.
void Optimizer::State::split(size_t index, const std::vector<bool>& chosen) {
  Batch kept;
  Batch others;
  Batch& batch = batches[index];
  kept.slots.resize(batch.slots.size());
  others.slots.resize(batch.slots.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    Batch& part = chosen[i] ? kept : others;
    part.numbers.push_back(batch.numbers[i]);
    part.parameters.push_back(batch.parameters[i]);
    for (size_t k = 0; k < batch.slots.size(); ++k) part.slots[k].push_back(batch.slots[k][i]);
  }
  kept.step = batch.step;
  {
    const PauseTracing at_once;
    others.step = copy(batch.step);
  }
  declare_state(others.step, "step");
  batch = std::move(kept);
  batches.push_back(std::move(others));
  ++structure;
}

// Slots are created immediately, even if the step is being traced.
void Optimizer::State::make_slots(Batch& batch) {
  if (rule.slots.empty()) return;
  for (const std::string& name : rule.slots) {
    std::vector<Tensor> slot;
    for (size_t i = 0; i < batch.parameters.size(); ++i) {
      {
        const PauseTracing at_once;
        slot.push_back(zeros_like(batch.parameters[i].detach()));
      }
      declare_state(slot.back(), concat_text(batch.numbers[i], ".", name));
    }
    batch.slots.push_back(std::move(slot));
  }
  ++structure;
}

ParamSet Optimizer::State::tensors() const {
  std::map<size_t, std::vector<std::pair<std::string, Tensor>>> entries;  // in parameter order
  for (const Batch& batch : batches) {
    for (size_t i = 0; i < batch.numbers.size(); ++i) {
      auto& entry = entries[batch.numbers[i]];
      entry.emplace_back("step", batch.step);
      for (size_t k = 0; k < batch.slots.size(); ++k) entry.emplace_back(rule.slots[k], batch.slots[k][i]);
    }
  }
  ParamSet result;
  result.tensors.emplace_back("lr.0", lr);
  for (const auto& [number, entry] : entries) {
    for (const auto& [name, tensor] : entry) result.tensors.emplace_back(concat_text(number, ".", name), tensor);
  }
  return result;
}

void Optimizer::State::load(const ParamSet& states) {
  size_t used = 0;
  const auto take = [&](const std::string& name, const Dims& shape, DType dtype) {
    const Tensor* found = states.find(name);
    if (found == nullptr) throw ValueError(concat_text(rule.name, ": load_states: ", name, " is missing"));
    if (found->shape() != shape) {
      throw ValueError(
          concat_text(rule.name, ": load_states: ", name, ": expected shape ", shape, ", got ", found->shape()));
    }
    ++used;
    return copy(astype(found->detach(), dtype));
  };
  const double rate = checked_lr(take("lr.0", {}, DType::float64).item());
  std::map<int64_t, Batch> by_steps;
  for (size_t number = 0; number < parameters.size(); ++number) {
    const Tensor& parameter = parameters[number];
    const Tensor count = take(concat_text(number, ".step"), {}, DType::int64);
    Batch& batch = by_steps[count.item_int()];
    if (!batch.step.defined()) batch.step = count;
    // There are no moments before the first step.
    const size_t slots = count.item_int() > 0 ? rule.slots.size() : 0;
    batch.slots.resize(slots);
    for (size_t k = 0; k < slots; ++k) {
      batch.slots[k].push_back(take(concat_text(number, ".", rule.slots[k]), parameter.shape(), parameter.dtype()));
    }
    batch.numbers.push_back(number);
    batch.parameters.push_back(parameter);
  }
  if (used != states.tensors.size()) {
    throw ValueError(concat_text(rule.name, ": load_states: expected ", used, " tensors, got ", states.tensors.size()));
  }
  assign(lr, Tensor::scalar(rate, DType::float64));
  batches.clear();
  for (auto& entry : by_steps) batches.push_back(std::move(entry.second));
  ++structure;
}

void Optimizer::step() { state_->step(); }

void Optimizer::zero_grad() {
  for (Tensor parameter : state_->parameters) parameter.set_grad({});
}

const std::vector<Tensor>& Optimizer::parameters() const { return state_->parameters; }
double Optimizer::lr() const { return state_->lr.item(); }
void Optimizer::set_lr(double value) { assign(state_->lr, Tensor::scalar(checked_lr(value), DType::float64)); }
const Tensor& Optimizer::lr_tensor() const { return state_->lr; }

int64_t Optimizer::steps() const {
  int64_t most = 0;
  for (const Batch& batch : state_->batches) most = std::max(most, batch.step.item_int());
  return most;
}

ParamSet Optimizer::states() const { return state_->tensors(); }
void Optimizer::load_states(const ParamSet& states) { state_->load(states); }
int64_t Optimizer::structure() const { return state_->structure; }

}  // namespace pydl::optim
