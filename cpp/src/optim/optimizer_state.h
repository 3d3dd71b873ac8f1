// What an optimiser keeps, and the rule by which it updates.
#pragma once

#include <functional>

#include "pydl/optimizer.h"

namespace pydl::optim {

/// How one kind of optimiser differs from another.
struct Rule {
  std::string name;                ///< in messages
  std::vector<std::string> slots;  ///< names of the tensors that are kept for each parameter
  /// Updates parameters that have taken the same number of steps; `slots` are lists as long as that of the parameters.
  std::function<void(const Tensor& step, std::span<const Tensor> parameters, std::span<const std::vector<Tensor>> slots,
                     std::span<const Tensor> gradients, const Tensor& lr)>
      update;
};

/// Parameters that have taken the same number of steps: they share one update.
struct Batch {
  std::vector<size_t> numbers;  // of the parameters, in the order in which they were given
  std::vector<Tensor> parameters;
  Tensor step;
  std::vector<std::vector<Tensor>> slots;  // made at the first step
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

/// The tensors of a set that require gradients.
std::vector<Tensor> learnt(const ParamSet& params);
/// The value, or `ValueError` for one that is negative, infinite or not a number.
double checked_lr(double value);

}  // namespace pydl::optim
