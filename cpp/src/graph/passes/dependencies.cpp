#include "graph/passes/dependencies.h"

#include <algorithm>
#include <queue>

namespace pydl::graph {

std::vector<std::vector<int>> dependencies(const Graph& graph) {
  std::vector<std::vector<int>> before(graph.nodes.size());
  std::vector<int> producer = producers(graph);
  std::vector<int> last_writer(graph.values.size(), -1);       // by root: the latest mutation
  std::vector<std::vector<int>> readers(graph.values.size());  // by root: readers since then
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    std::vector<int>& needed = before[n];
    const auto need = [&](int other) {
      if (other >= 0 && other != static_cast<int>(n)) needed.push_back(other);
    };
    for (const ValueId input : node.inputs) {
      need(producer[static_cast<size_t>(input)]);
      const auto root = static_cast<size_t>(graph.root(input));
      need(producer[root]);
      need(last_writer[root]);
    }
    for (int i = 0; i < node.mutated; ++i) {
      const auto root = static_cast<size_t>(graph.root(node.inputs[static_cast<size_t>(i)]));
      for (const int reader : readers[root]) need(reader);
      readers[root].clear();
      last_writer[root] = static_cast<int>(n);
    }
    for (const ValueId input : node.inputs)
      readers[static_cast<size_t>(graph.root(input))].push_back(static_cast<int>(n));
    std::sort(needed.begin(), needed.end());
    needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  }
  return before;
}

std::vector<std::vector<int>> order_groups(const Graph& graph, const std::vector<std::vector<int>>& before,
                                           const std::vector<int>& groups) {
  const size_t count = graph.nodes.size();
  std::vector<std::vector<int>> members(count);
  for (size_t n = 0; n < count; ++n) members[static_cast<size_t>(groups[n])].push_back(static_cast<int>(n));
  std::vector<std::vector<int>> after(count);
  std::vector<int> waiting(count, 0);
  for (size_t n = 0; n < count; ++n) {
    for (const int other : before[n]) {
      if (groups[static_cast<size_t>(other)] == groups[n]) continue;
      after[static_cast<size_t>(groups[static_cast<size_t>(other)])].push_back(groups[n]);
      ++waiting[static_cast<size_t>(groups[n])];
    }
  }
  // Of the groups that are ready, picks the one whose last member came first.
  const auto later = [&](int a, int b) {
    return members[static_cast<size_t>(a)].back() > members[static_cast<size_t>(b)].back();
  };
  std::priority_queue<int, std::vector<int>, decltype(later)> ready(later);
  for (size_t group = 0; group < count; ++group) {
    if (!members[group].empty() && waiting[group] == 0) ready.push(static_cast<int>(group));
  }
  std::vector<std::vector<int>> order;
  while (!ready.empty()) {
    const int group = ready.top();
    ready.pop();
    order.push_back(members[static_cast<size_t>(group)]);
    for (const int next : after[static_cast<size_t>(group)]) {
      if (--waiting[static_cast<size_t>(next)] == 0) ready.push(next);
    }
  }
  return order;
}

}  // namespace pydl::graph
