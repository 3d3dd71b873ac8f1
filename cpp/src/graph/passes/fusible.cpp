#include "graph/passes/fusible.h"

namespace pydl::graph {

size_t fused_instructions(const Graph& graph, const Node& node) {
  if (node.is_fused() || node.mutated > 0 || !graph.def(node).has(op::Trait::elementwise)) return 0;
  const BufferSpec& output = graph.spec(node.outputs[0]);
  if (element_count(output.shape) == 0) return 0;
  std::vector<BufferSpec> inputs;
  for (const ValueId input : node.inputs) inputs.push_back(graph.spec(input));
  return exec::KernelTable::global().fused().instructions(node.op, inputs, output);
}

}  // namespace pydl::graph
