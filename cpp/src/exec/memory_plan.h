// MemoryPlan: where buffers lie in one arena, so that no two that live at a time overlap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pydl::exec {

/// Memory that is needed from the step that writes it first to the last one that reads it, both included.
struct BufferLifetime {
  int64_t bytes;
  int first;
  int last;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  ///< of each buffer, 64-byte aligned
  int64_t bytes = 0;             ///< of the arena
  int64_t lower_bound = 0;       ///< the most that lives at one step
  int64_t total = 0;             ///< of all buffers together
};

/// The largest buffers first, each at the lowest place that is free during its life. Without `reuse` every buffer has
/// memory of its own.
MemoryPlan plan_memory(std::span<const BufferLifetime> buffers, bool reuse);

}  // namespace pydl::exec
