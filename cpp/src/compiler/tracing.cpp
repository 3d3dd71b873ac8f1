#include "compiler/tracing.h"

#include <unordered_set>

#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl::compiler {

namespace {

// While it exists, functions are recorded, and gradients of states are visible only inside the trace.
class RecordingScope {
 public:
  explicit RecordingScope(Trace& trace) : trace_(trace) { trace_.start(); }
  ~RecordingScope() { trace_.stop(); }
  RecordingScope(const RecordingScope&) = delete;
  RecordingScope& operator=(const RecordingScope&) = delete;

 private:
  Trace& trace_;
};

}  // namespace

Tracing::Tracing(std::string name, const ParamSet& states, std::span<const Tensor> arguments, Purpose purpose,
                 std::function<std::string()> locator)
    : name_(std::move(name)), purpose_(purpose) {
  if (locator) trace_.set_locator(std::move(locator));
  for (const auto& [state_name, tensor] : states.tensors) trace_.state(tensor, state_name);
  for (const Tensor& argument : arguments) arguments_.push_back(trace_.argument(argument));
  std::unordered_set<const void*> seen;
  for (const auto& entry : states.tensors) {
    const Tensor& tensor = entry.second;
    if (!is_floating(tensor.dtype()) || !tensor.is_leaf() || !seen.insert(tensor.impl()).second) continue;
    const Tensor gradient = purpose == Purpose::program ? tensor.grad() : Tensor{};
    made_->states.push_back({tensor, tensor.requires_grad(), gradient.defined(), hook_changes(tensor)});
    made_->takes_gradients |= gradient.defined();
    placed_.push_back(gradient.defined() ? trace_.argument(contiguous(gradient)) : Tensor{});
  }
}

void Tracing::run(const TensorFunction& function) {
  const RecordingScope recording(trace_);
  place_gradients();
  outputs_ = function(arguments_);
  made_->results_count = outputs_.size();
  check_results();
  const std::vector<Tensor> kept = sort_gradients();
  if (purpose_ == Purpose::program) differentiate();
  outputs_.insert(outputs_.end(), kept.begin(), kept.end());
}

// The function may write to gradients, but not to arguments.
void Tracing::place_gradients() {
  for (size_t i = 0; i < placed_.size(); ++i) {
    if (placed_[i].defined()) placed_[i] = copy(placed_[i]);
    made_->states[i].tensor.set_grad(placed_[i]);
  }
}

void Tracing::check_results() const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].defined()) throw TraceError(concat_text(name_, ": result ", i, " is undefined"));
  }
  for (size_t i = 0; i < arguments_.size(); ++i) {
    if (!arguments_[i].grad().defined()) continue;
    throw TraceError(concat_text(name_, ": backward() reached tensor ", i, " of the arguments, of shape ",
                                 arguments_[i].shape(), "; use pydl.grad for gradients of arguments"));
  }
}

// Drops the gradients that an update has used and returns the others for their owners.
std::vector<Tensor> Tracing::sort_gradients() {
  std::vector<Tensor> kept;
  for (size_t i = 0; i < made_->states.size(); ++i) {
    const Tensor& owner = made_->states[i].tensor;
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
void Tracing::differentiate() {
  if (!grad_enabled()) return;
  Derivative found;
  std::vector<Tensor> roots;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!is_differentiable(outputs_[i])) continue;
    found.results.push_back(i);
    roots.push_back(outputs_[i]);
  }
  if (roots.empty()) return;
  std::unordered_set<const void*> leaves;
  for (const Tensor& leaf : leaves_of(roots)) leaves.insert(leaf.impl());
  std::vector<Tensor> wanted;
  for (size_t i = 0; i < arguments_.size(); ++i) {
    if (!leaves.contains(arguments_[i].impl())) continue;
    found.arguments.push_back(i);
    wanted.push_back(arguments_[i]);
  }
  for (const TracedState& state : made_->states) {
    if (!leaves.contains(state.tensor.impl())) continue;
    found.states.push_back(state.tensor);
    wanted.push_back(state.tensor);
  }
  if (wanted.empty()) return;
  middle_ = trace_.position();
  std::vector<Tensor> weights;
  for (const Tensor& root : roots) weights.push_back(trace_.argument(zeros_like(root)));
  for (const Tensor& gradient : grad(roots, wanted, weights, {.allow_unused = true, .input_hooks = false})) {
    found.flows.push_back(gradient.defined());
    if (gradient.defined()) gradients_.push_back(gradient);
  }
  made_->derivative = std::move(found);
}

std::shared_ptr<TracedCall> Tracing::finish(const ProgramOptions& options) {
  if (made_->derivative) {
    auto [forward, backward] = trace_.finish_halves(outputs_, middle_, gradients_, options);
    made_->program = std::make_shared<Program>(std::move(forward));
    made_->derivative->program = std::make_shared<Program>(std::move(backward));
  } else {
    made_->program = std::make_shared<Program>(trace_.finish(outputs_, options));
  }
  release_tensors();
  return made_;
}

RecordedFunction Tracing::record() {
  if (!made_->receivers.empty()) {
    throw ValueError(concat_text(name_, ": leaves gradients in ", made_->receivers.size(),
                                 " parameters, which a file does not hold; let it drop them "
                                 "(optimizer.zero_grad()), or return them"));
  }
  RecordedFunction recorded = trace_.record(outputs_);
  release_tensors();
  return recorded;
}

// What is alive afterwards was kept by the function.
void Tracing::release_tensors() {
  for (std::vector<Tensor>* tensors : {&arguments_, &placed_, &outputs_, &gradients_}) tensors->clear();
}

void Tracing::require_nothing_kept() const {
  if (live_results() <= 0) return;
  throw TraceError(
      concat_text(name_, ": the function keeps a tensor that it computed in some variable outside; return it instead"));
}

ParamSet tensors_of(std::span<const StateSource> sources) {
  ParamSet all;
  for (const StateSource& source : sources) {
    const ParamSet found = source.tensors();
    all.tensors.insert(all.tensors.end(), found.tensors.begin(), found.tensors.end());
  }
  return all;
}

}  // namespace pydl::compiler
