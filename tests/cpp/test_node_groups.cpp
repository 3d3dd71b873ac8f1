// Groups of nodes: joined exactly where no path leads around, and found out without looking through the whole graph.
#include "graph/passes/node_groups.h"

#include <random>

#include "check.h"

using pydl::graph::NodeGroups;

namespace {

using Edges = std::vector<std::vector<int>>;

Edges random_edges(std::mt19937& engine, int count) {
  Edges before(static_cast<size_t>(count));
  for (int n = 1; n < count; ++n) {
    const int reach = std::min(n, engine() % 4 == 0 ? count : 5);
    for (int other = n - reach; other < n; ++other) {
      if (engine() % 4 == 0) before[static_cast<size_t>(n)].push_back(other);
    }
  }
  return before;
}

// Whether a path leads from one group through others to another one, found by following all of them.
bool leads_around(const Edges& before, const NodeGroups& groups, int earlier, int later) {
  std::vector<bool> seen(before.size(), false);
  std::vector<int> stack = {later};
  while (!stack.empty()) {
    const int group = stack.back();
    stack.pop_back();
    for (const int member : groups.members(group)) {
      for (const int needed : before[static_cast<size_t>(member)]) {
        const int next = groups.group(needed);
        if (next == earlier && group != later) return true;
        if (next == earlier || seen[static_cast<size_t>(next)]) continue;
        seen[static_cast<size_t>(next)] = true;
        stack.push_back(next);
      }
    }
  }
  return false;
}

// Layers forward and then backward: each layer's gradient also reads what the layer gave.
Edges forward_and_backward(int layers) {
  Edges before(2 * static_cast<size_t>(layers));
  for (int n = 1; n < 2 * layers; ++n) {
    if (n >= layers) before[static_cast<size_t>(n)].push_back(2 * layers - 1 - n);
    if (before[static_cast<size_t>(n)].empty() || before[static_cast<size_t>(n)].back() != n - 1) {
      before[static_cast<size_t>(n)].push_back(n - 1);
    }
  }
  return before;
}

// How many dependencies are looked at when everything is joined that may be, up to 12 nodes a group.
int64_t visits_of(const Edges& before) {
  NodeGroups groups(before);
  for (size_t n = 0; n < before.size(); ++n) {
    for (const int other : before[n]) {
      const int later = groups.group(static_cast<int>(n));
      const int earlier = groups.group(other);
      if (later == earlier || groups.members(later).size() + groups.members(earlier).size() > 12) continue;
      groups.join(earlier, later);
    }
  }
  return groups.visits();
}

}  // namespace

TEST(joins_are_those_that_no_path_leads_around) {
  std::mt19937 engine(1);
  int joined = 0;
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    const Edges before = random_edges(engine, 5 + static_cast<int>(engine() % 60));
    NodeGroups groups(before);
    for (size_t n = 0; n < before.size(); ++n) {
      for (const int other : before[n]) {
        const int earlier = groups.group(other);
        const int later = groups.group(static_cast<int>(n));
        if (earlier == later || engine() % 3 == 0) continue;
        const bool around = leads_around(before, groups, earlier, later);
        const std::vector<int> moved = groups.members(later);
        CHECK_EQUAL(groups.join(earlier, later), !around);
        for (const int member : moved) CHECK_EQUAL(groups.group(member), around ? later : earlier);
        ++(around ? refused : joined);
      }
    }
  }
  CHECK(joined > 1000);
  CHECK(refused > 1000);
}

TEST(what_joins_look_at_grows_with_the_graph) {
  for (const int layers : {1000, 10000}) CHECK(visits_of(forward_and_backward(layers)) < 60 * layers);
}

TEST(joins_across_too_much_are_refused) {
  // A node that reads the beginning of one chain and the end of another: no path leads around, but both chains would
  // have to be looked at to know that.
  const int length = 20000;
  Edges before(2 * static_cast<size_t>(length) + 1);
  for (int n = 1; n < length; ++n) before[static_cast<size_t>(n)] = {n - 1};
  for (int n = length + 1; n < 2 * length; ++n) before[static_cast<size_t>(n)] = {n - 1};
  before.back() = {0, 2 * length - 1};
  NodeGroups groups(before);
  CHECK(!groups.join(0, 2 * length));
  CHECK(groups.visits() < 5000);
}
