#include "autograd/gradient_hooks.h"

#include "pydl/ops.h"

namespace pydl::autograd {

template <class Function>
uint64_t GradientHooks::add_to(std::vector<Entry<Function>>& entries, Function hook) {
  const std::lock_guard lock(mutex_);
  entries.push_back({next_, std::make_shared<const Function>(std::move(hook))});
  changes_.fetch_add(1, std::memory_order_acq_rel);
  return next_++;
}

uint64_t GradientHooks::add(Change hook) { return add_to(changing_, std::move(hook)); }
uint64_t GradientHooks::add_after(After hook) { return add_to(after_, std::move(hook)); }

void GradientHooks::remove(uint64_t number) noexcept {
  // What the hook owns is released without the lock: that may run any code.
  std::shared_ptr<const Change> change;
  std::shared_ptr<const After> after;
  const auto take = [number](auto& entries, auto& taken) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].number != number) continue;
      taken = std::move(entries[i].function);
      entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    return false;
  };
  const std::lock_guard lock(mutex_);
  if (take(changing_, change) || take(after_, after)) changes_.fetch_add(1, std::memory_order_acq_rel);
}

bool GradientHooks::empty() const {
  const std::lock_guard lock(mutex_);
  return changing_.empty() && after_.empty();
}

Tensor GradientHooks::apply(Tensor gradient) const {
  std::vector<Entry<Change>> hooks;
  {
    const std::lock_guard lock(mutex_);
    hooks = changing_;
  }
  for (const Entry<Change>& hook : hooks) {
    Tensor changed = (*hook.function)(gradient);
    if (!changed.defined()) continue;
    if (changed.shape() != gradient.shape() || !is_floating(changed.dtype())) {
      throw ValueError(concat_text("register_hook: expected the hook to return a gradient of shape ", gradient.shape(),
                                   " and ", gradient.dtype(), ", got shape ", changed.shape(), " and ",
                                   changed.dtype()));
    }
    gradient = astype(changed, gradient.dtype());
  }
  return gradient;
}

void GradientHooks::run_after(const Tensor& leaf) const {
  std::vector<Entry<After>> hooks;
  {
    const std::lock_guard lock(mutex_);
    hooks = after_;
  }
  for (const Entry<After>& hook : hooks) (*hook.function)(leaf);
}

}  // namespace pydl::autograd
