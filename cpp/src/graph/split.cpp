#include "graph/split.h"

#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

class Splitter {
 public:
  Splitter(Graph graph, size_t position, size_t gradient_argument, std::vector<ValueId> gradients)
      : forward_(std::move(graph)), gradient_argument_(static_cast<int>(gradient_argument)) {
    backward_ = forward_;
    backward_.nodes.erase(backward_.nodes.begin(), backward_.nodes.begin() + static_cast<std::ptrdiff_t>(position));
    backward_.outputs = std::move(gradients);
    forward_.nodes.resize(position);
    is_residual_.resize(backward_.values.size(), false);
    eliminate_dead_code(backward_);
  }

  Halves run() {
    std::vector<bool> own(backward_.values.size(), false);  // values computed in the second half
    for (const Node& node : backward_.nodes) {
      for (const ValueId output : node.outputs) own[static_cast<size_t>(output)] = true;
    }
    for (const Node& node : backward_.nodes) {
      for (const ValueId input : node.inputs) need(input, own);
    }
    for (const ValueId output : backward_.outputs) need(output, own);
    hand_over();
    root_views();
    return {std::move(forward_), std::move(backward_)};
  }

 private:
  void need(ValueId id, const std::vector<bool>& own) {
    const Value& value = backward_.value(id);
    const Source source = backward_.value(value.root).source;
    const bool is_gradient = value.source == Source::argument && value.index >= gradient_argument_;
    if (own[static_cast<size_t>(id)] || source == Source::constant || source == Source::state || is_gradient) return;
    if (is_residual_[static_cast<size_t>(id)]) return;
    is_residual_[static_cast<size_t>(id)] = true;
    residuals_.push_back(id);
  }

  // Residuals become outputs of the first half and arguments of the second.
  void hand_over() {
    std::vector<ValueId> arguments;
    for (const ValueId id : residuals_) {
      forward_.outputs.push_back(forward_.value(forward_.root(id)).source == Source::generator ? copied(id) : id);
      Value& value = backward_.values[static_cast<size_t>(id)];
      value = {value.spec, Source::argument, static_cast<int>(arguments.size()), id, 0};
      arguments.push_back(id);
    }
    const auto first = forward_.arguments.begin() + gradient_argument_;
    for (auto gradient = first; gradient != forward_.arguments.end(); ++gradient) {
      backward_.values[static_cast<size_t>(*gradient)].index = static_cast<int>(arguments.size());
      arguments.push_back(*gradient);
    }
    forward_.arguments.erase(first, forward_.arguments.end());
    backward_.arguments = std::move(arguments);
    backward_.generators.clear();
    backward_.generator_uses.clear();
  }

  // The state of a generator is handed over as a separate tensor.
  ValueId copied(ValueId id) {
    Node node;
    node.op = op::OpId::copy;
    node.inputs = {id};
    node.outputs = {forward_.add_value(forward_.spec(id))};
    forward_.nodes.push_back(node);
    return node.outputs[0];
  }

  // Views in the second half refer to the memory of the handed-over values.
  void root_views() {
    for (const Node& node : backward_.nodes) {
      if (!backward_.is_view(node)) continue;
      const Value before = forward_.value(node.inputs[0]);
      const Value& base = backward_.value(node.inputs[0]);
      Value& view = backward_.values[static_cast<size_t>(node.outputs[0])];
      view.offset = base.offset + forward_.value(node.outputs[0]).offset - before.offset;
      view.root = base.root;
    }
  }

  Graph forward_;
  Graph backward_;
  int gradient_argument_;
  std::vector<ValueId> residuals_;
  std::vector<bool> is_residual_;  // by value
};

}  // namespace

Halves split(Graph graph, size_t position, size_t gradient_argument, std::vector<ValueId> gradients) {
  return Splitter(std::move(graph), position, gradient_argument, std::move(gradients)).run();
}

}  // namespace pydl::graph
