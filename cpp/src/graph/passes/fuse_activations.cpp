// Fusion of activations into products and normalisations: relu is applied where their results are still in registers.
#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

// Ops whose kernels know the attribute `relu`.
bool takes_relu(op::OpId op) { return op == op::OpId::linear || op == op::OpId::batch_norm; }

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
    if (source < 0 || !takes_relu(graph.nodes[static_cast<size_t>(source)].op)) continue;
    // Nobody else may see what relu sees.
    if (uses[input] != 1 || !changes[input].empty()) continue;
    if (graph.spec(node.outputs[0]).strides != graph.spec(node.inputs[0]).strides) continue;
    Node& producing = graph.nodes[static_cast<size_t>(source)];
    producing.attrs.add("relu", true);
    producing.outputs = node.outputs;
    removed[n] = true;
  }
  remove_nodes(graph, removed);
}

}  // namespace pydl::graph
