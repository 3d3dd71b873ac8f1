// Fuses activations into products, convolutions and normalisations: relu is applied while the result is still in
// registers.
#include <algorithm>

#include "graph/passes/passes.h"
#include "op/post_operations.h"

namespace pydl::graph {

namespace {

// Whether a node can apply an activation. Nothing else is applied before it.
bool takes(const Node& node, op::OpId activation) {
  if (node.is_fused() || !op::post_operations(node.attrs).empty()) return false;
  const auto allowed = exec::KernelTable::global().post_operations(node.op);
  return std::find(allowed.begin(), allowed.end(), op::op_name(activation)) != allowed.end();
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
    Node& product = graph.nodes[static_cast<size_t>(source)];
    // Activations apply to the first result.
    if (product.outputs[0] != node.inputs[0] || !takes(product, node.op)) continue;
    // No other node may read the result without the activation.
    if (uses[input] != 1 || !changes[input].empty()) continue;
    if (graph.spec(node.outputs[0]).strides != graph.spec(node.inputs[0]).strides) continue;
    product.attrs.add(op::post_attr, op::Text(op::op_name(node.op)));
    product.outputs[0] = node.outputs[0];
    removed[n] = true;
  }
  remove_nodes(graph, removed);
}

}  // namespace pydl::graph
