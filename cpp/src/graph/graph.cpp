#include "graph/graph.h"

#include <algorithm>

namespace pydl::graph {

ValueId Graph::add_value(const BufferSpec& spec, Source source, int index) {
  const auto id = static_cast<ValueId>(values.size());
  values.push_back({spec, source, index, id, 0});
  return id;
}

ValueId Graph::add_constant(const Tensor& tensor) {
  const BufferSpec spec = {tensor.dtype(), tensor.shape(), tensor.strides()};
  const ValueId id = add_value(spec, Source::constant, static_cast<int>(constants.size()));
  constants.push_back(id);
  constant_tensors.push_back(tensor);
  return id;
}

std::vector<int> producers(const Graph& graph) {
  std::vector<int> result(graph.values.size(), -1);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId output : graph.nodes[n].outputs) result[static_cast<size_t>(output)] = static_cast<int>(n);
  }
  return result;
}

std::vector<int> use_counts(const Graph& graph) {
  std::vector<int> counts(graph.values.size(), 0);
  for (const Node& node : graph.nodes) {
    for (const ValueId input : node.inputs) ++counts[static_cast<size_t>(input)];
  }
  for (const ValueId output : graph.outputs) ++counts[static_cast<size_t>(output)];
  return counts;
}

std::vector<std::vector<int>> mutations(const Graph& graph) {
  std::vector<std::vector<int>> result(graph.values.size());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (int i = 0; i < node.mutated; ++i) {
      const ValueId root = graph.root(node.inputs[static_cast<size_t>(i)]);
      result[static_cast<size_t>(root)].push_back(static_cast<int>(n));
    }
  }
  return result;
}

bool is_mutated_between(const Graph& graph, const std::vector<std::vector<int>>& mutations, ValueId value, int begin,
                        int end) {
  const auto& positions = mutations[static_cast<size_t>(graph.root(value))];
  const auto first = std::lower_bound(positions.begin(), positions.end(), begin);
  return first != positions.end() && *first < end;
}

void replace_values(Graph& graph, std::vector<ValueId>& replacement) {
  const auto find = [&](ValueId id) {
    while (replacement[static_cast<size_t>(id)] != id) id = replacement[static_cast<size_t>(id)];
    return id;
  };
  for (Node& node : graph.nodes) {
    for (ValueId& input : node.inputs) input = find(input);
  }
  for (ValueId& output : graph.outputs) output = find(output);
  // Views of a replaced value are views of the memory of its replacement.
  for (Value& value : graph.values) {
    const ValueId before = value.root;
    const ValueId now = find(before);
    if (now == before) continue;
    value.root = graph.value(now).root;
    value.offset += graph.value(now).offset;
  }
}

void remove_nodes(Graph& graph, const std::vector<bool>& removed) {
  size_t kept = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (removed[n]) continue;
    if (kept != n) graph.nodes[kept] = std::move(graph.nodes[n]);
    ++kept;
  }
  graph.nodes.resize(kept);
}

std::string node_name(const Node& node) {
  if (!node.is_fused()) return op::op_name(node.op);
  std::string name;
  for (const FusedInstruction& instruction : node.fused) {
    name += (name.empty() ? "" : "+") + std::string(op::op_name(instruction.op));
  }
  for (const FusedReduction& reduction : node.reductions) name += "+" + std::string(op::op_name(reduction.op));
  return name;
}

int64_t node_flops(const Graph& graph, const Node& node) {
  if (node.is_fused()) {
    return static_cast<int64_t>(node.fused.size() + node.reductions.size()) * element_count(node.shape);
  }
  const auto function = graph.def(node).flops;
  if (function == nullptr || node.outputs.empty()) return 0;
  std::vector<BufferSpec> inputs;
  for (const ValueId input : node.inputs) inputs.push_back(graph.spec(input));
  return function(node.attrs, inputs, graph.spec(node.outputs[0]));
}

int64_t node_bytes(const Graph& graph, const Node& node) {
  int64_t bytes = 0;
  const auto add = [&](ValueId id) {
    const BufferSpec& spec = graph.spec(id);
    int64_t count = 1;  // repeated elements are read once
    for (int axis = 0; axis < spec.shape.rank(); ++axis) count *= spec.strides[axis] == 0 ? 1 : spec.shape[axis];
    bytes += count * static_cast<int64_t>(item_size(spec.dtype));
  };
  for (const ValueId input : node.inputs) add(input);
  for (const ValueId output : node.outputs) add(output);
  for (int i = 0; i < node.mutated; ++i) add(node.inputs[static_cast<size_t>(i)]);
  return bytes;
}

int64_t most_live_bytes(const Graph& graph) {
  std::vector<size_t> last(graph.values.size(), 0);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId id : graph.nodes[n].inputs) last[static_cast<size_t>(graph.root(id))] = n;
    for (const ValueId id : graph.nodes[n].outputs) last[static_cast<size_t>(graph.root(id))] = n;
  }
  for (const ValueId id : graph.outputs) last[static_cast<size_t>(graph.root(id))] = graph.nodes.size();
  std::vector<int64_t> freed(graph.nodes.size() + 1, 0);
  int64_t live = 0;
  int64_t most = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    for (const ValueId id : graph.nodes[n].outputs) {
      if (graph.root(id) != id || graph.value(id).source != Source::node) continue;
      const BufferSpec& spec = graph.spec(id);
      const int64_t bytes = element_count(spec.shape) * static_cast<int64_t>(item_size(spec.dtype));
      live += bytes;
      freed[last[static_cast<size_t>(id)]] += bytes;
    }
    most = std::max(most, live);
    live -= freed[n];
  }
  return most;
}

}  // namespace pydl::graph
