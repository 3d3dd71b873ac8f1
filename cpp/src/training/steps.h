// The steps of a trainer as functions of batches, compiled if the options say so.
#pragma once

#include "pydl/trainer.h"

namespace pydl::train {

/// What a trainer is made of.
struct Parts {
  ParamSet params;
  Model model;
  Loss loss;
  optim::Optimizer optimizer;
  TrainerOptions options;

  /// Whether a step that is not finite must leave everything as it was.
  bool guards() const;
  /// Whether gradients and update are separate steps.
  bool apart() const { return guards() || options.accumulate > 1; }
  std::span<const Tensor> inputs(std::span<const Tensor> batch) const { return batch.subspan(0, options.inputs); }
  /// Undefined if batches have none.
  Tensor weights(std::span<const Tensor> batch) const;
  std::span<const Tensor> targets(std::span<const Tensor> batch) const {
    return batch.subspan(options.inputs, options.targets);
  }
};

/// What a step returned.
struct StepValues {
  double loss;
  double weight;
  bool finite;               ///< of loss and gradients, where steps are guarded
  std::vector<Tensor> sums;  ///< of each metric
};

class Steps {
 public:
  explicit Steps(std::shared_ptr<const Parts> parts);

  /// Computes gradients and updates the parameters.
  StepValues whole(std::span<const Tensor> batch) const;
  /// Adds to the gradients. If batches are accumulated, the loss is scaled by how much the batch counts, divided by
  /// `unit`.
  StepValues gradients(std::span<const Tensor> batch, double unit) const;
  /// Updates the parameters by the gradients divided by a number, and clears these.
  void update(double divisor) const;
  StepValues evaluate(std::span<const Tensor> batch) const;
  std::vector<Tensor> predict(std::span<const Tensor> inputs) const;

 private:
  StepValues read(const std::vector<Tensor>& results) const;

  std::shared_ptr<const Parts> parts_;
  TensorFunction whole_;
  TensorFunction gradients_;
  TensorFunction update_;
  TensorFunction evaluate_;
  TensorFunction predict_;
};

}  // namespace pydl::train
