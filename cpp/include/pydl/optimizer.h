// Optimisers: the updates of optim.h together with their state, as in Python's pydl.optim.
//
//   optim::Adam optimizer(params, 0.001);
//   loss.backward();
//   optimizer.step();
//   optimizer.zero_grad();
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/optim.h"
#include "pydl/params.h"

namespace pydl::optim {

/// The common part of all optimisers: parameters, learning rate, step counters and moments. This is a handle: copies
/// share them. Parameters without a gradient, and frozen ones, are skipped and keep their state.
class PYDL_API Optimizer {
 public:
  // A move copies, so that no handle is left empty.
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;

  /// Updates all parameters that have a gradient, in place.
  void step();
  /// Drops the gradients of all parameters.
  void zero_grad();

  const std::vector<Tensor>& parameters() const;
  double lr() const;
  /// `ValueError` if the value is negative or infinite. Compiled steps are not traced again.
  void set_lr(double value);
  /// The learning rate that updates read, float64 of rank 0.
  const Tensor& lr_tensor() const;
  /// The number of updates so far.
  int64_t steps() const;

  /// The state, with the names of Python's `Optimizer.state_dict`: "lr.0", and "<number of the parameter>.step" and
  /// ".<moment>" for each parameter. The tensors share memory with the optimiser.
  ParamSet states() const;
  /// Copies a state that `states` returned for the same parameters in the same order. `ValueError` if tensors are
  /// missing, superfluous or of another shape.
  void load_states(const ParamSet& states);
  /// Counts how often tensors of the state were replaced by new ones. Compiled functions check it.
  int64_t structure() const;

 protected:
  struct State;
  explicit Optimizer(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

// Each takes the tensors of a set that require gradients, or a list of leaves. `ValueError` if there are none, if one
// is given twice, and for options that are out of range.

/// Stochastic gradient descent, with momentum.
class PYDL_API Sgd : public Optimizer {
 public:
  explicit Sgd(const ParamSet& params, double lr = 0.01, const SgdOptions& options = {});
  explicit Sgd(const std::vector<Tensor>& parameters, double lr = 0.01, const SgdOptions& options = {});
};

/// Kingma and Ba (2015); with `decoupled` AdamW.
class PYDL_API Adam : public Optimizer {
 public:
  explicit Adam(const ParamSet& params, double lr = 0.001, const AdamOptions& options = {});
  explicit Adam(const std::vector<Tensor>& parameters, double lr = 0.001, const AdamOptions& options = {});
};

/// Hinton (2012).
class PYDL_API RmsProp : public Optimizer {
 public:
  explicit RmsProp(const ParamSet& params, double lr = 0.01, const RmspropOptions& options = {});
  explicit RmsProp(const std::vector<Tensor>& parameters, double lr = 0.01, const RmspropOptions& options = {});
};

/// Scales the gradients in place so that their joint Euclidean norm is at most `max_norm`, and returns the norm before
/// scaling: float64 of rank 0, zero if there are no gradients. The norm is computed in float32 or wider, whatever the
/// dtype of the gradients. Gradients whose norm is within the bound keep their bits. An infinite norm makes 0 of finite
/// gradients, and one that is NaN makes all of them NaN, unless `error_if_nonfinite`, which is an `Error` then; nothing
/// is changed. Compiled functions may call this without `error_if_nonfinite` (`TraceError`). `ValueError` for a
/// `max_norm` that is negative or NaN.
PYDL_API Tensor clip_grad_norm(std::span<const Tensor> parameters, double max_norm, bool error_if_nonfinite = false);

}  // namespace pydl::optim
