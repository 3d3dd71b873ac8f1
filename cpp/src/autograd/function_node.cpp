// Functions with a derivative of their own, which may have several outputs.
//
// One joint node holds the inputs. Each output has a node of its own, which hands its gradient to the joint node and
// schedules it. The nodes of outputs are younger, so all of them are visited before the joint node.
#include <unordered_set>

#include "autograd/node.h"
#include "core/tensor_impl.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl {

namespace autograd {

namespace {

const op::OpDef& function_def() {
  static const op::OpDef def = {
      .id = op::OpId::count, .name = "function", .doc = "A function with its own derivative."};
  return def;
}

class JointNode final : public Node {
 public:
  JointNode(std::span<const Tensor> function_inputs, size_t outputs, FunctionBackward backward)
      : Node(function_def(), function_inputs), gradients_(outputs), backward_(std::move(backward)) {}

  void give(size_t output, const Tensor& gradient) { gradients_[output] = gradient; }

  op::Gradients backward(const Tensor&) override {
    if (!backward_) {
      throw Error(
          "backward: the tensors saved by a function were freed by an earlier backward; pass retain_graph=True to that "
          "one");
    }
    const std::vector<Tensor> given = std::exchange(gradients_, std::vector<Tensor>(gradients_.size()));
    op::Gradients results = backward_(given);
    if (results.size() != inputs.size()) {
      throw Error(
          concat_text("backward: a function of ", inputs.size(), " inputs gave ", results.size(), " gradients"));
    }
    return results;
  }

  void free_saved() override {
    mark_spent();
    backward_ = nullptr;
  }

 private:
  std::vector<Tensor> gradients_;  // of the outputs, in this pass
  FunctionBackward backward_;
};

class OutputNode final : public Node {
 public:
  OutputNode(const NodePtr& joint, size_t output) : Node(function_def(), {}), output_(output) {
    inputs.resize(1);
    inputs[0].node = joint;
  }

  op::Gradients backward(const Tensor& gradient) override {
    static_cast<JointNode*>(inputs[0].node.get())->give(output_, gradient);
    // Its only purpose is to schedule the joint node.
    return {zeros({})};
  }

 private:
  size_t output_;
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
  const autograd::NodePtr joint(new autograd::JointNode(inputs, outputs.size(), std::move(backward)));
  std::vector<Tensor> recorded;
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor output = outputs[i].detach();
    if (is_floating(output.dtype())) output.impl()->node = autograd::NodePtr(new autograd::OutputNode(joint, i));
    recorded.push_back(std::move(output));
  }
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
