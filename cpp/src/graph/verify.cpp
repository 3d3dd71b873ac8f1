// Checks the rules that every graph must keep, after each pass in debug builds and in the tests.
#include "graph/graph.h"

namespace pydl::graph {

namespace {

template <class... Parts>
[[noreturn]] void fail(const char* after, const Parts&... parts) {
  throw Error(concat_text("graph after ", after, ": ", parts...));
}

bool same_layout(const BufferSpec& a, const BufferSpec& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.strides == b.strides;
}

void verify_layout(const Graph& graph, const Node& node, size_t n, const char* after) {
  if (node.is_fused() || node.mutated > 0) return;
  std::vector<BufferSpec> inputs;
  for (const ValueId input : node.inputs) inputs.push_back(graph.spec(input));
  const size_t count = graph.def(node).count_results(node.attrs, inputs.size());
  if (count != node.outputs.size()) {
    fail(after, "node ", n, " (", node_name(node), ") has ", node.outputs.size(), " results, not ", count);
  }
  std::vector<BufferSpec> layouts(count);
  int64_t offset = 0;
  graph.def(node).infer(node.attrs, inputs, layouts.data(), &offset);
  for (size_t i = 0; i < count; ++i) {
    const BufferSpec& layout = layouts[i];
    const BufferSpec& given = graph.spec(node.outputs[i]);
    // In views, an axis of size 1 may have any stride.
    const bool fits =
        graph.is_view(node) ? layout.dtype == given.dtype && layout.shape == given.shape : same_layout(layout, given);
    if (!fits) fail(after, "node ", n, " (", node_name(node), ") has shape ", given.shape, ", not ", layout.shape);
  }
}

void verify_reduction(const Node& node, size_t n, const FusedReduction& reduction, const BufferSpec& given,
                      const char* after) {
  const int instruction = reduction.operand - static_cast<int>(node.inputs.size());
  if (instruction < 0 || instruction >= static_cast<int>(node.fused.size())) {
    fail(after, "node ", n, " reduces operand ", reduction.operand);
  }
  const BufferSpec whole = {node.fused[static_cast<size_t>(instruction)].dtype, node.shape, node.strides};
  BufferSpec output;
  int64_t offset = 0;
  op::op_def(reduction.op).infer(reduction.attrs, {&whole, 1}, &output, &offset);
  if (!same_layout(output, given)) {
    fail(after, "node ", n, " (", node_name(node), ") has shape ", given.shape, ", not ", output.shape);
  }
}

void verify_fused(const Graph& graph, const Node& node, size_t n, const char* after) {
  const size_t stored = node.stored.size();
  if (stored + node.reductions.size() != node.outputs.size()) {
    fail(after, "node ", n, " stores ", stored, " operands and reduces ", node.reductions.size());
  }
  const auto inputs = static_cast<int>(node.inputs.size());
  for (size_t i = 0; i < node.fused.size(); ++i) {
    for (const int source : node.fused[i].sources) {
      if (source < 0 || source >= inputs + static_cast<int>(i)) fail(after, "node ", n, " reads operand ", source);
    }
  }
  for (size_t i = 0; i < stored; ++i) {
    const BufferSpec& output = graph.spec(node.outputs[i]);
    if (output.shape != node.shape || output.strides != node.strides) fail(after, "node ", n, " has several shapes");
  }
  for (size_t i = 0; i < node.reductions.size(); ++i) {
    verify_reduction(node, n, node.reductions[i], graph.spec(node.outputs[stored + i]), after);
  }
}

}  // namespace

void verify(const Graph& graph, const char* after) {
  std::vector<bool> known(graph.values.size(), false);
  for (size_t id = 0; id < graph.values.size(); ++id) known[id] = graph.values[id].source != Source::node;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (const ValueId input : node.inputs) {
      if (!known[static_cast<size_t>(input)]) fail(after, "node ", n, " reads value ", input, " before it is computed");
      if (!known[static_cast<size_t>(graph.root(input))]) fail(after, "value ", input, " has no memory yet");
    }
    for (int i = 0; i < node.mutated; ++i) {
      const Source source = graph.value(graph.root(node.inputs[static_cast<size_t>(i)])).source;
      if (source != Source::node && source != Source::state) fail(after, "node ", n, " overwrites what it must not");
    }
    for (const ValueId output : node.outputs) {
      if (graph.value(output).source == Source::node && known[static_cast<size_t>(output)]) {
        fail(after, "value ", output, " is computed twice");
      }
      known[static_cast<size_t>(output)] = true;
    }
    verify_layout(graph, node, n, after);
    if (node.is_fused()) verify_fused(graph, node, n, after);
  }
  for (const ValueId output : graph.outputs) {
    if (!known[static_cast<size_t>(output)]) fail(after, "output ", output, " is never computed");
  }
}

}  // namespace pydl::graph
