// Fusion of elementwise ops: a chain becomes one node, which passes over memory once.
//
// Nodes on one shape are joined where one reads what another gives, as long as no path leaves the group and comes back
// into it: its nodes run together.
#include <algorithm>
#include <numeric>

#include "graph/passes/dependencies.h"
#include "graph/passes/fusible.h"
#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

using op::OpId;

class ElementwiseFuser {
 public:
  explicit ElementwiseFuser(Graph& graph)
      : graph_(graph), before_(dependencies(graph)), producer_(producers(graph)), group_(graph.nodes.size()) {
    std::iota(group_.begin(), group_.end(), 0);
    members_.resize(graph.nodes.size());
    for (size_t n = 0; n < members_.size(); ++n) members_[n] = {static_cast<int>(n)};
  }

  void run() {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!is_fusible(static_cast<int>(n))) continue;
      for (const ValueId input : graph_.nodes[n].inputs) try_join(static_cast<int>(n), input);
    }
    rebuild();
  }

 private:
  const Node& node(int n) const { return graph_.nodes[static_cast<size_t>(n)]; }
  const BufferSpec& output(int n) const { return graph_.spec(node(n).outputs[0]); }

  bool is_fusible(int n) const { return graph::is_fusible(graph_, node(n)); }

  void try_join(int n, ValueId input) {
    const int producer = producer_[static_cast<size_t>(input)];
    if (producer < 0 || !is_fusible(producer)) return;
    const int own = group_[static_cast<size_t>(n)];
    const int other = group_[static_cast<size_t>(producer)];
    if (own == other || output(n).shape != output(producer).shape || output(n).strides != output(producer).strides)
      return;
    std::vector<int> joined = members_[static_cast<size_t>(own)];
    joined.insert(joined.end(), members_[static_cast<size_t>(other)].begin(),
                  members_[static_cast<size_t>(other)].end());
    std::sort(joined.begin(), joined.end());
    if (!fits(joined) || comes_back(joined)) return;
    for (const int member : joined) group_[static_cast<size_t>(member)] = other;
    members_[static_cast<size_t>(own)].clear();
    members_[static_cast<size_t>(other)] = std::move(joined);
  }

  bool is_member(const std::vector<int>& sorted, int n) const {
    return std::binary_search(sorted.begin(), sorted.end(), n);
  }

  // What a group reads from outside, each once.
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

  // What of a group is read outside.
  std::vector<ValueId> external_outputs(const std::vector<int>& group) const {
    std::vector<ValueId> outputs;
    const auto add = [&](ValueId id) {
      const ValueId root = graph_.root(id);
      if (!is_member(group, producer_[static_cast<size_t>(root)])) return;
      if (std::find(outputs.begin(), outputs.end(), root) == outputs.end()) outputs.push_back(root);
    };
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (is_member(group, static_cast<int>(n))) continue;
      for (const ValueId input : graph_.nodes[n].inputs) add(input);
    }
    for (const ValueId id : graph_.outputs) add(id);
    return outputs;
  }

  bool fits(const std::vector<int>& group) const {
    size_t instructions = 0;
    for (const int member : group) {
      const OpId op = node(member).op;
      instructions += op == OpId::clip || op == OpId::cast ? 2 : 1;
    }
    if (instructions > most_instructions) return false;
    return external_inputs(group).size() + external_outputs(group).size() <= most_operands;
  }

  // Whether a path leads from the group through other nodes back into it.
  bool comes_back(const std::vector<int>& group) const {
    std::vector<bool> seen(graph_.nodes.size(), false);
    std::vector<int> stack;
    const auto visit_before = [&](int n, bool inside) {
      for (const int other : before_[static_cast<size_t>(n)]) {
        if (is_member(group, other)) {
          if (!inside) return true;
          continue;
        }
        // The nodes of another group run together.
        for (const int member : members_[static_cast<size_t>(group_[static_cast<size_t>(other)])]) {
          if (seen[static_cast<size_t>(member)]) continue;
          seen[static_cast<size_t>(member)] = true;
          stack.push_back(member);
        }
      }
      return false;
    };
    for (const int member : group) visit_before(member, true);
    while (!stack.empty()) {
      const int n = stack.back();
      stack.pop_back();
      if (visit_before(n, false)) return true;
    }
    return false;
  }

  Node fused(const std::vector<int>& group) const {
    Node result;
    result.inputs = external_inputs(group);
    result.outputs = external_outputs(group);
    result.location = node(group.front()).location;
    result.region = node(group.front()).region;
    result.shape = output(group.front()).shape;
    result.strides = output(group.front()).strides;
    std::vector<int> operand(graph_.values.size(), -1);
    for (size_t i = 0; i < result.inputs.size(); ++i) {
      operand[static_cast<size_t>(result.inputs[i])] = static_cast<int>(i);
    }
    for (const int member : group) {
      FusedInstruction instruction = {node(member).op, node(member).attrs, output(member).dtype, {}};
      for (const ValueId input : node(member).inputs) {
        instruction.sources.push_back(operand[static_cast<size_t>(input)]);
      }
      operand[static_cast<size_t>(node(member).outputs[0])] =
          static_cast<int>(result.inputs.size() + result.fused.size());
      result.fused.push_back(std::move(instruction));
    }
    for (const ValueId id : result.outputs) result.stored.push_back(operand[static_cast<size_t>(id)]);
    return result;
  }

  void rebuild() {
    std::vector<Node> nodes;
    for (const std::vector<int>& group : order_groups(graph_, before_, group_)) {
      // A group that nobody reads is not worth a kernel; without the pass over dead code there may be some.
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
  std::vector<int> producer_;
  std::vector<int> group_;
  std::vector<std::vector<int>> members_;
};

}  // namespace

void fuse_elementwise(Graph& graph) { ElementwiseFuser(graph).run(); }

}  // namespace pydl::graph
