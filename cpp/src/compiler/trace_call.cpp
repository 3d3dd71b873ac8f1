#include "compiler/trace_call.h"

#include <unordered_set>

#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl::compiler {

namespace {

// Gradients that are traced after the results that they belong to.
struct TracedDerivative {
  Derivative use;
  Trace::Position position;
  std::vector<Tensor> gradients;  // only the gradients that exist
};

class Tracing {
 public:
  /// With `takes_gradients`, gradients that the states already have become arguments; otherwise the function does not
  /// see them.
  Tracing(Trace& trace, const ParamSet& states, std::span<const Tensor> arguments, bool takes_gradients);
  ~Tracing() { leave(); }
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  std::shared_ptr<const TracedCall> run(const TensorFunction& function, const ProgramOptions& options);
  RecordedFunction record(const TensorFunction& function, size_t* results);

 private:
  std::vector<Tensor> call(const TensorFunction& function);
  std::vector<Tensor> sort_gradients();
  std::optional<TracedDerivative> differentiate(std::span<const Tensor> results);
  void leave();

  Trace& trace_;
  std::shared_ptr<TracedCall> made_ = std::make_shared<TracedCall>();
  std::vector<Tensor> gradients_;  // that the states had before tracing
  std::vector<Tensor> placed_;     // their stand-ins while the function runs
  std::vector<Tensor> traced_;     // arguments
  std::vector<Tensor> given_;      // gradients passed as arguments
  bool active_ = false;
};

Tracing::Tracing(Trace& trace, const ParamSet& states, std::span<const Tensor> arguments, bool takes_gradients)
    : trace_(trace) {
  for (const auto& [name, tensor] : states.tensors) trace_.state(tensor, name);
  std::unordered_set<const void*> seen;
  for (const auto& entry : states.tensors) {
    const Tensor& tensor = entry.second;
    if (!is_floating(tensor.dtype()) || !tensor.is_leaf() || !seen.insert(tensor.impl()).second) continue;
    made_->states.push_back(tensor);
    made_->requires_grad.push_back(tensor.requires_grad());
    made_->has_grad.push_back(takes_gradients && tensor.grad().defined());
    gradients_.push_back(tensor.grad());
  }
  for (const Tensor& argument : arguments) traced_.push_back(trace_.argument(argument));
  for (size_t i = 0; i < gradients_.size(); ++i) {
    if (made_->has_grad[i]) given_.push_back(trace_.argument(contiguous(gradients_[i])));
  }
}

// Ends the trace, so that ops run immediately again. The states get back their earlier gradients; those made by the
// trace were visible only inside it.
void Tracing::leave() {
  if (!active_) return;
  active_ = false;
  trace_.stop();
}

std::vector<Tensor> Tracing::call(const TensorFunction& function) {
  size_t next = 0;
  for (size_t i = 0; i < gradients_.size(); ++i) {
    made_->states[i].set_grad(made_->has_grad[i] ? copy(given_[next++]) : Tensor{});
    placed_.push_back(made_->states[i].grad());
  }
  std::vector<Tensor> results = function(traced_);
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].defined()) throw TraceError(concat_text("result ", i, " of a compiled function is undefined"));
  }
  for (size_t i = 0; i < traced_.size(); ++i) {
    if (!traced_[i].grad().defined()) continue;
    throw TraceError(concat_text("backward() reached argument ", i, " of a compiled function, of shape ",
                                 traced_[i].shape(), "; use pydl::grad for gradients of arguments"));
  }
  return results;
}

// Drops the gradients that an update has used and returns the others for their owners.
std::vector<Tensor> Tracing::sort_gradients() {
  std::vector<Tensor> kept;
  for (size_t i = 0; i < made_->states.size(); ++i) {
    const Tensor& owner = made_->states[i];
    const Tensor& gradient = owner.grad();
    const bool changed = !placed_[i].defined() || !is_same(gradient, placed_[i]) || placed_[i].version() > 0;
    if (!gradient.defined() || trace_.is_dropped(owner, gradient)) {
      made_->cleared.push_back(owner);
    } else if (changed) {
      made_->receivers.push_back(owner);
      kept.push_back(gradient);
    }
  }
  return kept;
}

// Traces the derivative of recorded results, in case someone calls backward on them.
std::optional<TracedDerivative> Tracing::differentiate(std::span<const Tensor> results) {
  if (!grad_enabled()) return std::nullopt;
  TracedDerivative found;
  std::vector<Tensor> roots;
  for (size_t i = 0; i < results.size(); ++i) {
    if (!is_differentiable(results[i])) continue;
    found.use.results.push_back(i);
    roots.push_back(results[i]);
  }
  if (roots.empty()) return std::nullopt;
  std::unordered_set<const void*> leaves;
  for (const Tensor& leaf : leaves_of(roots)) leaves.insert(leaf.impl());
  std::vector<Tensor> wanted;
  for (size_t i = 0; i < traced_.size(); ++i) {
    if (!leaves.contains(traced_[i].impl())) continue;
    found.use.arguments.push_back(i);
    wanted.push_back(traced_[i]);
  }
  for (const Tensor& state : made_->states) {
    if (!leaves.contains(state.impl())) continue;
    found.use.states.push_back(state);
    wanted.push_back(state);
  }
  if (wanted.empty()) return std::nullopt;
  found.position = trace_.position();
  std::vector<Tensor> weights;
  for (const Tensor& root : roots) weights.push_back(trace_.argument(zeros_like(root)));
  for (const Tensor& gradient : grad(roots, wanted, weights, {.allow_unused = true})) {
    found.use.flows.push_back(gradient.defined());
    if (gradient.defined()) found.gradients.push_back(gradient);
  }
  return found;
}

std::shared_ptr<const TracedCall> Tracing::run(const TensorFunction& function, const ProgramOptions& options) {
  active_ = true;
  trace_.start();
  std::vector<Tensor> outputs = call(function);
  made_->results_count = outputs.size();
  const std::vector<Tensor> kept = sort_gradients();
  std::optional<TracedDerivative> derivative = differentiate(outputs);
  outputs.insert(outputs.end(), kept.begin(), kept.end());
  leave();
  if (!derivative) {
    made_->program = std::make_shared<Program>(trace_.finish(outputs, options));
    return made_;
  }
  auto [forward, backward] = trace_.finish_halves(outputs, derivative->position, derivative->gradients, options);
  made_->program = std::make_shared<Program>(std::move(forward));
  derivative->use.program = std::make_shared<Program>(std::move(backward));
  made_->derivative = std::move(derivative->use);
  return made_;
}

RecordedFunction Tracing::record(const TensorFunction& function, size_t* results) {
  active_ = true;
  trace_.start();
  const std::vector<Tensor> outputs = call(function);
  *results = outputs.size();
  const std::vector<Tensor> kept = sort_gradients();
  if (!kept.empty()) {
    throw ValueError(concat_text("a function to be saved leaves gradients in ", kept.size(),
                                 " parameters, which a file does not hold; let it drop them (zero_grad)"));
  }
  leave();
  return trace_.record(outputs);
}

void require_no_results(const Trace& trace) {
  if (trace.live_results() <= 0) return;
  throw TraceError(
      "a compiled function keeps a tensor that it computed, which has no elements, in some variable outside; return "
      "it instead");
}

}  // namespace

std::shared_ptr<const TracedCall> trace_call(const TensorFunction& function, const ParamSet& states,
                                             std::span<const Tensor> arguments, const ProgramOptions& options) {
  Trace trace;
  std::shared_ptr<const TracedCall> made = Tracing(trace, states, arguments, true).run(function, options);
  require_no_results(trace);
  return made;
}

RecordedFunction record_call(const TensorFunction& function, const ParamSet& states, std::span<const Tensor> arguments,
                             size_t* results) {
  Trace trace;
  RecordedFunction recorded = Tracing(trace, states, arguments, false).record(function, results);
  require_no_results(trace);
  return recorded;
}

}  // namespace pydl::compiler
