#include "autograd/node.h"

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
  if (impl.requires_grad) input.leaf = core::link_of(*const_cast<core::TensorImpl*>(&impl));
  input.dtype = impl.dtype;
  input.shape = impl.shape;
}

Node::Node(const op::OpDef& def_in, std::span<const Tensor> inputs_in)
    : def(def_in), inputs(inputs_in.size()), sequence(next_sequence()) {
  for (size_t i = 0; i < inputs.size(); ++i) remember(i, inputs_in[i]);
}

Node::Node(const op::OpDef& def_in, const op::Attrs& attrs_in, std::span<const Tensor> inputs_in, const Tensor& output)
    : def(def_in), attrs(attrs_in), inputs(inputs_in.size()), sequence(next_sequence()) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    remember(i, inputs_in[i]);
    if ((def.saves_inputs >> std::min<size_t>(i, 31) & 1U) != 0) {
      if (!inputs[i].leaf) inputs[i].saved = inputs_in[i];
      inputs[i].saved_version = inputs_in[i].version();
    }
  }
  if (def.saves_output) {
    saved_output_ = output.detach();
    saved_output_version_ = output.version();
  }
}

op::Gradients Node::backward(const Tensor& gradient) { return def.backward(op::BackwardContext(*this, gradient)); }

void Node::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete_iteratively(this);
}

void Node::check_freed() const {
  if (!freed_) return;
  throw Error(concat_text("backward: the tensors saved by ", def.name,
                          " were freed by an earlier backward; pass retain_graph=True to that one"));
}

void Node::check_saved(const Tensor& saved, uint32_t version, const char* what) const {
  if (saved.version() != version) {
    throw Error(concat_text("backward: ", def.name, " still needs its ", what, " of shape ", saved.shape(),
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

Tensor Node::unpack_output() const {
  check_freed();
  check_saved(saved_output_, saved_output_version_, "output");
  Tensor output = saved_output_.detach();
  auto* self = const_cast<Node*>(this);
  self->retain();
  output.impl()->node = NodePtr(self);
  return output;
}

void Node::free_saved() {
  freed_ = true;
  if (def.saves_inputs == 0 && !def.saves_output) return;
  for (NodeInput& input : inputs) input.saved = {};
  saved_output_ = {};
}

void record(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs, Tensor& output) {
  output.impl()->node = NodePtr(new Node(def, attrs, inputs, output));
}

}  // namespace pydl::autograd
