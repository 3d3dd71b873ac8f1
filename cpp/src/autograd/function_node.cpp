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
  FunctionNode(std::span<const Tensor> function_inputs, std::span<const Tensor> outputs, FunctionOptions options,
               OutputsBackward backward)
      : Node(function_def(), function_inputs, outputs.size()),
        name_(std::move(options.name)),
        backward_(std::move(backward)) {
    for (const size_t i : options.saved) saved_.push_back({i, outputs[i].detach(), outputs[i].version()});
  }

  const char* name() const override { return name_.c_str(); }
  bool has_op() const override { return false; }

  op::Gradients backward(std::span<const Tensor> gradients) override {
    if (!backward_) {
      throw Error(concat_text("backward: the tensors saved by ", name_,
                              " were freed by an earlier backward; pass retain_graph=True to that one"));
    }
    const std::vector<Tensor> saved = unpack();
    const OutputsBackward function = backward_;  // which may free this node, by a backward pass of its own
    op::Gradients found = function(gradients, saved);
    if (found.size() != inputs.size()) {
      throw Error(
          concat_text("backward: ", name_, " has ", inputs.size(), " inputs and gave ", found.size(), " gradients"));
    }
    return found;
  }

  void free_saved() override {
    mark_spent();
    backward_ = nullptr;
    saved_.clear();
  }

 private:
  struct SavedOutput {
    size_t number;
    Tensor tensor;  // without its node, which would be a cycle
    uint32_t version;
  };

  std::vector<Tensor> unpack() {
    std::vector<Tensor> outputs;
    for (const SavedOutput& saved : saved_) {
      if (saved.tensor.version() != saved.version) {
        throw Error(concat_text("backward: ", name_, " still needs its output of shape ", saved.tensor.shape(),
                                ", which has been overwritten in place"));
      }
      Tensor output = saved.tensor.detach();
      if (is_floating(output.dtype())) {
        retain();
        output.impl()->node = NodePtr(this);
        output.impl()->result = static_cast<uint16_t>(saved.number);
      }
      outputs.push_back(std::move(output));
    }
    return outputs;
  }

  std::string name_;
  OutputsBackward backward_;
  std::vector<SavedOutput> saved_;
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
  if (!backward) throw ValueError("record_function: expected a derivative, got an empty function");
  return record_function(inputs, outputs, FunctionOptions{},
                         [own = std::move(backward)](std::span<const Tensor> gradients, std::span<const Tensor>) {
                           return own(gradients);
                         });
}

std::vector<Tensor> record_function(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                                    FunctionOptions options, OutputsBackward backward) {
  require_defined("record_function", inputs);
  require_defined("record_function", outputs);
  if (!backward) throw ValueError("record_function: expected a derivative, got an empty function");
  for (const size_t i : options.saved) {
    if (i < outputs.size()) continue;
    throw ValueError(concat_text("record_function: output ", i, " is to be saved, but there are ", outputs.size()));
  }
  std::vector<Tensor> recorded;
  for (const Tensor& output : outputs) recorded.push_back(output.detach());
  autograd::attach(
      autograd::NodePtr(new autograd::FunctionNode(inputs, recorded, std::move(options), std::move(backward))),
      recorded);
  return recorded;
}

// Either the tensor itself or the link of a leaf.
struct SavedTensor::Saved {
  Tensor tensor;
  core::IntrusivePtr<core::LeafLink> leaf;
  uint32_t version;

  Tensor get() const { return leaf ? leaf->elements() : tensor; }
};

SavedTensor::SavedTensor(const Tensor& tensor) {
  require_defined("SavedTensor", {&tensor, 1});
  Saved saved = {{}, {}, tensor.version()};
  if (tensor.impl()->requires_grad) {
    saved.leaf = core::link_of(*tensor.impl());
  } else {
    saved.tensor = tensor;
  }
  saved_ = std::make_shared<const Saved>(std::move(saved));
}

Tensor SavedTensor::unpack(std::string_view function) const {
  Tensor tensor = saved_->get();
  if (tensor.version() == saved_->version) return tensor;
  throw Error(concat_text("backward: ", function, " still needs a tensor of shape ", tensor.shape(),
                          ", which has been overwritten in place (version ", tensor.version(), ", saved at version ",
                          saved_->version, ")"));
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
