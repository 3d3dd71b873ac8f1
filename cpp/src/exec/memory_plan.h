// MemoryPlan: assigns buffers to positions in one arena, so that no two that are alive at the same time overlap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pydl::exec {

/// Memory that is needed from the step that first writes it to the last step that reads it, both included.
struct BufferLifetime {
  int64_t bytes;
  int first;
  int last;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  ///< of the buffers, 64-byte aligned
  int64_t bytes = 0;             ///< size of the arena
  int64_t lower_bound = 0;       ///< the largest number of bytes alive at one step
  int64_t total = 0;             ///< size of all buffers together
};

/// Places the largest buffers first, each at the lowest position that is free during its lifetime. Without `reuse`,
/// every buffer has its own memory.
MemoryPlan plan_memory(std::span<const BufferLifetime> buffers, bool reuse);

}  // namespace pydl::exec
