// Workspace: hands out a scratchpad in parts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pydl::cpu {

/// Parts are counted when a kernel is prepared (without memory: their pointers mean nothing), and taken in the same
/// order when it runs.
class Workspace {
 public:
  explicit Workspace(void* memory = nullptr) : memory_(static_cast<char*>(memory)) {}

  template <class Item>
  Item* take(int64_t count) {
    char* place = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (static_cast<size_t>(count) * sizeof(Item) + 63) / 64 * 64;
    return reinterpret_cast<Item*>(place);
  }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

}  // namespace pydl::cpu
