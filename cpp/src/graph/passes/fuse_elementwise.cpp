// Fuses elementwise ops: a chain becomes one node, which passes over memory once.
//
// Nodes of the same shape are joined if one reads the result of another, unless a path leaves the group and comes back
// into it, because the nodes of a group run together (node_groups.h).
#include <algorithm>
#include <optional>

#include "graph/passes/dependencies.h"
#include "graph/passes/fusible.h"
#include "graph/passes/node_groups.h"
#include "graph/passes/passes.h"
#include "graph/readers.h"

namespace pydl::graph {

namespace {

class ElementwiseFuser {
 public:
  explicit ElementwiseFuser(Graph& graph)
      : graph_(graph),
        before_(dependencies(graph)),
        groups_(before_),
        producer_(producers(graph)),
        readers_(graph),
        output_of_root_(outputs_by_root(graph)),
        instructions_(graph.nodes.size()) {
    for (size_t n = 0; n < instructions_.size(); ++n) instructions_[n] = fused_instructions(graph, graph.nodes[n]);
  }

  void run() {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (instructions_[n] == 0) continue;
      for (const ValueId input : graph_.nodes[n].inputs) try_join(static_cast<int>(n), input);
    }
    rebuild();
  }

 private:
  const Node& node(int n) const { return graph_.nodes[static_cast<size_t>(n)]; }
  const BufferSpec& output(int n) const { return graph_.spec(node(n).outputs[0]); }

  void try_join(int n, ValueId input) {
    const int producer = producer_[static_cast<size_t>(input)];
    if (producer < 0 || instructions_[static_cast<size_t>(producer)] == 0) return;
    const int own = groups_.group(n);
    const int other = groups_.group(producer);
    if (own == other || output(n).shape != output(producer).shape || output(n).strides != output(producer).strides)
      return;
    std::vector<int> joined = groups_.members(own);
    joined.insert(joined.end(), groups_.members(other).begin(), groups_.members(other).end());
    if (joined.size() > support_.most_instructions) return;
    std::sort(joined.begin(), joined.end());
    if (fits(joined)) groups_.join(other, own);
  }

  bool is_member(const std::vector<int>& sorted, int n) const {
    return std::binary_search(sorted.begin(), sorted.end(), n);
  }

  // The values that a group reads from outside, each listed once.
  std::vector<ValueId> external_inputs(const std::vector<int>& group) const {
    std::vector<ValueId> inputs;
    for (const int member : group) {
      for (const ValueId input : node(member).inputs) {
        if (is_member(group, producer_[static_cast<size_t>(input)])) continue;
        if (std::find(inputs.begin(), inputs.end(), input) == inputs.end()) inputs.push_back(input);
      }
    }
    return inputs;
  }

  // The values of a group that are read outside, in the order of their first outside reads.
  std::vector<ValueId> external_outputs(const std::vector<int>& group) const {
    std::vector<std::pair<std::pair<int, int>, ValueId>> found;
    for (const int member : group) {
      const ValueId value = node(member).outputs[0];
      if (const auto read = first_read_outside(group, value))
        found.emplace_back(std::pair(read->node, read->input), value);
    }
    std::sort(found.begin(), found.end());
    std::vector<ValueId> outputs;
    for (const auto& entry : found) outputs.push_back(entry.second);
    return outputs;
  }

  // Graph outputs count as reads after all nodes.
  std::optional<Read> first_read_outside(const std::vector<int>& group, ValueId value) const {
    for (const Read& read : readers_.of(value)) {
      if (!is_member(group, read.node)) return read;
    }
    const int output = output_of_root_[static_cast<size_t>(value)];
    if (output < 0) return std::nullopt;
    return Read{static_cast<int>(graph_.nodes.size()), output};
  }

  bool fits(const std::vector<int>& group) const {
    size_t instructions = 0;
    for (const int member : group) instructions += instructions_[static_cast<size_t>(member)];
    if (instructions > support_.most_instructions) return false;
    return external_inputs(group).size() + external_outputs(group).size() <= support_.most_operands;
  }

  Node fused(const std::vector<int>& group) const {
    Node result;
    result.inputs = external_inputs(group);
    result.outputs = external_outputs(group);
    result.location = node(group.front()).location;
    result.region = node(group.front()).region;
    result.shape = output(group.front()).shape;
    result.strides = output(group.front()).strides;
    std::vector<ValueId> operands = result.inputs;
    const auto number = [&](ValueId id) {
      return static_cast<int>(std::find(operands.begin(), operands.end(), id) - operands.begin());
    };
    for (const int member : group) {
      FusedInstruction instruction = {node(member).op, node(member).attrs, output(member).dtype, {}};
      for (const ValueId input : node(member).inputs) instruction.sources.push_back(number(input));
      operands.push_back(node(member).outputs[0]);
      result.fused.push_back(std::move(instruction));
    }
    for (const ValueId id : result.outputs) result.stored.push_back(number(id));
    return result;
  }

  void rebuild() {
    std::vector<Node> nodes;
    for (const std::vector<int>& group : order_groups(graph_, before_, groups_.groups())) {
      // A group that nobody reads is not worth a kernel; such groups exist only if dead code elimination is off.
      if (group.size() == 1 || external_outputs(group).empty()) {
        for (const int member : group) nodes.push_back(node(member));
      } else {
        nodes.push_back(fused(group));
      }
    }
    graph_.nodes = std::move(nodes);
  }

  Graph& graph_;
  std::vector<std::vector<int>> before_;
  NodeGroups groups_;
  std::vector<int> producer_;
  Readers readers_;
  std::vector<int> output_of_root_;
  std::vector<size_t> instructions_;  // by node; 0 for those that cannot be fused
  const exec::FusedSupport& support_ = exec::KernelTable::global().fused();
};

}  // namespace

void fuse_elementwise(Graph& graph) { ElementwiseFuser(graph).run(); }

}  // namespace pydl::graph
