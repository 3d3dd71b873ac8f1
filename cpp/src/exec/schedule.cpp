#include "exec/schedule.h"

#include <algorithm>
#include <numeric>

#include "graph/passes/dependencies.h"
#include "runtime/work_cost.h"

namespace pydl::exec {

namespace {

using graph::Graph;
using graph::Node;

// Whether a node may run concurrently with others, which requires that it overwrites nothing.
bool may_share(const Graph& graph, const Node& node) {
  return node.is_fused() || (node.mutated == 0 && !graph.def(node).has(op::Trait::checks_values));
}

// The work of kernels that may run either concurrently, each on one thread, or one after the other, each on as many
// threads as its work is worth.
class Work {
 public:
  explicit Work(int threads) : threads_(threads) {}

  void add(int64_t time) {
    ++count_;
    longest_ = std::max(longest_, time);
    const int64_t used = std::clamp<int64_t>(time / runtime::time_worth_a_thread, 1, threads_);
    in_order_ += time / used + (used > 1 ? runtime::waking_time : 0);
  }
  int count() const { return count_; }
  bool is_worth_sharing() const { return count_ >= 2 && 10 * (longest_ + runtime::waking_time) < 9 * in_order_; }

 private:
  int threads_;
  int count_ = 0;
  int64_t longest_ = 0;
  int64_t in_order_ = 0;
};

// The positions of the nodes that are not views, followed by the number of nodes.
std::vector<int> nodes_that_run(const Graph& graph) {
  std::vector<int> result;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!graph.is_view(graph.nodes[n])) result.push_back(static_cast<int>(n));
  }
  result.push_back(static_cast<int>(graph.nodes.size()));
  return result;
}

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
  const std::vector<int> running = nodes_that_run(graph);
  const auto depends_on_one_since = [&](int n, int first) {
    const std::vector<int>& needed = before[static_cast<size_t>(n)];
    return !needed.empty() && needed.back() >= first;
  };
  const int count = static_cast<int>(graph.nodes.size());
  size_t next = 0;  // in `running`: the first node at or after `first`
  for (int first = 0; first < count;) {
    while (running[next] < first) ++next;
    // Finds the longest run of nodes that is worth sharing, including the views that follow it.
    Work work(threads);
    int end = first + 1;
    for (size_t i = next; running[i] < count && work.count() < threads; ++i) {
      const Node& node = graph.nodes[static_cast<size_t>(running[i])];
      if (!may_share(graph, node) || depends_on_one_since(running[i], first)) break;
      work.add(node_time(graph, node));
      if (work.is_worth_sharing()) end = running[i + 1];
    }
    for (int n = first; n < end; ++n) times[static_cast<size_t>(n)] = first;
    first = end;
  }
  return times;
}

}  // namespace pydl::exec
