// Fuses activations into products, convolutions and normalisations: relu is applied while the result is still in
// registers.
#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

// The name of the attribute that makes a node apply an activation; null if the node cannot.
const char* activation_attr(const Graph& graph, const Node& node, op::OpId activation) {
  if (node.is_fused() || node.attrs.is_set("relu") || node.attrs.is_set("relu6")) return nullptr;
  if (activation == op::OpId::relu && graph.def(node).has(op::Trait::takes_relu)) return "relu";
  return activation == op::OpId::relu6 && node.op == op::OpId::batch_norm ? "relu6" : nullptr;
}

}  // namespace

void fuse_activations(Graph& graph) {
  const std::vector<int> producer = producers(graph);
  const std::vector<int> uses = use_counts(graph);
  const auto changes = mutations(graph);
  std::vector<bool> removed(graph.nodes.size(), false);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.op != op::OpId::relu && node.op != op::OpId::relu6) continue;
    const auto input = static_cast<size_t>(node.inputs[0]);
    const int source = producer[input];
    if (source < 0) continue;
    const char* attr = activation_attr(graph, graph.nodes[static_cast<size_t>(source)], node.op);
    if (attr == nullptr) continue;
    // No other node may read the result without the activation.
    if (uses[input] != 1 || !changes[input].empty()) continue;
    if (graph.spec(node.outputs[0]).strides != graph.spec(node.inputs[0]).strides) continue;
    Node& product = graph.nodes[static_cast<size_t>(source)];
    product.attrs.add(attr, true);
    product.outputs = node.outputs;
    removed[n] = true;
  }
  remove_nodes(graph, removed);
}

}  // namespace pydl::graph
