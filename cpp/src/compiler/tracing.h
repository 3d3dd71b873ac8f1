// Tracing: one run of a function on tensors without elements, and what is made of it. Compiled functions in Python and
// C++ share it.
#pragma once

#include <span>
#include <string>

#include "compiler/traced_call.h"
#include "core/module_api.h"
#include "pydl/compile.h"

namespace pydl::compiler {

/// What a function is traced for.
enum class Purpose : uint8_t {
  program,  ///< gradients that the states already have become arguments
  file,     ///< the function does not see such gradients
};

/// First `run`, then `finish` or `record`.
class PYDL_MODULE_API Tracing {
 public:
  /// Declares the states, and makes stand-ins for the arguments, of which only dtypes and shapes matter. Messages call
  /// the function `name`. The locator returns the current position in its source code, as for `Trace`.
  Tracing(std::string name, const ParamSet& states, std::span<const Tensor> arguments, Purpose purpose,
          std::function<std::string()> locator = {});

  /// Calls the function with the stand-ins, and traces the derivative of its results. The states have the gradients
  /// that they had before it, whether it returns or throws. `TraceError` for undefined results and for gradients that
  /// reach an argument.
  void run(const TensorFunction& function);

  /// Makes the program, in two halves if results can be differentiated.
  std::shared_ptr<TracedCall> finish(const ProgramOptions& options);
  /// Makes a recording for a file instead. `ValueError` if the function leaves gradients behind.
  RecordedFunction record();

  size_t results_count() const { return made_->results_count; }
  /// The tensor whose use ended the trace because it was not declared; undefined if there was none.
  Tensor undeclared() const { return trace_.undeclared(); }
  /// After `finish` or `record`, the number of tensors that the function kept.
  int64_t live_results() const { return trace_.live_results(); }
  /// `TraceError` if there are any.
  void require_nothing_kept() const;

 private:
  void place_gradients();
  void check_results() const;
  std::vector<Tensor> sort_gradients();
  void differentiate();
  void release_tensors();

  std::string name_;
  Purpose purpose_;
  Trace trace_;
  std::shared_ptr<TracedCall> made_ = std::make_shared<TracedCall>();
  std::vector<Tensor> arguments_;  // stand-ins
  std::vector<Tensor> placed_;     // the gradients of the states when the function begins, undefined if there is none
  std::vector<Tensor> outputs_;    // results, then gradients for their owners
  std::vector<Tensor> gradients_;  // those that the derivative computes
  Trace::Position middle_ = {};    // where the derivative begins
};

/// The tensors of all sources, to be declared.
ParamSet tensors_of(std::span<const StateSource> sources);

}  // namespace pydl::compiler
