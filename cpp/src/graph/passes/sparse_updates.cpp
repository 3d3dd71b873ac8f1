// Sparse updates: if only plain gradient descent reads the gradient of a table's rows, the rows are updated in place
// and no gradient of the table's size is computed.
#include <map>
#include <optional>

#include "graph/passes/passes.h"
#include "op/attrs/index.h"
#include "op/attrs/update.h"

namespace pydl::graph {

namespace {

using op::OpId;

bool is_plain_descent(const Node& node) {
  if (node.op != OpId::sgd_update) return false;
  const auto sgd = op::from_attrs<op::SgdAttrs>(node.attrs);
  return sgd.momentum == 0 && sgd.weight_decay == 0;
}

class SparseUpdates {
 public:
  explicit SparseUpdates(Graph& graph)
      : graph_(graph),
        producer_(producers(graph)),
        uses_(use_counts(graph)),
        changes_(mutations(graph)),
        removed_(graph.nodes.size(), false) {}

  void run() {
    std::vector<std::vector<Node>> behind(graph_.nodes.size());
    for (size_t n = 0; n < behind.size(); ++n) {
      if (is_plain_descent(graph_.nodes[n])) behind[n] = split(static_cast<int>(n));
    }
    std::vector<Node> nodes;
    for (size_t n = 0; n < behind.size(); ++n) {
      if (!removed_[n]) nodes.push_back(std::move(graph_.nodes[n]));
      for (Node& node : behind[n]) nodes.push_back(std::move(node));
    }
    graph_.nodes = std::move(nodes);
  }

 private:
  // The first lookup, keyed by index and by the size of the axis that it indexes.
  using Checks = std::map<std::pair<ValueId, int64_t>, int>;

  // Removes the tables from an update of (step, parameters, gradients, lr), and returns the updates of their rows.
  std::vector<Node> split(int n) {
    Node& update = graph_.nodes[static_cast<size_t>(n)];
    auto attrs = op::from_attrs<op::SgdAttrs>(update.attrs);
    const auto count = static_cast<size_t>(attrs.count);
    std::vector<Node> rows;
    std::vector<ValueId> parameters;
    std::vector<ValueId> gradients;
    for (size_t i = 0; i < count; ++i) {
      const ValueId parameter = update.inputs[1 + i];
      const ValueId gradient = update.inputs[1 + count + i];
      if (!is_of_rows(gradient, n)) {
        parameters.push_back(parameter);
        gradients.push_back(gradient);
        continue;
      }
      const auto source = static_cast<size_t>(producer_[static_cast<size_t>(gradient)]);
      rows.push_back(row_update(update, parameter, graph_.nodes[source]));
      removed_[source] = true;
    }
    if (rows.empty()) return rows;
    const ValueId step = update.inputs.front();
    const ValueId lr = update.inputs.back();
    attrs.count = static_cast<int64_t>(parameters.size());
    update.attrs = op::to_attrs(attrs);
    update.inputs = {step};
    update.inputs.insert(update.inputs.end(), parameters.begin(), parameters.end());
    update.inputs.insert(update.inputs.end(), gradients.begin(), gradients.end());
    update.inputs.push_back(lr);
    update.mutated = 1 + static_cast<int>(parameters.size());
    return rows;
  }

  Node row_update(const Node& update, ValueId parameter, const Node& source) const {
    Node node;
    node.op = OpId::sgd_update_rows;
    node.attrs = op::to_attrs(op::SgdRowsAttrs{op::from_attrs<op::TakeBackwardAttrs>(source.attrs).skip});
    node.inputs = {parameter, source.inputs[0], source.inputs[1], update.inputs.back()};
    node.mutated = 1;
    node.region = update.region;
    node.location = update.location;
    return node;
  }

  // Whether a gradient belongs to the rows of a table, is read by no other node, and has an index that has been checked
  // by then.
  bool is_of_rows(ValueId gradient, int update) {
    const int source = producer_[static_cast<size_t>(gradient)];
    if (source < 0 || uses_[static_cast<size_t>(gradient)] != 1) return false;
    const Node& node = graph_.nodes[static_cast<size_t>(source)];
    if (node.op != OpId::take_backward) return false;
    const auto take = op::from_attrs<op::TakeBackwardAttrs>(node.attrs);
    if (take.axis != 0) return false;
    for (const ValueId input : node.inputs) {
      if (is_mutated_between(graph_, changes_, input, source, update + 1)) return false;
    }
    return is_checked(node.inputs[1], take.size, source);
  }

  // Whether a lookup before this node has checked the index against this size.
  bool is_checked(ValueId index, int64_t size, int before) {
    if (!checks_) checks_ = find_checks();
    const auto found = checks_->find({index, size});
    return found != checks_->end() && found->second < before;
  }

  Checks find_checks() const {
    Checks checks;
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (node.op != OpId::take) continue;
      const auto axis = static_cast<int>(op::from_attrs<op::TakeAttrs>(node.attrs).axis);
      const int64_t size = graph_.spec(node.inputs[0]).shape[axis];
      checks.try_emplace({node.inputs[1], size}, static_cast<int>(n));
    }
    return checks;
  }

  Graph& graph_;
  std::vector<int> producer_;
  std::vector<int> uses_;
  std::vector<std::vector<int>> changes_;
  std::vector<bool> removed_;
  std::optional<Checks> checks_;  // computed on first use
};

}  // namespace

void sparse_updates(Graph& graph) { SparseUpdates(graph).run(); }

}  // namespace pydl::graph
