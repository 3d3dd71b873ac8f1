// Fusion of activations into products, convolutions and normalisations: relu is applied where the result is still in
// registers.
#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

bool takes_relu(const Graph& graph, const Node& node) {
  return !node.is_fused() && graph.def(node).has(op::Trait::takes_relu) && !node.attrs.is_set("relu");
}

}  // namespace

void fuse_activations(Graph& graph) {
  const std::vector<int> producer = producers(graph);
  const std::vector<int> uses = use_counts(graph);
  const auto changes = mutations(graph);
  std::vector<bool> removed(graph.nodes.size(), false);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op != op::OpId::relu) continue;
    const auto input = static_cast<size_t>(node.inputs[0]);
    const int source = producer[input];
    if (source < 0 || !takes_relu(graph, graph.nodes[static_cast<size_t>(source)])) continue;
    // Nobody else may see the result without it.
    if (uses[input] != 1 || !changes[input].empty()) continue;
    if (graph.spec(node.outputs[0]).strides != graph.spec(node.inputs[0]).strides) continue;
    Node& product = graph.nodes[static_cast<size_t>(source)];
    product.attrs.add("relu", true);
    product.outputs = node.outputs;
    removed[n] = true;
  }
  remove_nodes(graph, removed);
}

}  // namespace pydl::graph
