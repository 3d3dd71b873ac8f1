// Fuses the gradient of an activation into that of the batch normalisation before it. Whether the activation passed an
// element follows from what the normalisation reads anyway, which saves two passes over memory.
#include <optional>

#include "graph/passes/passes.h"
#include "op/attrs/norm.h"
#include "op/post_operations.h"

namespace pydl::graph {

namespace {

using op::OpId;

// The values that a normalisation and its gradients share.
struct Normalisation {
  ValueId y, x, mean, variance, weight, bias;
};

std::optional<Normalisation> normalisation_of(const Node& node) {
  const std::vector<ValueId>& in = node.inputs;
  const std::vector<ValueId>& out = node.outputs;
  if (node.op == OpId::batch_norm) return Normalisation{out[0], in[0], in[1], in[2], in[3], in[4]};
  if (node.op == OpId::batch_norm_train) return Normalisation{out[0], in[0], out[1], out[2], in[1], in[2]};
  return std::nullopt;
}

double epsilon_of(const Node& node) { return op::from_attrs<op::BatchNormAttrs>(node.attrs).epsilon; }

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
    const std::vector<ValueId>& operands = backward.inputs;
    const ValueId result = graph_.nodes[gradient].outputs[0];
    const auto values = normalisation_of(forward);
    if (!values || values->y != graph_.nodes[gradient].inputs[1]) return false;
    if (op::post_operations(forward.attrs) != activation) return false;
    const bool is_sum = backward.op == OpId::channel_sums && operands.size() == 4;
    const bool is_backward = backward.op == OpId::batch_norm_backward && operands.size() == 7;
    if (!is_sum && !is_backward) return false;
    if (operands[0] != result || operands[1] != values->x || values->x == result) return false;
    if (operands[2] != values->mean || operands[3] != values->variance) return false;
    if (is_backward && operands[4] != values->weight) return false;
    if (epsilon_of(backward) != epsilon_of(forward)) return false;
    if (graph_.spec(result).strides != graph_.spec(values->x).strides) return false;
    // With 16 bits, a result just below 6 is rounded to 6, where the gradient is 0.
    if (activation == "relu6" && item_size(graph_.spec(result).dtype) == 2) return false;
    const auto changes = [&](ValueId value, size_t since) {
      return is_mutated_between(graph_, changes_, value, static_cast<int>(since), static_cast<int>(reader) + 1);
    };
    for (const ValueId value : {values->x, values->mean, values->variance, values->weight, values->bias}) {
      if (changes(value, norm)) return false;
    }
    return !changes(graph_.nodes[gradient].inputs[0], gradient);
  }

  static void gate(Node& backward, const Node& forward, ValueId gradient, std::string_view activation) {
    const Normalisation values = *normalisation_of(forward);
    backward.inputs[0] = gradient;
    if (backward.op == OpId::channel_sums) backward.inputs.push_back(values.weight);
    backward.inputs.push_back(values.bias);
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
