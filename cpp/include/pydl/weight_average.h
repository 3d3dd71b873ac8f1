// Averages of weights over the steps of a training; Python's is nn.AveragedModel.
//
//   optim::WeightAverage average(params, {.decay = 0.999});
//   ...
//   average.update();                                // after each step
//   ParamSet averaged = average.values();            // by the same names: to predict with, or to save
#pragma once

#include <memory>
#include <optional>

#include "pydl/export.h"
#include "pydl/params.h"

namespace pydl::optim {

struct WeightAverageOptions {
  /// The part of the average that is kept: average = decay * average + (1 - decay) * weight. Unless given, all updates
  /// count the same (Izmailov et al., 2018).
  std::optional<double> decay = {};
  /// Whether floating-point tensors that are not trained are averaged too; otherwise they are copied at each update.
  bool buffers = false;
};

/// Averages of the tensors of a set. The first update copies them. This is a handle: copies share the averages.
class PYDL_API WeightAverage {
 public:
  /// `ValueError` for a set without tensors that require gradients, and for a decay outside of [0, 1).
  explicit WeightAverage(const ParamSet& params, const WeightAverageOptions& options = {});
  // A move copies, so that no handle is left empty.
  WeightAverage(const WeightAverage&) = default;
  WeightAverage& operator=(const WeightAverage&) = default;

  /// Takes the present values of the set into the averages. Compiled functions may call it, with `states` as a state.
  void update();
  /// The averages by the names of the set, which share memory with this object and require no gradients.
  ParamSet values() const;
  /// The number of updates so far.
  int64_t updates() const;

  /// `values`, and the number of updates as "n_averaged".
  ParamSet states() const;
  /// Copies what `states` returned for the same set. `ValueError` if names or shapes differ.
  void load_states(const ParamSet& states);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pydl::optim
