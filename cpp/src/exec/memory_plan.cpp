#include "exec/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace pydl::exec {

namespace {

constexpr int64_t alignment = 64;

int64_t rounded(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

bool live_together(const BufferLifetime& a, const BufferLifetime& b) { return a.first <= b.last && b.first <= a.last; }

// The most bytes that live at one step.
int64_t most_live(std::span<const BufferLifetime> buffers) {
  int steps = 0;
  for (const BufferLifetime& buffer : buffers) steps = std::max(steps, buffer.last + 1);
  std::vector<int64_t> change(static_cast<size_t>(steps) + 1, 0);
  for (const BufferLifetime& buffer : buffers) {
    change[static_cast<size_t>(buffer.first)] += rounded(buffer.bytes);
    change[static_cast<size_t>(buffer.last) + 1] -= rounded(buffer.bytes);
  }
  int64_t live = 0;
  int64_t most = 0;
  for (const int64_t bytes : change) most = std::max(most, live += bytes);
  return most;
}

}  // namespace

MemoryPlan plan_memory(std::span<const BufferLifetime> buffers, bool reuse) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  plan.lower_bound = most_live(buffers);
  for (const BufferLifetime& buffer : buffers) plan.total += rounded(buffer.bytes);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // by offset
  for (const size_t index : order) {
    const int64_t bytes = rounded(buffers[index].bytes);
    int64_t offset = 0;
    for (const size_t other : placed) {
      if (reuse && !live_together(buffers[index], buffers[other])) continue;
      if (offset + bytes <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + rounded(buffers[other].bytes));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                   [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; }),
                  index);
  }
  return plan;
}

}  // namespace pydl::exec
