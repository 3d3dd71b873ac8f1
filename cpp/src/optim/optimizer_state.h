// The state of an optimiser. The optimisers of C++ and of Python both consist of it.
#pragma once

#include <variant>

#include "core/module_api.h"
#include "pydl/optimizer.h"

namespace pydl::optim {

/// The options of one kind of optimiser; none if its update is defined elsewhere, in Python.
using AnyOptions =
    std::variant<std::monostate, SgdOptions, RmspropOptions, AdamOptions, AdagradOptions, AdadeltaOptions,
                 AdamaxOptions, NadamOptions, RadamOptions, RpropOptions, LionOptions, LambOptions, MuonOptions>;

/// The names of the tensors that are kept for each parameter.
PYDL_MODULE_API std::vector<std::string> slot_names(const AnyOptions& options);

/// The dtype of the tensors that are kept for a parameter: at least float32.
DType state_dtype(const Tensor& parameter);

/// Parameters with one learning rate and one set of options.
struct GroupState {
  std::vector<Tensor> parameters;
  Tensor lr;
  AnyOptions options;
  std::vector<std::string> slots;  ///< names
};

/// Parameters of one group that have taken the same number of steps and therefore share one update.
struct Batch {
  size_t group = 0;
  std::vector<size_t> numbers;  ///< parameter numbers, in the order in which the parameters were given
  std::vector<Tensor> parameters;
  Tensor step;
  std::vector<std::vector<Tensor>> slots;  ///< one tensor per parameter in each; created at the first step
};

/// What a group is made of.
struct GivenGroup {
  std::vector<Tensor> parameters;
  double lr;
  AnyOptions options;
  std::vector<std::string> slots;
};

struct PYDL_MODULE_API Optimizer::State {
  /// `name` is used in messages.
  State(std::string name, std::vector<GivenGroup> given);

  void step();
  /// Prepares the update of a batch: parameters without a gradient move into a batch of their own, and slots are
  /// created. Returns the gradients of those that stay; none if nothing is to be updated.
  std::vector<Tensor> prepare(size_t batch);
  void update(const Batch& batch, std::span<const Tensor> gradients);

  /// Changes the options of a group. Slots that are still needed are kept, and new ones begin with zeros.
  void set_options(size_t group, const AnyOptions& options);
  void set_slots(size_t group, const std::vector<std::string>& names);
  void set_lr(size_t group, double value);
  const GroupState& group(size_t number) const;

  void zero_grad();
  void set_clipping(const Clipping& bounds);
  /// Clips the gradients of all parameters that are to be updated.
  void clip_gradients() const;
  int64_t steps() const;
  ParamSet tensors() const;
  /// `caller` names the function in messages.
  void load(const ParamSet& states, const std::string& caller);
  /// Copies the state of an optimiser of the same kind for as many parameters of the same shapes.
  void copy_from(const State& other);

  std::string name;
  std::vector<Tensor> parameters;  // of all groups
  std::vector<GroupState> groups;
  std::vector<std::shared_ptr<const Batch>> batches;  // replaced, not changed: other threads may read them
  Clipping clipping;
  int64_t structure = 0;

 private:
  void split(size_t batch, const std::vector<bool>& chosen);
  void make_slots(size_t batch);
  Tensor make_slot(const Batch& batch, size_t position, const std::string& slot) const;
};

}  // namespace pydl::optim
