// LeafLink: what the history of a computation knows of a leaf, without owning it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/intrusive_ptr.h"
#include "core/storage.h"
#include "pydl/tensor.h"

namespace pydl::core {

class TensorImpl;

/// Nodes refer to leaves through a link. If they owned them, a gradient that a leaf keeps, and whose history reaches
/// that leaf (`create_graph`, `p.grad = g`), would keep the leaf, itself and all between alive for ever. The elements
/// do belong to the link, so that a derivative can read them when nobody else holds the leaf any more; its gradient,
/// which nobody could see, is then lost.
class LeafLink {
 public:
  explicit LeafLink(TensorImpl& leaf);
  LeafLink(const LeafLink&) = delete;
  LeafLink& operator=(const LeafLink&) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// The leaf; undefined where it is gone.
  Tensor leaf() const;
  /// The leaf, or where it is gone, its elements.
  Tensor elements() const;
  /// To compare with: null where the leaf is gone.
  const TensorImpl* address() const noexcept { return leaf_.load(std::memory_order_acquire); }
  /// The leaf is about to be deleted.
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
  std::atomic<uint32_t> references_{1};
};

/// The link of a tensor, made when it is first asked for.
IntrusivePtr<LeafLink> link_of(TensorImpl& leaf);

}  // namespace pydl::core
