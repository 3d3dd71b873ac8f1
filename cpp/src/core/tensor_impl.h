// TensorImpl: the object behind a Tensor handle.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/intrusive_ptr.h"
#include "core/leaf_link.h"
#include "core/storage.h"
#include "pydl/tensor.h"

namespace pydl::autograd {
class Node;
void retain_node(Node* node) noexcept;
void release_node(Node* node) noexcept;

/// Owns a reference to a node. Core knows nodes by name only.
class NodePtr {
 public:
  NodePtr() noexcept = default;
  explicit NodePtr(Node* adopted) noexcept : node_(adopted) {}
  NodePtr(const NodePtr& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) retain_node(node_);
  }
  NodePtr(NodePtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodePtr& operator=(NodePtr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodePtr() {
    if (node_ != nullptr) release_node(node_);
  }
  Node* get() const noexcept { return node_; }
  Node* operator->() const noexcept { return node_; }
  explicit operator bool() const noexcept { return node_ != nullptr; }

 private:
  Node* node_ = nullptr;
};
}  // namespace pydl::autograd

namespace pydl::core {

class TensorImpl {
 public:
  TensorImpl(IntrusivePtr<Storage> storage_in, void* data_in, DType dtype_in, const Dims& shape_in,
             const Dims& strides_in);
  ~TensorImpl();
  TensorImpl(const TensorImpl&) = delete;
  TensorImpl& operator=(const TensorImpl&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  /// False if the last reference is gone and the tensor is about to be deleted.
  bool retain_unless_dead() noexcept {
    uint32_t count = references_.load(std::memory_order_relaxed);
    while (count > 0 && !references_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed)) {
    }
    return count > 0;
  }
  bool is_shared() const { return references_.load(std::memory_order_acquire) > 1; }

  IntrusivePtr<Storage> storage;
  void* data;  // the first element, somewhere in the storage
  Dims shape;
  Dims strides;
  Tensor grad;             // outside of traces; see gradient_of
  autograd::NodePtr node;  // the node that computed this tensor, if that was recorded
  DType dtype;
  bool requires_grad = false;  // for leaves; a recorded tensor has a node instead
  uint16_t result = 0;         // which of the node's results this is
  uint32_t trace;              // number of the trace during which it was created; 0 for none
  int32_t value = -1;          // its number in that trace's graph, if it has no elements

  std::atomic<LeafLink*> link{nullptr};  // set when a node reads this tensor as a leaf

  bool is_traced() const { return value >= 0; }

 private:
  std::atomic<uint32_t> references_{1};
};

/// A tensor of new, undefined memory.
Tensor make_tensor(const Dims& shape, const Dims& strides, DType dtype);
/// A tensor without elements: value number `value` of a trace. A view shares the storage of `base`, so that both have
/// the same version.
Tensor make_traced(const Dims& shape, const Dims& strides, DType dtype, uint32_t number, int32_t value,
                   const TensorImpl* base = nullptr);
/// A tensor over existing memory, with all fields of a `TensorImpl` given.
Tensor make_alias(IntrusivePtr<Storage> storage, void* data, DType dtype, const Dims& shape, const Dims& strides,
                  uint32_t trace, int32_t value);
/// The number of tensors of a trace that are alive.
int64_t live_traced_count(uint32_t number);
/// A tensor that shares the memory of `base` and begins `offset` elements after its first one.
Tensor make_view(const Tensor& base, const Dims& shape, const Dims& strides, int64_t offset);

/// Whether all elements of a layout are within a range of `count` elements, if its first one has number `offset`.
bool lies_within(int64_t count, const Dims& shape, const Dims& strides, int64_t offset);
/// The gradient of a tensor as this thread sees it: a trace has gradients of its own.
Tensor& gradient_of(TensorImpl& impl);

/// Whether two tensors of one dtype and shape have the same elements, bit for bit.
bool same_bytes(const Tensor& a, const Tensor& b);

}  // namespace pydl::core
