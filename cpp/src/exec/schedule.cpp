#include "exec/schedule.h"

#include <algorithm>
#include <numeric>

#include "graph/passes/dependencies.h"

namespace pydl::exec {

namespace {

using graph::Graph;
using graph::Node;

// Nanoseconds that waking threads and waiting for them takes, and that are worth a thread of a kernel's own.
constexpr int64_t waking_time = 1500;
constexpr int64_t time_per_thread = 4000;

// Whether a node may run beside others: it overwrites nothing.
bool may_share(const Graph& graph, const Node& node) {
  return node.is_fused() || (node.mutated == 0 && !graph.def(node).has(op::Trait::checks_values));
}

// Of kernels that run one after the other, each on as many threads as its work is worth.
int64_t time_in_order(const std::vector<int64_t>& times, int threads) {
  int64_t total = 0;
  for (const int64_t time : times) {
    const int64_t used = std::clamp<int64_t>(time / time_per_thread, 1, threads);
    total += time / used + (used > 1 ? waking_time : 0);
  }
  return total;
}

bool is_worth_it(const std::vector<int64_t>& times, int threads) {
  if (times.size() < 2) return false;
  const int64_t together = *std::max_element(times.begin(), times.end()) + waking_time;
  return 10 * together < 9 * time_in_order(times, threads);
}

// Nodes that follow each other and may run at the same time.
class Group {
 public:
  Group(const Graph& graph, const std::vector<std::vector<int>>& before, int threads)
      : graph_(graph), before_(before), threads_(threads) {}

  bool accepts(int n) const {
    const Node& node = graph_.nodes[static_cast<size_t>(n)];
    if (graph_.is_view(node)) return true;
    if (static_cast<int>(times_.size()) == threads_ || !may_share(graph_, node)) return false;
    const std::vector<int>& needed = before_[static_cast<size_t>(n)];
    return std::none_of(members_.begin(), members_.end(),
                        [&](int member) { return std::binary_search(needed.begin(), needed.end(), member); });
  }
  void add(int n) {
    const Node& node = graph_.nodes[static_cast<size_t>(n)];
    members_.push_back(n);
    if (!graph_.is_view(node)) times_.push_back(node_time(graph_, node));
  }
  bool pays() const { return is_worth_it(times_, threads_); }
  bool empty() const { return members_.empty(); }

 private:
  const Graph& graph_;
  const std::vector<std::vector<int>>& before_;
  int threads_;
  std::vector<int> members_;
  std::vector<int64_t> times_;  // of those that are not views
};

}  // namespace

int64_t node_time(const Graph& graph, const Node& node) {
  return node_flops(graph, node) / 64 + node_bytes(graph, node) / 16;
}

std::vector<int> schedule_in_order(const Graph& graph) {
  std::vector<int> times(graph.nodes.size());
  std::iota(times.begin(), times.end(), 0);
  return times;
}

std::vector<int> schedule(const Graph& graph, int threads) {
  std::vector<int> times = schedule_in_order(graph);
  if (threads < 2) return times;
  const auto before = graph::dependencies(graph);
  const int count = static_cast<int>(graph.nodes.size());
  for (int first = 0; first < count;) {
    // The longest run that pays; views do not count.
    Group group(graph, before, threads);
    int end = first + 1;
    int last = first;
    if (group.accepts(first)) {
      group.add(first);
      while (end < count && group.accepts(end)) {
        group.add(end);
        if (group.pays()) last = end;
        ++end;
      }
    }
    for (int n = first; n <= last; ++n) times[static_cast<size_t>(n)] = first;
    first = last + 1;
  }
  return times;
}

}  // namespace pydl::exec
