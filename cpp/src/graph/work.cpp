#include "graph/work.h"

#include <algorithm>

#include "op/saturating.h"

namespace pydl::graph {

namespace {

using op::OpId;

// Ops that read only as many elements of their first input as they write.
bool reads_parts(OpId id) { return id == OpId::take || id == OpId::gather; }

// How many operand elements are read per element of the result, for ops without a formula for floating-point
// operations: the windows of pooling, and the labels that a step of CTC's recursion goes over.
int64_t reads_per_result(const Graph& graph, const Node& node) {
  if (node.op == OpId::ctc_loss || node.op == OpId::ctc_loss_backward) {
    const size_t log_probs = node.op == OpId::ctc_loss ? 0 : 1;
    const Dims& shape = graph.spec(node.inputs[log_probs]).shape;
    const int64_t labels = element_count(graph.spec(node.inputs[log_probs + 1]).shape);
    return op::saturating_product({2, shape[0], op::saturating_sum(labels, 1)});
  }
  int64_t window = 1;
  for (const auto& [name, value] : node.attrs.entries()) {
    const auto* dims = std::get_if<Dims>(&value);
    if (name != "kernel" || dims == nullptr) continue;
    for (const int64_t size : *dims) window = op::saturating_product({window, std::max<int64_t>(size, 1)});
  }
  return window;
}

int64_t operations_of(const Graph& graph, const Node& node) {
  int64_t elements = 0;
  if (!reads_parts(node.op)) {
    for (const ValueId input : node.inputs) {
      elements = op::saturating_sum(elements, element_count(graph.spec(input).shape));
    }
  }
  for (const ValueId output : node.outputs) {
    const int64_t written = element_count(graph.spec(output).shape);
    elements = op::saturating_sum(elements, op::saturating_product({written, reads_per_result(graph, node)}));
  }
  return std::max(elements, node_flops(graph, node));
}

}  // namespace

int64_t count_operations(const Graph& graph) {
  int64_t total = 0;
  for (const Node& node : graph.nodes) total = op::saturating_sum(total, operations_of(graph, node));
  return total;
}

}  // namespace pydl::graph
