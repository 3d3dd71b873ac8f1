#include "compiler/traced_call.h"

#include "pydl/autocast.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "runtime/threads.h"

namespace pydl::compiler {

Modes Modes::current() {
  return {.grad_enabled = pydl::grad_enabled(), .autocast = autocast_dtype(), .threads = runtime::thread_count()};
}

bool TracedCall::serves() const {
  if (modes != Modes::current()) return false;
  for (const TracedState& state : states) {
    if (state.tensor.requires_grad() != state.requires_grad) return false;
    if (state.tensor.grad().defined() != state.has_grad) return false;
    if (hook_changes(state.tensor) != state.hook_changes) return false;
  }
  return true;
}

bool TracedCall::has_gradients_alike() const {
  for (const TracedState& state : states) {
    if (state.tensor.grad().defined() != state.has_grad) return false;
  }
  return true;
}

std::string TracedCall::difference() const {
  const Modes now = Modes::current();
  if (modes.grad_enabled != now.grad_enabled) return "recording of gradients was switched";
  if (modes.autocast != now.autocast) return "autocast was switched";
  if (modes.threads != now.threads) return "the number of threads changed";
  for (const TracedState& state : states) {
    if (state.tensor.requires_grad() != state.requires_grad) return "requires_grad of a parameter changed";
    if (hook_changes(state.tensor) != state.hook_changes) return "a hook of a parameter was added or removed";
    if (state.tensor.grad().defined() == state.has_grad) continue;
    return "a parameter has a gradient from outside, or none any more";
  }
  return "";
}

void TracedCall::add_gradients(std::vector<Tensor>& arguments) const {
  if (!takes_gradients) return;
  for (const TracedState& state : states) {
    if (state.has_grad) arguments.push_back(contiguous(state.tensor.grad()));
  }
}

namespace {

// The gradients computed by the derivative, undefined where there is none.
std::vector<Tensor> run_derivative(const Derivative& derivative, std::vector<Tensor> arguments,
                                   std::span<const uint32_t> versions, std::span<const Tensor> results,
                                   std::span<const Tensor> gradients) {
  if (grad_enabled()) {
    throw Error("a compiled function: derivatives of higher order are not offered; compute them inside the function");
  }
  for (size_t i = 0; i < derivative.states.size(); ++i) {
    if (derivative.states[i].version() == versions[i]) continue;
    throw Error(concat_text("backward: a parameter of shape ", derivative.states[i].shape(),
                            " was overwritten after the compiled function had used it"));
  }
  for (size_t i = 0; i < gradients.size(); ++i) {
    arguments.push_back(gradients[i].defined() ? contiguous(gradients[i]) : zeros_like(results[i]));
  }
  const std::vector<Tensor> given = derivative.program->run(arguments);
  std::vector<Tensor> found(derivative.flows.size());
  size_t next = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (derivative.flows[i]) found[i] = given[next++];
  }
  return found;
}

// Gives the differentiable results their gradient history. The values handed over to the derivative follow the first
// `handed_over` outputs.
void record_results(const std::shared_ptr<const TracedCall>& call, std::span<const Tensor> tensors, size_t handed_over,
                    std::vector<Tensor>& outputs) {
  const Derivative& derivative = *call->derivative;
  std::vector<Tensor> inputs;
  for (const size_t i : derivative.arguments) inputs.push_back(tensors[i]);
  std::vector<uint32_t> versions;
  for (const Tensor& state : derivative.states) {
    inputs.push_back(state);
    versions.push_back(state.version());
  }
  std::vector<Tensor> results;
  std::vector<Tensor> shapes;
  for (const size_t i : derivative.results) {
    results.push_back(outputs[i]);
    shapes.push_back(outputs[i].detach());
  }
  const std::vector<Tensor> saved(outputs.begin() + static_cast<std::ptrdiff_t>(handed_over), outputs.end());
  const std::vector<Tensor> recorded =
      record_function(inputs, results, [call, saved, versions, shapes](std::span<const Tensor> gradients) {
        return run_derivative(*call->derivative, saved, versions, shapes, gradients);
      });
  for (size_t i = 0; i < recorded.size(); ++i) outputs[derivative.results[i]] = recorded[i];
}

}  // namespace

void finish_call(const std::shared_ptr<const TracedCall>& call, std::span<const Tensor> arguments,
                 std::vector<Tensor>& outputs) {
  for (const Tensor& tensor : call->cleared) {
    if (tensor.grad().defined()) Tensor(tensor).set_grad({});
  }
  for (size_t i = 0; i < call->receivers.size(); ++i) {
    Tensor(call->receivers[i]).set_grad(outputs[call->results_count + i]);
  }
  if (call->derivative) record_results(call, arguments, call->results_count + call->receivers.size(), outputs);
  outputs.resize(call->results_count);
}

}  // namespace pydl::compiler
