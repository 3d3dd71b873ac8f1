// Plans of memory: what lives at the same time lies apart, in little more than the most that lives at once.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "exec/memory_plan.h"

using pydl::exec::BufferLifetime;
using pydl::exec::MemoryPlan;

namespace {

int64_t rounded(int64_t bytes) { return (bytes + 63) / 64 * 64; }

bool live_together(const BufferLifetime& a, const BufferLifetime& b) { return a.first <= b.last && b.first <= a.last; }

int64_t most_live(const std::vector<BufferLifetime>& buffers) {
  int64_t most = 0;
  for (const BufferLifetime& at : buffers) {  // the most is reached where some buffer begins
    int64_t live = 0;
    for (const BufferLifetime& other : buffers) {
      if (other.first <= at.first && at.first <= other.last) live += rounded(other.bytes);
    }
    most = std::max(most, live);
  }
  return most;
}

void check_plan(const std::vector<BufferLifetime>& buffers, const MemoryPlan& plan, bool reuse) {
  CHECK_EQUAL(plan.offsets.size(), buffers.size());
  int64_t total = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    total += rounded(buffers[i].bytes);
    if (plan.offsets[i] % 64 != 0 || plan.offsets[i] < 0 || plan.offsets[i] + buffers[i].bytes > plan.bytes) {
      check::fail(__FILE__, __LINE__, "buffer " + std::to_string(i) + " lies at " + std::to_string(plan.offsets[i]));
    }
    for (size_t k = 0; k < i; ++k) {
      if (reuse && !live_together(buffers[i], buffers[k])) continue;
      if (plan.offsets[i] + buffers[i].bytes <= plan.offsets[k]) continue;
      if (plan.offsets[k] + buffers[k].bytes <= plan.offsets[i]) continue;
      if (buffers[i].bytes == 0 || buffers[k].bytes == 0) continue;
      check::fail(__FILE__, __LINE__, "buffers " + std::to_string(i) + " and " + std::to_string(k) + " overlap");
    }
  }
  CHECK_EQUAL(plan.total, total);
  CHECK_EQUAL(plan.lower_bound, most_live(buffers));
  CHECK(plan.bytes >= (reuse ? plan.lower_bound : plan.total));
  CHECK(plan.bytes <= plan.total);
}

std::vector<BufferLifetime> random_lifetimes(std::mt19937& engine) {
  const int steps = 1 + static_cast<int>(engine() % 200);
  const size_t count = engine() % 120;
  const int longest = 1 + static_cast<int>(engine() % static_cast<uint32_t>(steps));
  const uint32_t largest = 1U << (engine() % 16);
  std::vector<BufferLifetime> buffers;
  for (size_t i = 0; i < count; ++i) {
    const int first = static_cast<int>(engine() % static_cast<uint32_t>(steps));
    const int last = std::min(steps - 1, first + static_cast<int>(engine() % static_cast<uint32_t>(longest)));
    buffers.push_back({static_cast<int64_t>(engine() % largest), first, last});
  }
  return buffers;
}

// The largest first, each at the lowest place that no buffer of its time takes, found by looking at all of them.
std::vector<int64_t> lowest_places(const std::vector<BufferLifetime>& buffers) {
  std::vector<size_t> order(buffers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<int64_t> offsets(buffers.size(), 0);
  for (size_t placed = 0; placed < order.size(); ++placed) {
    const BufferLifetime& buffer = buffers[order[placed]];
    int64_t offset = 0;
    for (size_t i = 0; i < placed; ++i) {
      const BufferLifetime& other = buffers[order[i]];
      const int64_t begin = offsets[order[i]];
      const int64_t end = begin + rounded(other.bytes);
      if (!live_together(buffer, other) || end <= offset || begin >= offset + rounded(buffer.bytes)) continue;
      offset = end;
      i = static_cast<size_t>(-1);  // from the first one again
    }
    offsets[order[placed]] = offset;
  }
  return offsets;
}

}  // namespace

TEST(memory_plans_take_the_lowest_places) {
  std::mt19937 engine(2);
  for (int i = 0; i < 1000; ++i) {
    const std::vector<BufferLifetime> buffers = random_lifetimes(engine);
    CHECK(pydl::exec::plan_memory(buffers, true).offsets == lowest_places(buffers));
  }
}

TEST(memory_plans_of_many_buffers_need_little_more_than_what_lives_at_once) {
  std::mt19937 engine(3);
  std::vector<BufferLifetime> buffers;
  const int steps = 20000;
  for (int i = 0; i < steps; ++i) {
    const int first = static_cast<int>(engine() % steps);
    const int length = static_cast<int>(engine() % (engine() % 3 == 0 ? 3000 : 30));
    buffers.push_back({static_cast<int64_t>(64 + engine() % 1280), first, std::min(steps - 1, first + length)});
  }
  const MemoryPlan plan = pydl::exec::plan_memory(buffers, true);
  CHECK(100 * plan.bytes <= 110 * plan.lower_bound);
}

TEST(memory_plans_never_overlap) {
  std::mt19937 engine(1);
  int64_t planned = 0;
  int64_t least = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::vector<BufferLifetime> buffers = random_lifetimes(engine);
    const MemoryPlan plan = pydl::exec::plan_memory(buffers, true);
    check_plan(buffers, plan, true);
    CHECK(plan.bytes <= 3 * plan.lower_bound / 2);
    planned += plan.bytes;
    least += plan.lower_bound;
    if (i % 10 == 0) check_plan(buffers, pydl::exec::plan_memory(buffers, false), false);
  }
  CHECK(static_cast<double>(planned) < 1.1 * static_cast<double>(least));
}

TEST(memory_plan_of_nothing) {
  const MemoryPlan plan = pydl::exec::plan_memory({}, true);
  CHECK_EQUAL(plan.bytes, 0);
  CHECK_EQUAL(plan.lower_bound, 0);
  const std::vector<BufferLifetime> empty = {{0, 0, 3}, {0, 1, 2}};
  CHECK_EQUAL(pydl::exec::plan_memory(empty, true).bytes, 0);
}

TEST(memory_plan_of_a_training_step) {
  // Activations are freed in reverse; beside them short-lived gradients.
  std::vector<BufferLifetime> buffers;
  const int layers = 30;
  for (int i = 0; i < layers; ++i) {
    buffers.push_back({4096 * (1 + i % 3), i, 2 * layers - i});
    buffers.push_back({4096 * (1 + i % 3), 2 * layers - i, 2 * layers - i + 1});
  }
  const MemoryPlan plan = pydl::exec::plan_memory(buffers, true);
  check_plan(buffers, plan, true);
  CHECK(10 * plan.bytes <= 11 * plan.lower_bound);
}
