// Hooks of gradients, and gradients that results keep.
#include "autograd/node.h"
#include "pydl/autograd.h"

namespace pydl {

namespace {

using autograd::GradientHooks;
using autograd::NodeExtras;

std::shared_ptr<GradientHooks> hooks_of_leaf(const Tensor& leaf) {
  const auto link = core::link_of(*leaf.impl());
  std::shared_ptr<GradientHooks> hooks = link->hooks();
  return hooks ? hooks : link->offer_hooks(std::make_shared<GradientHooks>());
}

std::shared_ptr<GradientHooks> hooks_of(const Tensor& tensor) {
  const core::TensorImpl& impl = *tensor.impl();
  if (!impl.node) return hooks_of_leaf(tensor);
  auto& entry = NodeExtras::entry(impl.node->own_extras().hooks, impl.result);
  if (!entry) entry = std::make_shared<GradientHooks>();
  return entry;
}

HookHandle handle_of(const std::shared_ptr<GradientHooks>& hooks, uint64_t number) {
  return HookHandle([known = std::weak_ptr(hooks), number] {
    if (const auto living = known.lock()) living->remove(number);
  });
}

void require_gradient(const char* caller, const Tensor& tensor) {
  if (!tensor.defined()) throw ValueError(concat_text(caller, ": an undefined tensor was given"));
  if (tensor.requires_grad()) return;
  throw Error(concat_text(caller, ": the tensor of shape ", tensor.shape(),
                          " does not require a gradient; set requires_grad first"));
}

}  // namespace

HookHandle register_hook(const Tensor& tensor, GradientHook hook) {
  require_gradient("register_hook", tensor);
  if (!hook) throw ValueError("register_hook: expected a function, got an empty one");
  const auto hooks = hooks_of(tensor);
  return handle_of(hooks, hooks->add(std::move(hook)));
}

HookHandle register_post_accumulate_grad_hook(const Tensor& leaf, std::function<void(const Tensor&)> hook) {
  constexpr const char* name = "register_post_accumulate_grad_hook";
  require_gradient(name, leaf);
  if (!leaf.is_leaf()) {
    throw Error(concat_text(name, ": expected a leaf, got the result of ", recorded_op(leaf), "; use register_hook"));
  }
  if (!hook) throw ValueError(concat_text(name, ": expected a function, got an empty one"));
  const auto hooks = hooks_of_leaf(leaf);
  return handle_of(hooks, hooks->add_after(std::move(hook)));
}

void retain_grad(const Tensor& tensor) {
  require_gradient("retain_grad", tensor);
  core::TensorImpl& impl = *tensor.impl();
  if (impl.node) NodeExtras::entry(impl.node->own_extras().retaining, impl.result) = core::link_of(impl);
}

bool retains_grad(const Tensor& tensor) {
  if (!tensor.defined()) throw ValueError("retains_grad: an undefined tensor was given");
  const core::TensorImpl& impl = *tensor.impl();
  if (!impl.node || !impl.node->extras) return false;
  const auto& retaining = impl.node->extras->retaining;
  return impl.result < retaining.size() && retaining[impl.result] && retaining[impl.result]->address() == tensor.impl();
}

uint32_t hook_changes(const Tensor& leaf) {
  if (!leaf.defined()) throw ValueError("hook_changes: an undefined tensor was given");
  const core::LeafLink* link = leaf.impl()->link.load(std::memory_order_acquire);
  const auto hooks = link != nullptr ? link->hooks() : nullptr;
  return hooks ? hooks->changes() : 0;
}

std::string recorded_op(const Tensor& tensor) {
  if (!tensor.defined()) throw ValueError("recorded_op: an undefined tensor was given");
  const autograd::NodePtr& node = tensor.impl()->node;
  return node ? node->name() : "";
}

}  // namespace pydl
