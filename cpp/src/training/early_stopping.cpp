// The end of a training whose values improve no more.
#include <cmath>
#include <limits>

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/ops.h"
#include "pydl/trainer.h"

namespace pydl::train {

struct EarlyStopping::State {
  EarlyStoppingOptions options;
  double best = std::numeric_limits<double>::quiet_NaN();
  int64_t best_epoch = -1;
  int64_t waited = 0;
  ParamSet kept;  // values of the best epoch

  bool improves(double value) const {
    if (std::isnan(value)) return false;
    if (std::isnan(best)) return true;
    return options.maximize ? value > best + options.least_change : value < best - options.least_change;
  }

  void keep() {
    const GradMode without_history(false);
    kept.tensors.clear();
    for (const auto& [name, tensor] : options.restore.tensors) kept.tensors.emplace_back(name, copy(tensor.detach()));
  }

  void look(Trainer& trainer, int64_t epoch, const Values& values) {
    const auto found = values.find(options.monitor);
    if (found == values.end()) {
      std::string known;
      for (const auto& entry : values) known += (known.empty() ? "" : ", ") + entry.first;
      throw ValueError(concat_text("EarlyStopping: there is no value '", options.monitor, "'; there are ", known));
    }
    if (improves(found->second)) {
      best = found->second;
      best_epoch = epoch;
      waited = 0;
      keep();
      return;
    }
    if (++waited < options.patience) return;
    trainer.stop();
    if (!kept.tensors.empty()) nn::load_values(options.restore, kept);
  }
};

EarlyStopping::EarlyStopping(EarlyStoppingOptions options) : state_(std::make_shared<State>()) {
  if (options.patience < 0) {
    throw ValueError(concat_text("EarlyStopping: expected a patience of at least 0, got ", options.patience));
  }
  if (!(options.least_change >= 0)) {
    throw ValueError(concat_text("EarlyStopping: expected least_change of at least 0, got ", options.least_change));
  }
  for (const auto& [name, tensor] : options.restore.tensors) {
    if (!tensor.defined()) throw ValueError(concat_text("EarlyStopping: ", name, " is an undefined tensor"));
  }
  state_->options = std::move(options);
}

EarlyStopping::operator Callback() const {
  return {.epoch_end = [state = state_](Trainer& trainer, int64_t epoch, const Values& values) {
    state->look(trainer, epoch, values);
  }};
}

double EarlyStopping::best() const { return state_->best; }
int64_t EarlyStopping::best_epoch() const { return state_->best_epoch; }

ParamSet EarlyStopping::states() const {
  ParamSet result;
  result.tensors = {{"best", Tensor::scalar(state_->best, DType::float64)},
                    {"best_epoch", Tensor::scalar(state_->best_epoch, DType::int64)},
                    {"waited", Tensor::scalar(state_->waited, DType::int64)}};
  for (const auto& [name, tensor] : state_->kept.tensors) result.tensors.emplace_back("kept." + name, copy(tensor));
  return result;
}

void EarlyStopping::load_states(const ParamSet& states) {
  const auto find = [&](const std::string& name, const Dims& shape, DType dtype) {
    const Tensor* found = states.find(name);
    if (found != nullptr && found->defined() && found->shape() == shape && found->dtype() == dtype) {
      return copy(found->detach());
    }
    throw ValueError(concat_text("EarlyStopping: load_states: expected ", name, " of shape ", shape, " and ", dtype));
  };
  State loaded = *state_;
  loaded.best = find("best", {}, DType::float64).item();
  loaded.best_epoch = find("best_epoch", {}, DType::int64).item_int();
  loaded.waited = find("waited", {}, DType::int64).item_int();
  loaded.kept.tensors.clear();
  if (states.tensors.size() > 3) {
    for (const auto& [name, tensor] : state_->options.restore.tensors) {
      loaded.kept.tensors.emplace_back(name, find("kept." + name, tensor.shape(), tensor.dtype()));
    }
  }
  if (states.tensors.size() != 3 + loaded.kept.tensors.size()) {
    throw ValueError("EarlyStopping: load_states: there are tensors that are not part of this state");
  }
  *state_ = std::move(loaded);
}

}  // namespace pydl::train
