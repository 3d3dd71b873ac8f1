#include "autograd/node.h"

#include <algorithm>

#include "autograd/anomaly.h"

namespace pydl::autograd {

namespace {

uint64_t next_sequence() {
  static std::atomic<uint64_t> counter{0};
  return counter.fetch_add(1, std::memory_order_relaxed);
}

// Deleting a node releases the nodes that it reads. Doing this one after the other instead of recursively keeps the
// stack flat, however deep the graph is.
void delete_iteratively(Node* node) {
  thread_local std::vector<Node*> waiting;
  thread_local bool deleting = false;
  if (deleting) {
    waiting.push_back(node);
    return;
  }
  deleting = true;
  delete node;
  while (!waiting.empty()) {
    Node* next = waiting.back();
    waiting.pop_back();
    delete next;
  }
  deleting = false;
}

}  // namespace

void retain_node(Node* node) noexcept { node->retain(); }
void release_node(Node* node) noexcept { node->release(); }

void Node::remember(size_t index, const Tensor& tensor) {
  const core::TensorImpl& impl = *tensor.impl();
  NodeInput& input = inputs[index];
  input.node = impl.node;
  input.result = impl.result;
  if (impl.requires_grad) input.leaf = core::link_of(*const_cast<core::TensorImpl*>(&impl));
  input.dtype = impl.dtype;
  input.shape = impl.shape;
}

Node::Node(const op::OpDef& def_in, std::span<const Tensor> inputs_in, size_t result_count_in)
    : def(def_in), inputs(inputs_in.size()), result_count(result_count_in), sequence(next_sequence()) {
  for (size_t i = 0; i < inputs.size(); ++i) remember(i, inputs_in[i]);
}

Node::Node(const op::OpDef& def_in, const op::Attrs& attrs_in, std::span<const Tensor> inputs_in,
           std::span<const Tensor> results_in)
    : def(def_in),
      attrs(attrs_in),
      inputs(inputs_in.size()),
      result_count(results_in.size()),
      sequence(next_sequence()) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    remember(i, inputs_in[i]);
    if ((def.saves_inputs >> std::min<size_t>(i, 31) & 1U) != 0) {
      if (!inputs[i].leaf) inputs[i].saved = inputs_in[i];
      inputs[i].saved_version = inputs_in[i].version();
    }
  }
  if (def.saves_results == 0) return;
  if (result_count > 1) others_saved_.resize(result_count - 1);
  for (size_t i = 0; i < result_count; ++i) {
    if ((def.saves_results >> i & 1U) != 0) saved_result(i) = {results_in[i].detach(), results_in[i].version()};
  }
}

op::Gradients Node::backward(std::span<const Tensor> gradients) {
  return def.backward(op::BackwardContext(*this, gradients));
}

NodeExtras& Node::own_extras() {
  if (!extras) extras = std::make_unique<NodeExtras>();
  return *extras;
}

void Node::free_hooks() {
  if (!extras || extras->hooks.empty()) return;
  extras->hooks.clear();
  extras->hooks_freed = true;
}

void Node::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete_iteratively(this);
}

void Node::check_freed() const {
  if (!freed_) return;
  throw Error(concat_text("backward: the tensors saved by ", name(),
                          " were freed by an earlier backward; pass retain_graph=True to that one"));
}

void Node::check_saved(const Tensor& saved, uint32_t version, const char* what) const {
  if (saved.version() != version) {
    throw Error(concat_text("backward: ", name(), " still needs its ", what, " of shape ", saved.shape(),
                            ", which has been overwritten in place (version ", saved.version(), ", saved at version ",
                            version, ")"));
  }
}

Tensor Node::unpack_input(int index) const {
  const NodeInput& input = inputs[static_cast<size_t>(index)];
  check_freed();
  Tensor saved = input.leaf ? input.leaf->elements() : input.saved;
  check_saved(saved, input.saved_version, "input");
  return saved;
}

Tensor Node::unpack_result(size_t index) const {
  check_freed();
  const SavedResult& saved = index == 0 ? first_saved_ : others_saved_[index - 1];
  check_saved(saved.tensor, saved.version, "output");
  Tensor result = saved.tensor.detach();
  if (!is_floating(result.dtype())) return result;
  auto* self = const_cast<Node*>(this);
  self->retain();
  result.impl()->node = NodePtr(self);
  result.impl()->result = static_cast<uint16_t>(index);
  return result;
}

void Node::free_saved() {
  freed_ = true;
  if (def.saves_inputs == 0 && def.saves_results == 0) return;
  for (NodeInput& input : inputs) input.saved = {};
  first_saved_ = {};
  others_saved_.clear();
}

void record(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs, std::span<Tensor> results) {
  const auto has_gradient = [](const Tensor& result) { return is_floating(result.dtype()); };
  if (std::any_of(results.begin(), results.end(), has_gradient))
    attach(NodePtr(new Node(def, attrs, inputs, results)), results);
}

void attach(NodePtr node, std::span<Tensor> results) {
  if (looks_for_anomalies()) node->own_extras().origin = place_of_call();
  if (results.size() == 1) {
    if (is_floating(results[0].dtype())) results[0].impl()->node = std::move(node);
    return;
  }
  for (size_t i = 0; i < results.size(); ++i) {
    if (!is_floating(results[i].dtype())) continue;
    results[i].impl()->node = node;
    results[i].impl()->result = static_cast<uint16_t>(i);
  }
}

}  // namespace pydl::autograd
