// The backward pass. It visits nodes from the youngest to the oldest, so that a node has received its whole gradient
// when it is visited.
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "autograd/anomaly.h"
#include "autograd/node.h"
#include "core/tensor_impl.h"
#include "pydl/autocast.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl {

namespace {

thread_local bool recording = true;

using autograd::Node;
using autograd::NodeInput;
using autograd::NodePtr;

struct Younger {
  bool operator()(const Node* a, const Node* b) const { return a->sequence < b->sequence; }
};

Tensor initial_gradient(const char* caller, const Tensor& output, const Tensor& gradient) {
  if (!output.requires_grad()) {
    throw Error(concat_text(caller, ": the output of shape ", output.shape(),
                            " does not depend on any tensor that requires a gradient"));
  }
  if (!gradient.defined()) {
    if (output.size() != 1) {
      throw Error(
          concat_text(caller, ": a gradient is needed for an output of more than one element, shape ", output.shape()));
    }
    return ones_like(output.detach());
  }
  if (gradient.shape() != output.shape()) {
    throw ValueError(
        concat_text(caller, ": expected a gradient of shape ", output.shape(), ", got ", gradient.shape()));
  }
  return astype(gradient, output.dtype());
}

// A gradient that nobody else can see or change: row-major, or channels-last if the leaf is.
Tensor own_gradient(const Tensor& leaf, Tensor gradient, bool create_graph) {
  const core::TensorImpl& impl = *gradient.impl();
  if (create_graph) return gradient;
  const bool unique = !impl.is_shared() && !impl.storage->is_shared();
  const bool as_leaf = gradient.strides() == leaf.strides() && is_channels_last(gradient.shape(), gradient.strides());
  return unique && (gradient.is_contiguous() || as_leaf) ? gradient : copy(gradient.detach());
}

class BackwardPass {
 public:
  BackwardPass(BackwardOptions options, bool into_leaves) : options_(options), into_leaves_(into_leaves) {}

  /// Gradients of this tensor will be kept for `captured`.
  void capture(const Tensor& tensor) {
    if (tensor.impl()->node) {
      captured_nodes_.try_emplace(tensor.impl()->node.get(), tensor.impl()->node->result_count);
    } else {
      captured_leaves_.emplace(tensor.impl(), Tensor{});
    }
  }

  Tensor captured(const Tensor& tensor) const {
    const core::TensorImpl& impl = *tensor.impl();
    return impl.node ? captured_nodes_.at(impl.node.get())[impl.result] : captured_leaves_.at(tensor.impl());
  }

  void add_root(const Tensor& output, Tensor gradient) {
    if (const NodePtr& node = output.impl()->node) {
      push(node, output.impl()->result, std::move(gradient));
    } else {
      add_to_leaf(output, output.impl()->link.load(std::memory_order_acquire), std::move(gradient));
    }
  }

  /// Marks the nodes from which a captured tensor can be reached; the others need no visit.
  void prune(std::span<const Tensor> outputs) {
    std::vector<std::pair<Node*, bool>> stack;
    std::unordered_set<const Node*> seen;
    for (const Tensor& output : outputs) {
      if (Node* node = output.impl()->node.get()) stack.emplace_back(node, false);
    }
    while (!stack.empty()) {
      const auto [node, children_done] = stack.back();
      stack.pop_back();
      if (children_done) {
        if (reaches_captured(*node)) needed_.insert(node);
        continue;
      }
      if (!seen.insert(node).second) continue;
      stack.emplace_back(node, true);
      for (const NodeInput& input : node->inputs) {
        if (input.node && !seen.contains(input.node.get())) stack.emplace_back(input.node.get(), false);
      }
    }
  }

  void run() {
    const GradMode mode(options_.create_graph);
    const AutocastScope as_recorded(std::nullopt);
    while (!queue_.empty()) {
      Node* node = queue_.top();
      queue_.pop();
      auto found = gradients_.find(node);
      Pending pending = std::move(found->second);
      gradients_.erase(found);
      visit(*node, pending.gradients());
    }
    finish_hooked_leaves();
  }

 private:
  // What was sent to a node so far.
  struct Pending {
    NodePtr node;
    Tensor only = {};                  // of a node with one result
    std::vector<Tensor> several = {};  // of others; undefined where none was sent

    Tensor& gradient(size_t result) { return several.empty() ? only : several[result]; }
    std::span<Tensor> gradients() { return several.empty() ? std::span<Tensor>(&only, 1) : std::span<Tensor>(several); }
  };

  // A leaf whose hooks wait for its whole gradient.
  struct HookedLeaf {
    core::IntrusivePtr<core::LeafLink> link;
    std::shared_ptr<autograd::GradientHooks> hooks;
    Tensor gradient;
  };

  bool reaches_captured(const Node& node) const {
    if (captured_nodes_.contains(&node)) return true;
    for (const NodeInput& input : node.inputs) {
      if (wanted(input)) return true;
    }
    return false;
  }

  // Whether anything needs the gradient of this input.
  bool wanted(const NodeInput& input) const {
    if (into_leaves_) return input.needs_grad();
    if (input.node) return needed_.contains(input.node.get());
    return input.leaf && captured_leaves_.contains(input.leaf->address());
  }

  void push(const NodePtr& node, size_t result, Tensor gradient) {
    if (!into_leaves_ && !needed_.contains(node.get())) return;
    auto [entry, is_new] = gradients_.try_emplace(node.get());
    Pending& pending = entry->second;
    if (is_new) {
      pending.node = node;
      if (node->result_count != 1) pending.several.resize(node->result_count);
      queue_.push(node.get());
    }
    Tensor& sum = pending.gradient(result);
    sum = sum.defined() ? add(sum, gradient) : std::move(gradient);
  }

  // `leaf` is undefined if it no longer exists; its hooks do, in the link.
  void add_to_leaf(const Tensor& leaf, core::LeafLink* link, Tensor gradient) {
    if (link != nullptr && (into_leaves_ || options_.input_hooks)) {
      if (auto hooks = link->hooks(); hooks && !hooks->empty()) {
        add_to_hooked(link, std::move(hooks), std::move(gradient));
        return;
      }
    }
    if (leaf.defined()) deposit(leaf, std::move(gradient));
  }

  void add_to_hooked(core::LeafLink* link, std::shared_ptr<autograd::GradientHooks> hooks, Tensor gradient) {
    for (HookedLeaf& known : hooked_leaves_) {
      if (known.link.get() != link) continue;
      known.gradient = add(known.gradient, gradient);
      return;
    }
    hooked_leaves_.push_back({core::IntrusivePtr<core::LeafLink>::share(link), std::move(hooks), std::move(gradient)});
  }

  void finish_hooked_leaves() {
    for (HookedLeaf& hooked : hooked_leaves_) {
      Tensor gradient = hooked.hooks->apply(std::move(hooked.gradient));
      const Tensor leaf = hooked.link->leaf();
      if (!leaf.defined()) continue;
      deposit(leaf, std::move(gradient));
      if (into_leaves_) hooked.hooks->run_after(leaf);
    }
  }

  void deposit(const Tensor& leaf, Tensor gradient) {
    if (into_leaves_) {
      Tensor& sum = core::gradient_of(*leaf.impl());
      sum = sum.defined() ? add(sum, gradient) : own_gradient(leaf, std::move(gradient), options_.create_graph);
      return;
    }
    const auto found = captured_leaves_.find(leaf.impl());
    if (found == captured_leaves_.end()) return;
    found->second = found->second.defined() ? add(found->second, gradient) : std::move(gradient);
  }

  void apply_hooks(Node& node, std::span<Tensor> gradients) {
    const autograd::NodeExtras& extras = *node.extras;
    if (extras.hooks_freed) {
      throw Error(concat_text("backward: the hooks of a result of ", node.name(), " were freed, with the tensors that ",
                              "derivatives need, by an earlier backward; pass retain_graph=True to that one"));
    }
    const auto hooks = extras.hooks;  // a hook may register others
    for (size_t i = 0; i < hooks.size(); ++i) {
      if (hooks[i] && gradients[i].defined()) gradients[i] = hooks[i]->apply(gradients[i]);
    }
    if (!into_leaves_) return;
    for (size_t i = 0; i < extras.retaining.size(); ++i) {
      if (!extras.retaining[i] || !gradients[i].defined()) continue;
      if (const Tensor result = extras.retaining[i]->leaf(); result.defined()) retain(result, gradients[i]);
    }
  }

  void retain(const Tensor& result, const Tensor& gradient) {
    Tensor& sum = core::gradient_of(*result.impl());
    sum = sum.defined() ? add(sum, gradient) : options_.create_graph ? gradient : gradient.detach();
  }

  op::Gradients differentiate(Node& node, std::span<const Tensor> gradients) {
    if (!autograd::looks_for_anomalies()) return node.backward(gradients);
    op::Gradients results;
    {
      const autograd::PauseChecks paused(node.has_op());
      results = node.backward(gradients);
    }
    autograd::check_gradients(node, gradients, results);
    return results;
  }

  void visit(Node& node, std::span<Tensor> gradients) {
    if (node.extras) apply_hooks(node, gradients);
    if (const auto captured = captured_nodes_.find(&node); captured != captured_nodes_.end()) {
      captured->second.assign(gradients.begin(), gradients.end());
    }
    bool any_wanted = false;
    for (const NodeInput& input : node.inputs) any_wanted = any_wanted || wanted(input);
    if (!any_wanted) return;
    op::Gradients results = differentiate(node, gradients);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const NodeInput& input = node.inputs[i];
      if (!wanted(input) || !results[i].defined()) continue;
      Tensor result = std::move(results[i]);
      if (node.def.has(op::Trait::elementwise)) result = sum_to(result, input.shape);
      if (input.node) {
        push(input.node, input.result, std::move(result));
      } else {
        add_to_leaf(input.leaf->leaf(), input.leaf.get(), std::move(result));
      }
    }
    if (!options_.retain_graph && !options_.create_graph) {
      node.free_saved();
      node.free_hooks();
    }
  }

  BackwardOptions options_;
  bool into_leaves_;
  std::priority_queue<Node*, std::vector<Node*>, Younger> queue_;
  std::unordered_map<const Node*, Pending> gradients_;
  std::unordered_map<const Node*, std::vector<Tensor>> captured_nodes_;  // by result
  std::unordered_map<const core::TensorImpl*, Tensor> captured_leaves_;
  std::unordered_set<const Node*> needed_;
  std::vector<HookedLeaf> hooked_leaves_;
};

}  // namespace

bool grad_enabled() { return recording; }
void set_grad_enabled(bool enabled) { recording = enabled; }

GradMode::GradMode(bool enabled) : previous_(recording) { recording = enabled; }
GradMode::~GradMode() { recording = previous_; }

namespace {

void require_tensors(const char* caller, std::span<const Tensor> outputs, std::span<const Tensor> gradients) {
  for (const Tensor& output : outputs) {
    if (!output.defined()) throw ValueError(concat_text(caller, ": an output is an undefined tensor"));
  }
  if (gradients.size() > outputs.size()) {
    throw ValueError(
        concat_text(caller, ": expected a gradient for each of ", outputs.size(), " outputs, got ", gradients.size()));
  }
}

}  // namespace

void backward(std::span<const Tensor> outputs, std::span<const Tensor> gradients, BackwardOptions options) {
  require_tensors("backward", outputs, gradients);
  BackwardPass pass(options, true);
  for (size_t i = 0; i < outputs.size(); ++i) {
    pass.add_root(outputs[i], initial_gradient("backward", outputs[i], i < gradients.size() ? gradients[i] : Tensor{}));
  }
  pass.run();
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         std::span<const Tensor> gradients, BackwardOptions options) {
  require_tensors("grad", outputs, gradients);
  BackwardPass pass(options, false);
  for (const Tensor& input : inputs) {
    if (!input.defined()) throw ValueError("grad: an input is an undefined tensor");
    if (!input.requires_grad()) {
      throw Error(concat_text("grad: an input of shape ", input.shape(), " does not require a gradient"));
    }
    pass.capture(input);
  }
  pass.prune(outputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    pass.add_root(outputs[i], initial_gradient("grad", outputs[i], i < gradients.size() ? gradients[i] : Tensor{}));
  }
  pass.run();
  std::vector<Tensor> results;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor result = pass.captured(inputs[i]);
    if (!result.defined() && !options.allow_unused) {
      throw Error(concat_text("grad: input ", i, " of shape ", inputs[i].shape(),
                              " has no influence on the outputs; pass allow_unused=True to get None for it"));
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace pydl
