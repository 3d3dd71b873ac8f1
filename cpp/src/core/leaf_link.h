// LeafLink: how recorded nodes refer to a leaf without owning it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/intrusive_ptr.h"
#include "core/storage.h"
#include "pydl/tensor.h"

namespace pydl::autograd {
class GradientHooks;
}

namespace pydl::core {

class TensorImpl;

/// Nodes refer to leaves through a link. If they owned their leaves, a leaf whose gradient has a history that reaches
/// the leaf again (`create_graph`, `p.grad = g`) would keep itself and everything in between alive forever. The link
/// does own the elements, so that a derivative can read them when nobody else holds the leaf any more; the gradient of
/// such a leaf, which nobody could see, is lost.
class LeafLink {
 public:
  explicit LeafLink(TensorImpl& leaf);
  LeafLink(const LeafLink&) = delete;
  LeafLink& operator=(const LeafLink&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// The leaf; undefined if it no longer exists.
  Tensor leaf() const;
  /// The leaf, or its elements if it no longer exists.
  Tensor elements() const;
  /// For comparisons; null if the leaf no longer exists.
  const TensorImpl* address() const noexcept { return leaf_.load(std::memory_order_acquire); }
  /// The hooks of the gradient of this leaf; null if there have never been any.
  std::shared_ptr<autograd::GradientHooks> hooks() const;
  /// Sets the hooks, unless there are some; returns those that it has now.
  std::shared_ptr<autograd::GradientHooks> offer_hooks(std::shared_ptr<autograd::GradientHooks> hooks);
  /// Called when the leaf is about to be deleted.
  void leave() noexcept;

 private:
  mutable std::mutex mutex_;  // the leaf must not be freed while `leaf` looks at its count
  std::atomic<TensorImpl*> leaf_;
  IntrusivePtr<Storage> storage_;
  void* data_;
  DType dtype_;
  Dims shape_;
  Dims strides_;
  uint32_t trace_;
  int32_t value_;
  std::atomic<bool> has_hooks_{false};
  std::shared_ptr<autograd::GradientHooks> hooks_;
  std::atomic<uint32_t> references_{1};
};

/// The link of a tensor, created on the first call.
IntrusivePtr<LeafLink> link_of(TensorImpl& leaf);

}  // namespace pydl::core
