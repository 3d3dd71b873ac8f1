// GradientHooks: functions of the user that see, and may replace, the gradient of one tensor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "pydl/tensor.h"

namespace pydl::autograd {

/// The hooks of a tensor, in the order in which they were registered. They may be added and removed at any time, also
/// by a hook and by other threads.
class GradientHooks {
 public:
  /// From a gradient to another one of the same shape and dtype; undefined keeps the gradient.
  using Change = std::function<Tensor(const Tensor& gradient)>;
  /// Receives a leaf whose `grad` is complete.
  using After = std::function<void(const Tensor& leaf)>;

  /// Returns the number with which the hook can be removed.
  uint64_t add(Change hook);
  uint64_t add_after(After hook);
  void remove(uint64_t number) noexcept;

  /// The gradient that the hooks make of this one.
  Tensor apply(Tensor gradient) const;
  void run_after(const Tensor& leaf) const;
  bool empty() const;
  /// Grows whenever a hook is added or removed.
  uint32_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }

 private:
  template <class Function>
  struct Entry {
    uint64_t number;
    std::shared_ptr<const Function> function;
  };
  template <class Function>
  uint64_t add_to(std::vector<Entry<Function>>& entries, Function hook);

  mutable std::mutex mutex_;  // not held while a hook runs
  std::vector<Entry<Change>> changing_;
  std::vector<Entry<After>> after_;
  uint64_t next_ = 0;
  std::atomic<uint32_t> changes_{0};
};

}  // namespace pydl::autograd
