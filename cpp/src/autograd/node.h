// Node: one recorded op call. Tensors hold the node that computed them; nodes hold the nodes and leaves they read.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor_impl.h"
#include "op/op_def.h"

namespace pydl::autograd {

/// The information that a node keeps about one input.
struct NodeInput {
  NodePtr node;                             ///< the node that computed it, if that was recorded
  core::IntrusivePtr<core::LeafLink> leaf;  ///< the input itself, if it is a leaf that requires a gradient
  Tensor saved;                             ///< the input, if the derivative reads it and it is not such a leaf
  uint32_t saved_version = 0;
  DType dtype = DType::float32;
  Dims shape;

  bool needs_grad() const { return node || leaf; }
};

class Node {
 public:
  Node(const op::OpDef& def_in, const op::Attrs& attrs_in, std::span<const Tensor> inputs_in, const Tensor& output);
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  /// The input or output that was saved. Throws if it was freed, or overwritten after it was saved.
  Tensor unpack_input(int index) const;
  /// The output, with this node as its history.
  Tensor unpack_output() const;
  /// The gradients of the inputs, from the gradient of the output.
  virtual op::Gradients backward(const Tensor& gradient);
  /// Drops the saved tensors: there will be no other backward pass.
  virtual void free_saved();
  /// Whether `free_saved` was called.
  bool is_spent() const { return freed_; }

  const op::OpDef& def;
  op::Attrs attrs;
  std::vector<NodeInput> inputs;
  /// Grows with time: a node is younger than everything that it reads.
  const uint64_t sequence;

 protected:
  /// For nodes without an op, which remember only their inputs.
  Node(const op::OpDef& def_in, std::span<const Tensor> inputs_in);
  void mark_spent() { freed_ = true; }

 private:
  void remember(size_t index, const Tensor& input);
  void check_freed() const;
  void check_saved(const Tensor& saved, uint32_t version, const char* what) const;

  Tensor saved_output_;  // without its node, which would create a cycle
  uint32_t saved_output_version_ = 0;
  bool freed_ = false;
  std::atomic<uint32_t> references_{1};
};

/// Makes `output` remember that `def` computed it from `inputs`.
void record(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs, Tensor& output);

}  // namespace pydl::autograd

namespace pydl::op {

class BackwardContext {
 public:
  BackwardContext(const autograd::Node& node, const Tensor& gradient_in) : gradient(gradient_in), node_(node) {}

  const Tensor& gradient;
  const Attrs& attrs() const { return node_.attrs; }
  int input_count() const { return static_cast<int>(node_.inputs.size()); }
  bool needs(int input) const { return node_.inputs[static_cast<size_t>(input)].needs_grad(); }
  Tensor input(int index) const { return node_.unpack_input(index); }
  Tensor output() const { return node_.unpack_output(); }
  const Dims& input_shape(int input) const { return node_.inputs[static_cast<size_t>(input)].shape; }
  DType input_dtype(int input) const { return node_.inputs[static_cast<size_t>(input)].dtype; }

 private:
  const autograd::Node& node_;
};

}  // namespace pydl::op
