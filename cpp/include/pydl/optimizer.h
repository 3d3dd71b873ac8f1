// Optimisers: the updates of optim.h together with their state, as in Python's pydl.optim.
//
//   optim::Adam optimizer(params, 0.001);
//   loss.backward();
//   optimizer.step();
//   optimizer.zero_grad();
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/optim.h"
#include "pydl/params.h"

namespace pydl::optim {

/// Parameters with a learning rate and options of their own.
template <class Options>
struct ParameterGroup {
  std::vector<Tensor> parameters;
  double lr;
  Options options = {};
};

/// What `Optimizer::step` does to gradients first; at most one of them.
struct Clipping {
  std::optional<double> norm = {};   ///< as `clip_grad_norm` of all parameters that have gradients
  std::optional<double> value = {};  ///< as `clip_grad_value`
};

/// The common part of all optimisers: groups of parameters with a learning rate each, step counters and moments. This
/// is a handle: copies share them. Parameters without a gradient, and frozen ones, are skipped and keep their state.
class PYDL_API Optimizer {
 public:
  // A move copies, so that no handle is left empty.
  Optimizer(const Optimizer&) = default;
  Optimizer& operator=(const Optimizer&) = default;

  /// Updates all parameters that have a gradient, in place.
  void step();
  /// Drops the gradients of all parameters.
  void zero_grad();

  /// Of all groups, one after the other.
  const std::vector<Tensor>& parameters() const;
  size_t group_count() const;
  /// `IndexError` for a group that does not exist.
  double lr(size_t group = 0) const;
  /// For all groups. `ValueError` if the value is negative or infinite. Compiled steps are not traced again.
  void set_lr(double value);
  void set_lr(size_t group, double value);
  /// The learning rate that updates read, float64 of rank 0.
  const Tensor& lr_tensor(size_t group = 0) const;
  /// The number of updates so far.
  int64_t steps() const;
  /// Clips gradients in place at each step. `ValueError` if a bound is negative or NaN, or if both are given.
  void set_clipping(const Clipping& clipping);
  const Clipping& clipping() const;

  /// The state, with the names of Python's `Optimizer.state_dict`: "lr.<number of the group>", and "<number of the
  /// parameter>.step" and ".<moment>" for each parameter. The tensors share memory with the optimiser.
  ParamSet states() const;
  /// Copies a state that `states` returned for the same parameters in the same order. `ValueError` if tensors are
  /// missing, superfluous or of another shape.
  void load_states(const ParamSet& states);
  /// Counts how often tensors of the state were replaced by new ones. Compiled functions check it.
  int64_t structure() const;

  struct State;

 protected:
  template <class Options>
  Optimizer(const char* name, const std::vector<ParameterGroup<Options>>& groups);

 private:
  std::shared_ptr<State> state_;
};

/// An optimiser with one kind of update. Each constructor takes the tensors of a set that require gradients, a list of
/// leaves, or groups of leaves. `ValueError` if there are none, if one is given twice, and for options that are out of
/// range.
template <class Options>
class PYDL_API OptimizerOf : public Optimizer {
 public:
  explicit OptimizerOf(const ParamSet& params, double lr = Options::default_lr, const Options& options = {});
  explicit OptimizerOf(const std::vector<Tensor>& parameters, double lr = Options::default_lr,
                       const Options& options = {});
  explicit OptimizerOf(const std::vector<ParameterGroup<Options>>& groups);
};

using Sgd = OptimizerOf<SgdOptions>;
using RmsProp = OptimizerOf<RmspropOptions>;
using Adam = OptimizerOf<AdamOptions>;
using Adagrad = OptimizerOf<AdagradOptions>;
using Adadelta = OptimizerOf<AdadeltaOptions>;
using Adamax = OptimizerOf<AdamaxOptions>;
using Nadam = OptimizerOf<NadamOptions>;
using Radam = OptimizerOf<RadamOptions>;
using Rprop = OptimizerOf<RpropOptions>;
using Lion = OptimizerOf<LionOptions>;
using Lamb = OptimizerOf<LambOptions>;
/// For matrices only (`ValueError`): other parameters go to another optimiser.
using Muon = OptimizerOf<MuonOptions>;

/// Scales the gradients in place so that their joint norm is at most `max_norm`, and returns the norm before scaling:
/// float64 of rank 0, zero if there are no gradients. It is the Euclidean norm, or the one of order `norm_type`, above
/// 0 and perhaps infinite. The norm is computed in float32 or wider, whatever the dtype of the gradients. Gradients
/// whose norm is within the bound keep their bits. An infinite norm makes 0 of finite gradients, and one that is NaN
/// makes all of them NaN, unless `error_if_nonfinite`, which is an `Error` then; nothing is changed. Compiled functions
/// may call this without `error_if_nonfinite` (`TraceError`). `ValueError` for a `max_norm` that is negative or NaN,
/// and for another `norm_type`.
PYDL_API Tensor clip_grad_norm(std::span<const Tensor> parameters, double max_norm, bool error_if_nonfinite = false,
                               double norm_type = 2);

/// Limits each element of the gradients to [-max_value, max_value], in place; those that are NaN stay. `ValueError` for
/// a `max_value` that is negative or NaN.
PYDL_API void clip_grad_value(std::span<const Tensor> parameters, double max_value);

}  // namespace pydl::optim
