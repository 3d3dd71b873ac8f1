// Dead code elimination: removes nodes on which neither an output nor a state depends.
#include "graph/passes/passes.h"

namespace pydl::graph {

void eliminate_dead_code(Graph& graph) {
  std::vector<bool> live(graph.values.size(), false);  // values, and roots of values, that are read
  const auto mark = [&](ValueId id) {
    live[static_cast<size_t>(id)] = true;
    live[static_cast<size_t>(graph.root(id))] = true;
  };
  for (const ValueId output : graph.outputs) mark(output);

  std::vector<bool> removed(graph.nodes.size(), false);
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    bool needed = false;
    for (const ValueId output : node.outputs) needed = needed || live[static_cast<size_t>(output)];
    for (int i = 0; i < node.mutated; ++i) {
      const ValueId root = graph.root(node.inputs[static_cast<size_t>(i)]);
      needed = needed || live[static_cast<size_t>(root)] || graph.value(root).source == Source::state;
    }
    removed[n] = !needed;
    if (!needed) continue;
    for (const ValueId input : node.inputs) mark(input);
  }
  remove_nodes(graph, removed);
}

}  // namespace pydl::graph
