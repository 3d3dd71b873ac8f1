// Node: one recorded op call. Tensors hold the node that computed them; nodes hold the nodes and leaves they read.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autograd/gradient_hooks.h"
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
  uint16_t result = 0;  ///< which of the results of `node` it is
  Dims shape;

  bool needs_grad() const { return node || leaf; }
};

/// What few nodes have.
struct NodeExtras {
  std::vector<std::shared_ptr<GradientHooks>> hooks;  ///< by result; null where there are none
  std::vector<core::IntrusivePtr<core::LeafLink>>
      retaining;       ///< by result: the tensor that keeps its gradient, or null
  std::string origin;  ///< where the call was made; recorded in anomaly mode only
  bool hooks_freed = false;

  /// The entry of a result in one of the lists.
  template <class T>
  static T& entry(std::vector<T>& list, size_t result) {
    if (list.size() <= result) list.resize(result + 1);
    return list[result];
  }
};

class Node {
 public:
  Node(const op::OpDef& def_in, const op::Attrs& attrs_in, std::span<const Tensor> inputs_in,
       std::span<const Tensor> results_in);
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  /// The input or result that was saved; throws when it was freed, or overwritten since.
  Tensor unpack_input(int index) const;
  /// The result, with this node as its history.
  Tensor unpack_result(size_t index) const;
  /// Gradients of the inputs from those of the results, of which the ones that nobody sent are undefined.
  virtual op::Gradients backward(std::span<const Tensor> gradients);
  /// Drops the saved tensors: there will be no other backward pass.
  virtual void free_saved();
  /// Drops the hooks together with the saved tensors, because a hook may refer to what refers to this node.
  void free_hooks();
  /// What messages call it.
  virtual const char* name() const { return def.name; }
  /// Whether its derivative is that of an op, and not a function of the user.
  virtual bool has_op() const { return true; }
  NodeExtras& own_extras();
  /// Whether `free_saved` was called.
  bool is_spent() const { return freed_; }

  const op::OpDef& def;
  op::Attrs attrs;
  std::vector<NodeInput> inputs;
  const size_t result_count;
  /// Grows with time: a node is younger than everything that it reads.
  const uint64_t sequence;
  std::unique_ptr<NodeExtras> extras;

 protected:
  /// For nodes without an op, which remember only their inputs.
  Node(const op::OpDef& def_in, std::span<const Tensor> inputs_in, size_t result_count_in);
  void mark_spent() { freed_ = true; }

 private:
  void remember(size_t index, const Tensor& input);
  void check_freed() const;
  void check_saved(const Tensor& saved, uint32_t version, const char* what) const;

  struct SavedResult {
    Tensor tensor;  // without its node, which would be a cycle
    uint32_t version = 0;
  };
  SavedResult& saved_result(size_t index) { return index == 0 ? first_saved_ : others_saved_[index - 1]; }

  SavedResult first_saved_;                // of the first result
  std::vector<SavedResult> others_saved_;  // of the others, if there are any
  bool freed_ = false;
  std::atomic<uint32_t> references_{1};
};

/// Makes the results that can have gradients remember that `def` computed them from `inputs`.
void record(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs, std::span<Tensor> results);
/// Makes the results of a node that can have gradients remember it.
void attach(NodePtr node, std::span<Tensor> results);

}  // namespace pydl::autograd

namespace pydl::op {

class BackwardContext {
 public:
  BackwardContext(const autograd::Node& node, std::span<const Tensor> gradients_in)
      : gradient(gradients_in[0]), gradients(gradients_in), node_(node) {}

  const Tensor& gradient;                   ///< of the first result: defined where it is the only one
  const std::span<const Tensor> gradients;  ///< of all results; undefined where none flows
  const Attrs& attrs() const { return node_.attrs; }
  int input_count() const { return static_cast<int>(node_.inputs.size()); }
  bool needs(int input) const { return node_.inputs[static_cast<size_t>(input)].needs_grad(); }
  Tensor input(int index) const { return node_.unpack_input(index); }
  Tensor result(size_t index = 0) const { return node_.unpack_result(index); }
  const Dims& input_shape(int input) const { return node_.inputs[static_cast<size_t>(input)].shape; }
  DType input_dtype(int input) const { return node_.inputs[static_cast<size_t>(input)].dtype; }

 private:
  const autograd::Node& node_;
};

}  // namespace pydl::op
