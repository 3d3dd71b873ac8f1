// Averages of weights: one fused update of all of them.
#include "pydl/weight_average.h"

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/ops.h"
#include "pydl/optim.h"

namespace pydl::optim {

struct WeightAverage::State {
  ParamSet params;
  WeightAverageOptions options;
  ParamSet averages;
  Tensor count = zeros({}, DType::int64);

  // The part of the new weights in the averages.
  Tensor weight() const {
    const Tensor before = astype(count, DType::float64);
    const Tensor one = full({}, 1.0, DType::float64);
    if (!options.decay) return one / (before + one);
    return where(equal(before, zeros({}, DType::float64)), one, full({}, 1.0 - *options.decay, DType::float64));
  }
};

WeightAverage::WeightAverage(const ParamSet& params, const WeightAverageOptions& options)
    : state_(std::make_shared<State>()) {
  if (options.decay && !(*options.decay >= 0 && *options.decay < 1)) {
    throw ValueError(concat_text("WeightAverage: expected a decay in [0, 1), got ", *options.decay));
  }
  state_->params = params;
  state_->options = options;
  bool trains = false;
  for (const auto& [name, tensor] : params.tensors) {
    if (!tensor.defined()) throw ValueError(concat_text("WeightAverage: ", name, " is an undefined tensor"));
    trains = trains || tensor.requires_grad();
    state_->averages.tensors.emplace_back(name, copy(tensor.detach()));
  }
  if (!trains) throw ValueError("WeightAverage: expected tensors that require gradients, got none");
}

void WeightAverage::update() {
  const GradMode without_history(false);
  std::vector<Tensor> averages;
  std::vector<Tensor> news;
  for (size_t i = 0; i < state_->params.tensors.size(); ++i) {
    const Tensor& average = state_->averages.tensors[i].second;
    const Tensor& tensor = state_->params.tensors[i].second;
    const bool averaged = tensor.requires_grad() || (state_->options.buffers && is_floating(tensor.dtype()));
    if (averaged) {
      averages.push_back(average);
      news.push_back(tensor.detach());
    } else {
      assign(average, tensor.detach());
    }
  }
  // (1 - weight) * average + weight * new is a step of SGD along the new weights, with as much decay. It counts the
  // updates, too.
  sgd_update(state_->count, averages, {}, news, state_->weight(),
             {.weight_decay = 1, .decoupled = true, .maximize = true});
}

ParamSet WeightAverage::values() const { return state_->averages; }
int64_t WeightAverage::updates() const { return state_->count.item_int(); }

ParamSet WeightAverage::states() const {
  ParamSet result = state_->averages;
  result.tensors.emplace_back("n_averaged", state_->count);
  return result;
}

void WeightAverage::load_states(const ParamSet& given) {
  try {
    nn::load_values(states(), given);
  } catch (const ValueError& error) {
    throw ValueError(concat_text("WeightAverage: ", error.what()));
  }
}

}  // namespace pydl::optim
