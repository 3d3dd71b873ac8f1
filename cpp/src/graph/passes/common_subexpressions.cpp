// Common subexpressions: equal ops on equal values in the same state of memory have equal results and are computed
// once.
#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

// How many times the memory of a value was overwritten before a node.
int64_t version(const Graph& graph, const std::vector<std::vector<int>>& mutations, ValueId id, int position) {
  const auto& positions = mutations[static_cast<size_t>(graph.root(id))];
  return std::lower_bound(positions.begin(), positions.end(), position) - positions.begin();
}

}  // namespace

void eliminate_common_subexpressions(Graph& graph) {
  const auto changes = mutations(graph);
  std::vector<ValueId> replacement(graph.values.size());
  std::iota(replacement.begin(), replacement.end(), 0);
  std::vector<bool> is_output(graph.values.size(), false);
  for (const ValueId output : graph.outputs) is_output[static_cast<size_t>(output)] = true;
  std::vector<bool> removed(graph.nodes.size(), false);
  std::unordered_multimap<size_t, int> seen;

  const auto equal = [&](const Node& a, int position_a, const Node& b, int position_b) {
    if (a.op != b.op || a.inputs != b.inputs || a.region != b.region || !(a.attrs == b.attrs)) return false;
    for (const ValueId input : a.inputs) {
      if (version(graph, changes, input, position_a) != version(graph, changes, input, position_b)) return false;
    }
    return true;
  };

  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    for (ValueId& input : node.inputs) input = replacement[static_cast<size_t>(input)];
    if (node.mutated > 0 || node.is_fused() || node.outputs.size() != 1) continue;
    const ValueId output = node.outputs[0];
    // Values that are overwritten later or returned to the caller need memory of their own.
    if (!graph.is_view(node) && !changes[static_cast<size_t>(output)].empty()) continue;
    if (is_output[static_cast<size_t>(output)]) continue;
    // The hash covers everything that `equal` compares, so calls with the same hash are nearly always equal.
    size_t hash = static_cast<size_t>(node.op) * 31 + node.attrs.hash();
    hash = hash * 1000003 + static_cast<size_t>(node.region);
    for (const ValueId input : node.inputs) {
      hash = hash * 1000003 + static_cast<size_t>(input);
      hash = hash * 1000003 + static_cast<size_t>(version(graph, changes, input, static_cast<int>(n)));
    }
    const auto [begin, end] = seen.equal_range(hash);
    for (auto candidate = begin; candidate != end && !removed[n]; ++candidate) {
      const Node& first = graph.nodes[static_cast<size_t>(candidate->second)];
      if (!equal(first, candidate->second, node, static_cast<int>(n))) continue;
      replacement[static_cast<size_t>(output)] = first.outputs[0];
      removed[n] = true;
    }
    if (!removed[n]) seen.emplace(hash, static_cast<int>(n));
  }
  replace_values(graph, replacement);
  remove_nodes(graph, removed);
}

}  // namespace pydl::graph
