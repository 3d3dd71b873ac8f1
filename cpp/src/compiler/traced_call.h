// TracedCall: the program of a traced function, the modes and states that it is valid for, and the meaning of its
// outputs. Compiled functions in Python and C++ share it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/module_api.h"
#include "pydl/program.h"

namespace pydl::compiler {

/// How results of a program get their gradient history if they may be differentiated.
struct Derivative {
  std::shared_ptr<Program> program;  ///< inputs: what the forward program hands over, and gradients of results
  std::vector<size_t> results;       ///< numbers of the differentiable results
  std::vector<size_t> arguments;     ///< numbers of the arguments whose gradients are wanted
  std::vector<Tensor> states;        ///< states whose gradients are wanted
  std::vector<bool> flows;           ///< whether each argument and then each state has a gradient
};

/// The settings of the calling thread for which programs are made.
struct PYDL_MODULE_API Modes {
  bool grad_enabled;
  std::optional<DType> autocast;
  int threads;

  static Modes current();
  friend bool operator==(const Modes&, const Modes&) = default;
};

/// A state that may require gradients.
struct TracedState {
  Tensor tensor;
  bool requires_grad;
  bool has_grad;          ///< its `grad` is an argument
  uint32_t hook_changes;  ///< see `pydl::hook_changes`
};

struct PYDL_MODULE_API TracedCall {
  std::shared_ptr<Program> program;
  size_t results_count = 0;
  Modes modes = Modes::current();
  std::vector<TracedState> states;
  bool takes_gradients = false;   ///< whether any state has a `grad` from outside
  std::vector<Tensor> cleared;    ///< states that lose their `grad`
  std::vector<Tensor> receivers;  ///< states that get their `grad` from the outputs after the results
  std::optional<Derivative> derivative;

  /// Whether exactly those states have gradients that had them when the call was traced.
  bool has_gradients_alike() const;
  /// Whether the modes and states are those that it was made for.
  bool serves() const;
  /// Why it cannot serve, in words; empty if it can.
  std::string difference() const;
  /// Appends the extra arguments after those of the function: gradients from outside.
  void add_gradients(std::vector<Tensor>& arguments) const;
};

/// Finishes a call after the program has run: hands gradients to their owners and gives results their history. Only the
/// results remain in `outputs`.
PYDL_MODULE_API void finish_call(const std::shared_ptr<const TracedCall>& call, std::span<const Tensor> arguments,
                                 std::vector<Tensor>& outputs);

}  // namespace pydl::compiler
