// The state of an optimiser, and its update rule.
#pragma once

#include <functional>

#include "pydl/optimizer.h"

namespace pydl::optim {

/// What distinguishes one kind of optimiser from another.
struct Rule {
  std::string name;                ///< used in messages
  std::vector<std::string> slots;  ///< names of the tensors kept for each parameter
  /// Updates parameters that have taken the same number of steps; each list in `slots` has one tensor per parameter.
  std::function<void(const Tensor& step, std::span<const Tensor> parameters, std::span<const std::vector<Tensor>> slots,
                     std::span<const Tensor> gradients, const Tensor& lr)>
      update;
};

/// Parameters that have taken the same number of steps and therefore share one update.
struct Batch {
  std::vector<size_t> numbers;  // parameter numbers, in the order in which the parameters were given
  std::vector<Tensor> parameters;
  Tensor step;
  std::vector<std::vector<Tensor>> slots;  // created at the first step
};

struct Optimizer::State {
  State(std::vector<Tensor> given, double rate, Rule kind);

  void step();
  ParamSet tensors() const;
  void load(const ParamSet& states);

  Rule rule;
  std::vector<Tensor> parameters;
  Tensor lr;
  std::vector<Batch> batches;
  int64_t structure = 0;

 private:
  void split(size_t batch, const std::vector<bool>& chosen);
  void make_slots(Batch& batch);
};

/// The trainable tensors of a set: those that require gradients.
std::vector<Tensor> trainable(const ParamSet& params);
/// Returns the value; throws `ValueError` if it is negative, infinite or NaN.
double checked_lr(double value);

}  // namespace pydl::optim
