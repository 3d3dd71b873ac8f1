#include "exec/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace pydl::exec {

namespace {

constexpr int64_t alignment = 64;
// A search that has not found a free position after this many look-ups positions the buffer after all others, so that
// planning time grows with the number of buffers. Graphs of real models need less than a hundredth of this limit.
constexpr size_t most_visits = 4096;

int64_t rounded(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

int count_steps(std::span<const BufferLifetime> buffers) {
  int steps = 0;
  for (const BufferLifetime& buffer : buffers) steps = std::max(steps, buffer.last + 1);
  return steps;
}

// The largest number of bytes that are alive at one step.
int64_t most_live(std::span<const BufferLifetime> buffers) {
  std::vector<int64_t> change(static_cast<size_t>(count_steps(buffers)) + 1, 0);
  for (const BufferLifetime& buffer : buffers) {
    change[static_cast<size_t>(buffer.first)] += rounded(buffer.bytes);
    change[static_cast<size_t>(buffer.last) + 1] -= rounded(buffer.bytes);
  }
  int64_t live = 0;
  int64_t most = 0;
  for (const int64_t bytes : change) most = std::max(most, live += bytes);
  return most;
}

// The occupied parts of the arena, in order; adjacent parts are merged.
class Taken {
 public:
  // The lowest free position at or after `offset` that has room for this many bytes.
  int64_t find(int64_t offset, int64_t bytes) const {
    auto part = std::partition_point(parts_.begin(), parts_.end(), [&](const Part& p) { return p.end <= offset; });
    for (; part != parts_.end() && part->begin < offset + bytes; ++part) offset = part->end;
    return offset;
  }

  int64_t end() const { return parts_.empty() ? 0 : parts_.back().end; }

  void add(int64_t begin, int64_t end) {
    auto first = std::partition_point(parts_.begin(), parts_.end(), [&](const Part& p) { return p.end < begin; });
    auto behind = first;
    for (; behind != parts_.end() && behind->begin <= end; ++behind) {
      begin = std::min(begin, behind->begin);
      end = std::max(end, behind->end);
    }
    if (first == behind) {
      parts_.insert(first, {begin, end});
    } else {
      *first = {begin, end};
      parts_.erase(first + 1, behind);
    }
  }

 private:
  struct Part {
    int64_t begin;
    int64_t end;
  };

  std::vector<Part> parts_;
};

// The occupied parts of the arena at each step, as a binary tree of ranges of steps. Only a few ranges must be
// consulted for a buffer, and adjacent parts are merged, no matter how many buffers are alive at its steps.
class TakenBySteps {
 public:
  explicit TakenBySteps(int steps) {
    while (width_ < steps) width_ *= 2;
    throughout_.resize(2 * static_cast<size_t>(width_));
    within_.resize(2 * static_cast<size_t>(width_));
  }

  // The lowest position with room for this many bytes from step `first` to step `last`.
  int64_t find(int64_t bytes, int first, int last) {
    consulted_.clear();
    cover(first, last, [&](size_t range) {
      consulted_.push_back(&within_[range]);
      for (range /= 2; range > 0; range /= 2) consulted_.push_back(&throughout_[range]);
    });
    std::sort(consulted_.begin(), consulted_.end());
    consulted_.erase(std::unique(consulted_.begin(), consulted_.end()), consulted_.end());
    int64_t offset = 0;
    size_t free = 0;
    // Ends when all of them, one after the other, find the position free.
    for (size_t visits = 0; free < consulted_.size(); ++visits) {
      if (visits == most_visits) return behind_all();
      const int64_t found = consulted_[visits % consulted_.size()]->find(offset, bytes);
      free = found == offset ? free + 1 : 0;
      offset = found;
    }
    return offset;
  }

  void take(int64_t offset, int64_t bytes, int first, int last) {
    cover(first, last, [&](size_t range) {
      throughout_[range].add(offset, offset + bytes);
      for (; range > 0; range /= 2) within_[range].add(offset, offset + bytes);
    });
  }

 private:
  int64_t behind_all() const {
    int64_t end = 0;
    for (const Taken* taken : consulted_) end = std::max(end, taken->end());
    return end;
  }

  // Calls `visit` for the smallest set of ranges that covers these steps.
  template <class Visit>
  void cover(int first, int last, const Visit& visit) const {
    auto begin = static_cast<size_t>(first + width_);
    auto end = static_cast<size_t>(last + width_) + 1;
    for (; begin < end; begin /= 2, end /= 2) {
      if (begin % 2 == 1) visit(begin++);
      if (end % 2 == 1) visit(--end);
    }
  }

  int width_ = 1;
  std::vector<Taken> throughout_;  // by range: buffers alive at all of its steps, but not throughout the range above
  std::vector<Taken> within_;      // buffers alive at some of its steps, and not in a range above
  std::vector<const Taken*> consulted_;
};

}  // namespace

MemoryPlan plan_memory(std::span<const BufferLifetime> buffers, bool reuse) {
  MemoryPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  plan.lower_bound = most_live(buffers);
  for (const BufferLifetime& buffer : buffers) plan.total += rounded(buffer.bytes);
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  TakenBySteps taken(count_steps(buffers));
  for (const size_t index : order) {
    const BufferLifetime& buffer = buffers[index];
    const int64_t bytes = rounded(buffer.bytes);
    if (bytes == 0) continue;
    if (reuse) {
      plan.offsets[index] = taken.find(bytes, buffer.first, buffer.last);
      taken.take(plan.offsets[index], bytes, buffer.first, buffer.last);
    } else {
      plan.offsets[index] = plan.bytes;
    }
    plan.bytes = std::max(plan.bytes, plan.offsets[index] + bytes);
  }
  return plan;
}

}  // namespace pydl::exec
