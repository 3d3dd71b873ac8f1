// Workspace: divides a scratchpad into parts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pydl::cpu {

/// When a kernel is prepared, parts are only counted: there is no memory, and their pointers mean nothing. They are
/// taken in the same order when the kernel runs.
class Workspace {
 public:
  explicit Workspace(void* memory = nullptr) : memory_(static_cast<char*>(memory)) {}

  template <class Item>
  Item* take(int64_t count) {
    char* position = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (static_cast<size_t>(count) * sizeof(Item) + 63) / 64 * 64;
    return reinterpret_cast<Item*>(position);
  }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

}  // namespace pydl::cpu
