#include "core/leaf_link.h"

#include "core/tensor_impl.h"

namespace pydl::core {

LeafLink::LeafLink(TensorImpl& leaf)
    : leaf_(&leaf),
      storage_(leaf.storage),
      data_(leaf.data),
      dtype_(leaf.dtype),
      shape_(leaf.shape),
      strides_(leaf.strides),
      trace_(leaf.trace),
      value_(leaf.value) {}

Tensor LeafLink::leaf() const {
  const std::lock_guard lock(mutex_);
  TensorImpl* leaf = leaf_.load(std::memory_order_relaxed);
  return leaf != nullptr && leaf->retain_unless_dead() ? Tensor(leaf) : Tensor{};
}

Tensor LeafLink::elements() const {
  Tensor found = leaf();
  if (found.defined()) return found;
  return make_alias(storage_, data_, dtype_, shape_, strides_, trace_, value_);
}

std::shared_ptr<autograd::GradientHooks> LeafLink::hooks() const {
  if (!has_hooks_.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(mutex_);
  return hooks_;
}

std::shared_ptr<autograd::GradientHooks> LeafLink::offer_hooks(std::shared_ptr<autograd::GradientHooks> hooks) {
  const std::lock_guard lock(mutex_);
  if (!hooks_) hooks_ = std::move(hooks);
  has_hooks_.store(true, std::memory_order_release);
  return hooks_;
}

void LeafLink::leave() noexcept {
  const std::lock_guard lock(mutex_);
  leaf_.store(nullptr, std::memory_order_release);
}

IntrusivePtr<LeafLink> link_of(TensorImpl& leaf) {
  LeafLink* link = leaf.link.load(std::memory_order_acquire);
  if (link == nullptr) {
    auto* made = new LeafLink(leaf);
    if (leaf.link.compare_exchange_strong(link, made, std::memory_order_acq_rel)) {
      link = made;
    } else {
      made->release();  // another thread was faster
    }
  }
  return IntrusivePtr<LeafLink>::share(link);
}

}  // namespace pydl::core
