// Fuses the gradient of an activation into that of the batch normalisation before it. Whether the activation passed an
// element follows from what the normalisation reads anyway, which saves two passes over memory.
#include "graph/passes/passes.h"
#include "op/post_operations.h"

namespace pydl::graph {

namespace {

using op::OpId;

class GradientFuser {
 public:
  explicit GradientFuser(Graph& graph)
      : graph_(graph), producer_(producers(graph)), changes_(mutations(graph)), readers_(graph.values.size()) {
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const ValueId input : graph.nodes[n].inputs) readers_[static_cast<size_t>(input)].push_back(n);
    }
  }

  void run() {
    const std::vector<int> uses = use_counts(graph_);
    std::vector<bool> removed(graph_.nodes.size(), false);
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (node.op != OpId::relu_backward && node.op != OpId::relu6_backward) continue;
      const std::string_view activation = node.op == OpId::relu_backward ? "relu" : "relu6";
      const ValueId gradient = node.inputs[0];
      const ValueId result = node.outputs[0];
      const int norm = producer_[static_cast<size_t>(node.inputs[1])];
      const std::vector<size_t>& readers = readers_[static_cast<size_t>(result)];
      if (norm < 0 || readers.empty() || static_cast<size_t>(uses[static_cast<size_t>(result)]) != readers.size()) {
        continue;
      }
      if (graph_.spec(gradient).strides != graph_.spec(result).strides) continue;
      bool fits = true;
      for (const size_t reader : readers) fits = fits && takes_gate(reader, static_cast<size_t>(norm), activation, n);
      if (!fits) continue;
      for (const size_t reader : readers)
        gate(graph_.nodes[reader], graph_.nodes[static_cast<size_t>(norm)], gradient, activation);
      removed[n] = true;
    }
    remove_nodes(graph_, removed);
  }

 private:
  // Whether `reader`, which reads the result of node `gradient`, that of the activation, is a gradient of the
  // normalisation and may read what that node reads instead.
  bool takes_gate(size_t reader, size_t norm, std::string_view activation, size_t gradient) const {
    const Node& forward = graph_.nodes[norm];
    const Node& backward = graph_.nodes[reader];
    const ValueId result = graph_.nodes[gradient].outputs[0];
    const bool is_sum = backward.op == OpId::channel_sums && backward.inputs.size() == 3;
    const bool is_backward = backward.op == OpId::batch_norm_backward && backward.inputs.size() == 5;
    if (forward.op != OpId::batch_norm || op::post_operations(forward.attrs) != activation || (!is_sum && !is_backward))
      return false;
    if (backward.inputs[0] != result || backward.inputs[1] != forward.inputs[0]) return false;
    if (backward.inputs[1] == result || backward.inputs[2] != forward.inputs[1]) return false;
    if (is_backward && backward.inputs[3] != forward.inputs[2]) return false;
    if (backward.attrs.number("epsilon") != forward.attrs.number("epsilon")) return false;
    if (graph_.spec(result).strides != graph_.spec(forward.inputs[0]).strides) return false;
    // With 16 bits, a result just below 6 is rounded to 6, where the gradient is 0.
    if (activation == "relu6" && item_size(graph_.spec(result).dtype) == 2) return false;
    const auto changes = [&](ValueId value, size_t since) {
      return is_mutated_between(graph_, changes_, value, static_cast<int>(since), static_cast<int>(reader) + 1);
    };
    for (const ValueId input : forward.inputs) {
      if (changes(input, norm)) return false;
    }
    return !changes(graph_.nodes[gradient].inputs[0], gradient);
  }

  static void gate(Node& backward, const Node& forward, ValueId gradient, std::string_view activation) {
    backward.inputs[0] = gradient;
    if (backward.op == OpId::channel_sums) backward.inputs.push_back(forward.inputs[2]);
    backward.inputs.push_back(forward.inputs[3]);
    backward.attrs.add(op::gate_attr, op::Text(activation));
  }

  Graph& graph_;
  std::vector<int> producer_;
  std::vector<std::vector<int>> changes_;
  std::vector<std::vector<size_t>> readers_;  // by value
};

}  // namespace

void fuse_activation_gradients(Graph& graph) { GradientFuser(graph).run(); }

}  // namespace pydl::graph
