// The state of optimisers, and how it adapts to which parameters have gradients.
#include "pydl/optimizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_set>

#include "optim/optimizer_state.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl::optim {

namespace {

double checked_lr(double value) {
  if (value >= 0 && std::isfinite(value)) return value;
  throw ValueError(concat_text("lr: expected a learning rate of at least 0, got ", value));
}

void check_parameters(const std::string& name, std::span<const Tensor> parameters) {
  std::unordered_set<const void*> seen;
  for (const Tensor& parameter : parameters) {
    if (!parameter.is_leaf() || !is_floating(parameter.dtype())) {
      throw ValueError(concat_text(name, ": a parameter of shape ", parameter.shape(), " and ", parameter.dtype(),
                                   " is not a floating-point leaf"));
    }
    if (!seen.insert(parameter.impl()).second) {
      throw ValueError(concat_text(name, ": a parameter was given twice, that of shape ", parameter.shape()));
    }
  }
}

// Runs at once, even if a step is being traced, and declares the result as a state.
template <class Make>
Tensor new_state(const std::string& name, const Make& make) {
  Tensor result;
  {
    const PauseTracing at_once;
    result = make();
  }
  declare_state(result, name);
  return result;
}

// The tensors of a state that is loaded, each of which is needed once.
class StateReader {
 public:
  StateReader(const ParamSet& states, const std::string& caller) : caller_(caller) {
    for (const auto& [name, tensor] : states.tensors) {
      if (!rest_.emplace(name, &tensor).second) throw ValueError(concat_text(caller_, ": ", name, " was given twice"));
    }
  }
  Tensor take(const std::string& name, const Dims& shape, DType dtype) {
    const auto found = rest_.find(name);
    if (found == rest_.end()) throw ValueError(concat_text(caller_, ": ", name, " is missing"));
    const Tensor& tensor = *found->second;
    if (tensor.shape() != shape) {
      throw ValueError(concat_text(caller_, ": ", name, ": expected shape ", shape, ", got ", tensor.shape()));
    }
    rest_.erase(found);
    return copy(astype(tensor.detach(), dtype));
  }
  void require_nothing_left() const {
    if (rest_.empty()) return;
    throw ValueError(concat_text(caller_, ": ", rest_.begin()->first, " is not part of this optimiser"));
  }

 private:
  const std::string& caller_;
  std::map<std::string, const Tensor*> rest_;
};

}  // namespace

Optimizer::State::State(std::string own_name, std::vector<GivenGroup> given) : name(std::move(own_name)) {
  for (GivenGroup& entry : given) {
    Batch batch;
    batch.group = groups.size();
    for (const Tensor& parameter : entry.parameters) {
      batch.numbers.push_back(parameters.size());
      parameters.push_back(parameter);
    }
    batch.parameters = entry.parameters;
    batch.step = zeros({}, DType::int64);
    batches.push_back(std::make_shared<Batch>(std::move(batch)));
    groups.push_back({std::move(entry.parameters), full({}, checked_lr(entry.lr), DType::float64),
                      std::move(entry.options), std::move(entry.slots)});
  }
  check_parameters(name, parameters);
}

DType state_dtype(const Tensor& parameter) { return promote(parameter.dtype(), DType::float32); }

void Optimizer::State::step() {
  clip_gradients();
  const size_t count = batches.size();  // batches created by splits have no gradients
  for (size_t i = 0; i < count; ++i) {
    const std::vector<Tensor> gradients = prepare(i);
    if (!gradients.empty()) update(*batches[i], gradients);
  }
}

std::vector<Tensor> Optimizer::State::prepare(size_t index) {
  std::vector<Tensor> gradients;
  std::vector<bool> present;
  for (const Tensor& parameter : batches[index]->parameters) {
    const Tensor gradient = parameter.requires_grad() ? parameter.grad() : Tensor{};
    present.push_back(gradient.defined());
    if (present.back()) gradients.push_back(gradient);
  }
  if (gradients.empty()) return gradients;
  if (gradients.size() != present.size()) split(index, present);
  if (batches[index]->slots.empty()) make_slots(index);
  return gradients;
}

// Keeps the chosen parameters in the batch and moves the others into a new one.
void Optimizer::State::split(size_t index, const std::vector<bool>& chosen) {
  Batch kept;
  Batch others;
  const Batch& batch = *batches[index];
  kept.group = others.group = batch.group;
  kept.slots.resize(batch.slots.size());
  others.slots.resize(batch.slots.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    Batch& part = chosen[i] ? kept : others;
    part.numbers.push_back(batch.numbers[i]);
    part.parameters.push_back(batch.parameters[i]);
    for (size_t k = 0; k < batch.slots.size(); ++k) part.slots[k].push_back(batch.slots[k][i]);
  }
  kept.step = batch.step;
  others.step = new_state("step", [&] { return copy(batch.step); });
  batches[index] = std::make_shared<Batch>(std::move(kept));
  batches.push_back(std::make_shared<Batch>(std::move(others)));
  ++structure;
}

Tensor Optimizer::State::make_slot(const Batch& batch, size_t position, const std::string& slot) const {
  return new_state(concat_text(batch.numbers[position], ".", slot), [&] {
    const Tensor& parameter = batch.parameters[position];
    return astype(zeros_like(parameter.detach()), state_dtype(parameter));
  });
}

void Optimizer::State::make_slots(size_t index) {
  Batch batch = *batches[index];
  const std::vector<std::string>& names = groups[batch.group].slots;
  if (names.empty()) return;
  for (const std::string& slot : names) {
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < batch.parameters.size(); ++i) tensors.push_back(make_slot(batch, i, slot));
    batch.slots.push_back(std::move(tensors));
  }
  batches[index] = std::make_shared<Batch>(std::move(batch));
  ++structure;
}

void Optimizer::State::set_options(size_t number, const AnyOptions& options) {
  groups[number].options = options;
  set_slots(number, slot_names(options));
}

void Optimizer::State::set_slots(size_t number, const std::vector<std::string>& names) {
  const std::vector<std::string> before = std::exchange(groups[number].slots, names);
  if (before == names) return;
  for (std::shared_ptr<const Batch>& current : batches) {
    if (current->group != number || current->slots.empty()) continue;
    Batch batch = *current;
    std::vector<std::vector<Tensor>> slots;
    for (const std::string& slot : names) {
      const auto found = static_cast<size_t>(std::find(before.begin(), before.end(), slot) - before.begin());
      slots.push_back(found < before.size() ? batch.slots[found] : std::vector<Tensor>{});
      if (found < before.size()) continue;
      for (size_t i = 0; i < batch.parameters.size(); ++i) slots.back().push_back(make_slot(batch, i, slot));
    }
    batch.slots = std::move(slots);
    current = std::make_shared<Batch>(std::move(batch));
    ++structure;
  }
}

const GroupState& Optimizer::State::group(size_t number) const {
  if (number < groups.size()) return groups[number];
  throw IndexError(concat_text(name, ": group ", number, " is out of range for ", groups.size(), " groups"));
}

void Optimizer::State::set_lr(size_t number, double value) {
  assign(group(number).lr, Tensor::scalar(checked_lr(value), DType::float64));
}

void Optimizer::State::zero_grad() {
  for (Tensor& parameter : parameters) parameter.set_grad({});
}

void Optimizer::State::set_clipping(const Clipping& bounds) {
  const auto check = [&](const char* bound, const std::optional<double>& value) {
    if (value && !(*value >= 0)) {
      throw ValueError(concat_text(name, ": expected ", bound, " of at least 0, got ", *value));
    }
  };
  check("a norm to clip by", bounds.norm);
  check("a value to clip by", bounds.value);
  if (bounds.norm && bounds.value) {
    throw ValueError(concat_text(name, ": expected gradients to be clipped by norm or by value, got both"));
  }
  clipping = bounds;
  ++structure;  // compiled steps must be traced again
}

void Optimizer::State::clip_gradients() const {
  if (!clipping.norm && !clipping.value) return;
  std::vector<Tensor> updated;
  for (const Tensor& parameter : parameters) {
    if (parameter.requires_grad()) updated.push_back(parameter);
  }
  if (clipping.norm) clip_grad_norm(updated, *clipping.norm);
  if (clipping.value) clip_grad_value(updated, *clipping.value);
}

int64_t Optimizer::State::steps() const {
  int64_t most = 0;
  for (const auto& batch : batches) most = std::max(most, batch->step.item_int());
  return most;
}

ParamSet Optimizer::State::tensors() const {
  std::map<size_t, std::vector<std::pair<std::string, Tensor>>> entries;  // in parameter order
  for (const auto& batch : batches) {
    const std::vector<std::string>& slots = groups[batch->group].slots;
    for (size_t i = 0; i < batch->numbers.size(); ++i) {
      auto& entry = entries[batch->numbers[i]];
      entry.emplace_back("step", batch->step);
      for (size_t k = 0; k < batch->slots.size(); ++k) entry.emplace_back(slots[k], batch->slots[k][i]);
    }
  }
  ParamSet result;
  for (size_t i = 0; i < groups.size(); ++i) result.tensors.emplace_back(concat_text("lr.", i), groups[i].lr);
  for (const auto& [number, entry] : entries) {
    for (const auto& [kind, tensor] : entry) result.tensors.emplace_back(concat_text(number, ".", kind), tensor);
  }
  return result;
}

void Optimizer::State::load(const ParamSet& states, const std::string& caller) {
  StateReader reader(states, caller);
  std::vector<double> rates;
  for (size_t i = 0; i < groups.size(); ++i) {
    rates.push_back(checked_lr(reader.take(concat_text("lr.", i), {}, DType::float64).item()));
  }
  std::vector<std::shared_ptr<Batch>> loaded;
  std::map<std::pair<size_t, int64_t>, size_t> positions;  // by group and number of steps
  size_t number = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    for (const Tensor& parameter : groups[i].parameters) {
      const Tensor count = reader.take(concat_text(number, ".step"), {}, DType::int64);
      // There are no moments before the first step.
      const size_t slots = count.item_int() > 0 ? groups[i].slots.size() : 0;
      const auto [position, is_new] = positions.try_emplace({i, count.item_int()}, loaded.size());
      if (is_new) loaded.push_back(std::make_shared<Batch>(Batch{i, {}, {}, count, {slots, std::vector<Tensor>{}}}));
      Batch& batch = *loaded[position->second];
      for (size_t k = 0; k < slots; ++k) {
        const std::string slot = concat_text(number, ".", groups[i].slots[k]);
        batch.slots[k].push_back(reader.take(slot, parameter.shape(), state_dtype(parameter)));
      }
      batch.numbers.push_back(number++);
      batch.parameters.push_back(parameter);
    }
  }
  reader.require_nothing_left();
  for (size_t i = 0; i < groups.size(); ++i) set_lr(i, rates[i]);
  batches.assign(loaded.begin(), loaded.end());
  ++structure;
}

void Optimizer::State::copy_from(const State& other) {
  for (size_t i = 0; i < groups.size(); ++i) {
    assign(groups[i].lr, other.groups[i].lr);
    groups[i].options = other.groups[i].options;
    groups[i].slots = other.groups[i].slots;
  }
  batches.clear();
  for (const auto& batch : other.batches) {
    Batch own = *batch;
    own.step = copy(batch->step);
    for (size_t i = 0; i < own.numbers.size(); ++i) own.parameters[i] = parameters[own.numbers[i]];
    for (std::vector<Tensor>& slot : own.slots) {
      for (Tensor& tensor : slot) tensor = copy(tensor);
    }
    batches.push_back(std::make_shared<Batch>(std::move(own)));
  }
  ++structure;
}

void Optimizer::step() { state_->step(); }
void Optimizer::zero_grad() { state_->zero_grad(); }
const std::vector<Tensor>& Optimizer::parameters() const { return state_->parameters; }
size_t Optimizer::group_count() const { return state_->groups.size(); }
double Optimizer::lr(size_t group) const { return state_->group(group).lr.item(); }
const Tensor& Optimizer::lr_tensor(size_t group) const { return state_->group(group).lr; }

void Optimizer::set_lr(double value) {
  for (size_t i = 0; i < group_count(); ++i) state_->set_lr(i, value);
}

void Optimizer::set_lr(size_t group, double value) { state_->set_lr(group, value); }
int64_t Optimizer::steps() const { return state_->steps(); }
void Optimizer::set_clipping(const Clipping& clipping) { state_->set_clipping(clipping); }
const Clipping& Optimizer::clipping() const { return state_->clipping; }
ParamSet Optimizer::states() const { return state_->tensors(); }
void Optimizer::load_states(const ParamSet& states) { state_->load(states, state_->name + ": load_states"); }
int64_t Optimizer::structure() const { return state_->structure; }

}  // namespace pydl::optim
