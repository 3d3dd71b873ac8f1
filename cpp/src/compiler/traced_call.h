// TracedCall: the program of a function that was traced, under which modes and states it serves, and what its outputs
// are for. Python's compiled functions and those of C++ share it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/module_api.h"
#include "pydl/program.h"

namespace pydl::compiler {

/// How results of a program that somebody may differentiate get their history.
struct Derivative {
  std::shared_ptr<Program> program;  ///< from what the forward program handed over and gradients of results
  std::vector<size_t> results;       ///< that are differentiable, by number
  std::vector<size_t> arguments;     ///< whose gradients are wanted
  std::vector<Tensor> states;        ///< likewise
  std::vector<bool> flows;           ///< whether there is a gradient, for arguments and then states
};

/// Settings of the calling thread that programs are made for.
struct PYDL_MODULE_API Modes {
  bool grad_enabled;
  std::optional<DType> autocast;
  int threads;

  static Modes current();
  friend bool operator==(const Modes&, const Modes&) = default;
};

struct PYDL_MODULE_API TracedCall {
  std::shared_ptr<Program> program;
  size_t results_count = 0;
  Modes modes = Modes::current();
  std::vector<Tensor> states;       ///< that ask for gradients, or did not
  std::vector<bool> requires_grad;  ///< of each
  std::vector<bool> has_grad;       ///< whether `grad` of each is an argument
  std::vector<Tensor> cleared;      ///< lose their `grad`
  std::vector<Tensor> receivers;    ///< get their `grad` from the outputs behind the results
  std::optional<Derivative> derivative;

  /// Whether the states that had gradients have them, and no others.
  bool has_gradients_alike() const;
  /// Whether modes and states are those that it was made for.
  bool serves() const;
  /// Why it does not serve, in words; empty where it does.
  std::string difference() const;
  /// Adds the arguments that follow those of the function: gradients from outside.
  void add_gradients(std::vector<Tensor>& arguments) const;
};

/// What is left to do once the program has run: hands gradients to their owners, and gives results their history. The
/// outputs that remain are the results.
PYDL_MODULE_API void settle(const std::shared_ptr<const TracedCall>& call, std::span<const Tensor> arguments,
                            std::vector<Tensor>& outputs);

}  // namespace pydl::compiler
