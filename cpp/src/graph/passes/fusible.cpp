#include "graph/passes/fusible.h"

namespace pydl::graph {

namespace {

using op::OpId;

// Dtypes that are computed in directly or, for 16-bit floats, in float32 with rounding after each op. Small integers
// would be converted on the way and then not wrap around as they do in eager mode.
bool is_computed_in(DType dtype) {
  return is_floating(dtype) || dtype == DType::int32 || dtype == DType::int64 || dtype == DType::boolean;
}

// Bools can select, be converted and be combined, but are never used in arithmetic.
bool takes_bools(OpId op) {
  return op == OpId::where || op == OpId::cast || op == OpId::logical_and || op == OpId::logical_or ||
         op == OpId::logical_xor;
}

}  // namespace

bool is_fusible(const Graph& graph, const Node& node) {
  if (node.is_fused() || node.mutated > 0 || !graph.def(node).has(op::Trait::elementwise)) return false;
  const BufferSpec& output = graph.spec(node.outputs[0]);
  if (node.op == OpId::copy || element_count(output.shape) == 0) return false;
  bool computed = is_computed_in(output.dtype);
  for (const ValueId input : node.inputs) {
    const DType dtype = graph.spec(input).dtype;
    computed = computed && is_computed_in(dtype) && (dtype != DType::boolean || takes_bools(node.op));
  }
  return computed;
}

}  // namespace pydl::graph
