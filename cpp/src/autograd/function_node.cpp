// Functions with a derivative of their own, which may have several results.
#include <unordered_set>

#include "autograd/node.h"
#include "core/tensor_impl.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl {

namespace autograd {

namespace {

const op::OpDef& function_def() {
  // Never destroyed: threads may go on computing while the process ends.
  static const auto* const def = new op::OpDef{.doc = "A function with its own derivative.", .name = "function"};
  return *def;
}

class FunctionNode final : public Node {
 public:
  FunctionNode(std::span<const Tensor> function_inputs, size_t results, FunctionBackward backward)
      : Node(function_def(), function_inputs, results), backward_(std::move(backward)) {}

  op::Gradients backward(std::span<const Tensor> gradients) override {
    if (!backward_) {
      throw Error(
          "backward: the tensors saved by a function were freed by an earlier backward; pass retain_graph=True to that "
          "one");
    }
    op::Gradients found = backward_(gradients);
    if (found.size() != inputs.size()) {
      throw Error(concat_text("backward: a function of ", inputs.size(), " inputs gave ", found.size(), " gradients"));
    }
    return found;
  }

  void free_saved() override {
    mark_spent();
    backward_ = nullptr;
  }

 private:
  FunctionBackward backward_;
};

}  // namespace

}  // namespace autograd

namespace {

void require_defined(const char* name, std::span<const Tensor> tensors) {
  for (const Tensor& tensor : tensors) {
    if (!tensor.defined()) throw ValueError(concat_text(name, ": an undefined tensor was given"));
  }
}

}  // namespace

std::vector<Tensor> record_function(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                                    FunctionBackward backward) {
  require_defined("record_function", inputs);
  require_defined("record_function", outputs);
  if (!backward) throw ValueError("record_function: expected a derivative, got an empty function");
  std::vector<Tensor> recorded;
  for (const Tensor& output : outputs) recorded.push_back(output.detach());
  autograd::attach(autograd::NodePtr(new autograd::FunctionNode(inputs, outputs.size(), std::move(backward))),
                   recorded);
  return recorded;
}

namespace {

// Calls `visit` once with every node in the history of the tensors, until it returns false.
template <class Visit>
void walk_history(std::span<const Tensor> tensors, const Visit& visit) {
  std::unordered_set<const autograd::Node*> seen;
  std::vector<const autograd::Node*> stack;
  for (const Tensor& tensor : tensors) {
    if (const autograd::Node* node = tensor.impl()->node.get()) stack.push_back(node);
  }
  while (!stack.empty()) {
    const autograd::Node* node = stack.back();
    stack.pop_back();
    if (!seen.insert(node).second) continue;
    if (!visit(*node)) return;
    for (const autograd::NodeInput& input : node->inputs) {
      if (input.node) stack.push_back(input.node.get());
    }
  }
}

}  // namespace

std::vector<Tensor> leaves_of(std::span<const Tensor> outputs) {
  require_defined("leaves_of", outputs);
  std::vector<Tensor> leaves;
  std::unordered_set<const core::TensorImpl*> seen;
  const auto add = [&](const Tensor& tensor) {
    if (seen.insert(tensor.impl()).second) leaves.push_back(tensor);
  };
  for (const Tensor& output : outputs) {
    if (output.impl()->requires_grad) add(output);
  }
  walk_history(outputs, [&](const autograd::Node& node) {
    for (const autograd::NodeInput& input : node.inputs) {
      if (const Tensor leaf = input.leaf ? input.leaf->leaf() : Tensor{}; leaf.defined()) add(leaf);
    }
    return true;
  });
  return leaves;
}

bool is_differentiable(const Tensor& tensor) {
  require_defined("is_differentiable", {&tensor, 1});
  bool fresh = tensor.requires_grad() && !tensor.is_leaf();
  walk_history({&tensor, 1}, [&](const autograd::Node& node) {
    fresh = fresh && !node.is_spent();
    return fresh;
  });
  return fresh;
}

}  // namespace pydl
