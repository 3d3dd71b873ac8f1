// The state of a training as named tensors, and its files.
#include "training/trainer_state.h"

#include <set>

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/ops.h"

namespace pydl::train {

namespace {

constexpr const char* optimizer_prefix = "optimizer.";
constexpr const char* parameter_prefix = "parameters.";
constexpr const char* trainer_prefix = "trainer.";

ParamSet with_prefix(const ParamSet& set, const std::string& prefix) {
  ParamSet result;
  for (const auto& [name, tensor] : set.tensors) result.tensors.emplace_back(prefix + name, tensor);
  return result;
}

ParamSet without_prefix(const ParamSet& set, const std::string& prefix) {
  ParamSet result;
  for (const auto& [name, tensor] : set.tensors) {
    if (name.starts_with(prefix)) result.tensors.emplace_back(name.substr(prefix.size()), tensor);
  }
  return result;
}

void append(ParamSet& set, const ParamSet& more) {
  set.tensors.insert(set.tensors.end(), more.tensors.begin(), more.tensors.end());
}

// The tensors of a state that is loaded, by name.
class Reader {
 public:
  explicit Reader(const ParamSet& states) : states_(states) {}

  Tensor take(const std::string& name, const Dims& shape, DType dtype) {
    const Tensor* found = states_.find(name);
    if (found == nullptr) throw ValueError(concat_text("Trainer: load_states: ", name, " is missing"));
    used_.insert(name);
    if (!found->defined() || found->shape() != shape || found->dtype() != dtype) {
      throw ValueError(
          concat_text("Trainer: load_states: ", name, ": expected shape ", shape, " and ", dtype, ", got ",
                      found->defined() ? concat_text(found->shape(), " and ", found->dtype()) : "an undefined tensor"));
    }
    return copy(found->detach());
  }
  bool has(const std::string& name) const { return states_.find(name) != nullptr; }
  Tensor take_any(const std::string& name) {
    const Tensor* found = states_.find(name);
    if (found == nullptr || !found->defined()) {
      throw ValueError(concat_text("Trainer: load_states: ", name, " is missing"));
    }
    return take(name, found->shape(), found->dtype());
  }
  void require_nothing_left() const {
    for (const auto& [name, tensor] : states_.tensors) {
      if (used_.contains(name) || name.starts_with(optimizer_prefix)) continue;
      throw ValueError(concat_text("Trainer: load_states: ", name, " is not part of this trainer"));
    }
  }

 private:
  const ParamSet& states_;
  std::set<std::string> used_;
};

Tensor number(int64_t value) { return Tensor::scalar(value, DType::int64); }

}  // namespace

ParamSet Trainer::State::states() const {
  ParamSet result;
  append(result, with_prefix(parts->optimizer.states(), optimizer_prefix));
  append(result, {{{"epoch", number(epoch)},
                   {"batch", number(batch)},
                   {"totals", averages.totals()},
                   {"generator", generator().state()}},
                  {}});
  if (data_generator && data_begin.defined()) {
    append(result, {{{"data.begin", data_begin}, {"data.now", data_generator->state()}}, {}});
  }
  if (pending.count > 0) {
    append(result, {{{"pending.count", number(pending.count)},
                     {"pending.weight", Tensor::scalar(pending.weight, DType::float64)},
                     {"pending.unit", Tensor::scalar(pending.unit, DType::float64)},
                     {"pending.totals", pending.averages.totals()}},
                    {}});
    const std::vector<Tensor>& parameters = parts->optimizer.parameters();
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].grad().defined()) {
        result.tensors.emplace_back(concat_text("pending.gradient.", i), parameters[i].grad());
      }
    }
    for (size_t i = 0; i < pending.buffers.size(); ++i) {
      result.tensors.emplace_back(concat_text("pending.buffer.", i), pending.buffers[i]);
    }
  }
  const GradMode without_history(false);
  for (auto& [name, tensor] : result.tensors) tensor = copy(tensor.detach());
  return result;
}

void Trainer::State::load(const ParamSet& states) {
  Reader reader(states);
  const int64_t new_epoch = reader.take("epoch", {}, DType::int64).item_int();
  const int64_t new_batch = reader.take("batch", {}, DType::int64).item_int();
  if (new_epoch < 0 || new_batch < 0) throw ValueError("Trainer: load_states: epoch and batch must not be negative");
  Averages new_averages(parts->options.metrics);
  new_averages.set_totals(reader.take_any("totals"));
  const Tensor new_generator = reader.take("generator", {2}, DType::int64);
  const bool has_data = reader.has("data.begin");
  const Tensor begin = has_data ? reader.take("data.begin", {2}, DType::int64) : Tensor{};
  const Tensor now = has_data ? reader.take("data.now", {2}, DType::int64) : Tensor{};

  Pending loaded{.averages = Averages(parts->options.metrics), .buffers = {}};
  const std::vector<Tensor>& parameters = parts->optimizer.parameters();
  std::vector<Tensor> gradients(parameters.size());
  if (reader.has("pending.count")) {
    loaded.count = reader.take("pending.count", {}, DType::int64).item_int();
    loaded.weight = reader.take("pending.weight", {}, DType::float64).item();
    loaded.unit = reader.take("pending.unit", {}, DType::float64).item();
    loaded.averages.set_totals(reader.take_any("pending.totals"));
    for (size_t i = 0; i < parameters.size(); ++i) {
      const std::string name = concat_text("pending.gradient.", i);
      if (reader.has(name)) gradients[i] = reader.take(name, parameters[i].shape(), parameters[i].dtype());
    }
    const std::vector<Tensor> own = parts->guards() ? buffers() : std::vector<Tensor>{};
    for (size_t i = 0; i < own.size(); ++i) {
      loaded.buffers.push_back(reader.take(concat_text("pending.buffer.", i), own[i].shape(), own[i].dtype()));
    }
  }
  reader.require_nothing_left();
  // Refuses what is not its state, and then changes nothing.
  optim::Optimizer(parts->optimizer).load_states(without_prefix(states, optimizer_prefix));

  epoch = new_epoch;
  batch = new_batch;
  averages = new_averages;
  pending = loaded;
  generator().set_state(new_generator);
  data_begin = begin;
  data_loaded = now;
  data_generator.reset();
  for (size_t i = 0; i < parameters.size(); ++i) {
    Tensor parameter = parameters[i];
    parameter.set_grad(gradients[i]);
  }
}

void Trainer::save(const std::string& path) const {
  ParamSet all = with_prefix(state_->parts->params, parameter_prefix);
  append(all, with_prefix(states(), trainer_prefix));
  save_params(path, all);
}

void Trainer::load(const std::string& path) {
  const ParamSet all = load_params(path);
  const ParamSet& params = state_->parts->params;
  ParamSet before;
  for (const auto& [name, tensor] : params.tensors) before.tensors.emplace_back(name, copy(tensor.detach()));
  try {
    nn::load_values(params, without_prefix(all, parameter_prefix));
    load_states(without_prefix(all, trainer_prefix));
  } catch (const ValueError& error) {
    nn::load_values(params, before);
    throw ValueError(concat_text("Trainer: load: ", path, ": ", error.what()));
  }
}

}  // namespace pydl::train
