// Canonicalisation: computes in advance what is already known, and removes calls that change nothing.
#include <cmath>
#include <numeric>
#include <optional>

#include "core/active_trace.h"
#include "core/tensor_impl.h"
#include "graph/passes/passes.h"
#include "op/apply.h"
#include "pydl/autograd.h"

namespace pydl::graph {

namespace {

using op::OpId;

// Larger results are computed at each run, because folding them would only take memory.
constexpr int64_t largest_folded = 1024;

class Canonicalizer {
 public:
  explicit Canonicalizer(Graph& graph)
      : graph_(graph),
        mutations_(mutations(graph)),
        replacement_(graph.values.size()),
        is_output_(graph.values.size(), false) {
    std::iota(replacement_.begin(), replacement_.end(), 0);
    for (const ValueId output : graph.outputs) is_output_[static_cast<size_t>(output)] = true;
  }

  void run() {
    std::vector<bool> removed(graph_.nodes.size(), false);
    for (size_t n = 0; n < graph_.nodes.size(); ++n) removed[n] = simplify(static_cast<int>(n));
    replace_values(graph_, replacement_);
    remove_nodes(graph_, removed);
  }

 private:
  ValueId current(ValueId id) const {
    while (replacement_[static_cast<size_t>(id)] != id) id = replacement_[static_cast<size_t>(id)];
    return id;
  }

  // Whether no node overwrites the memory of this value.
  bool is_unchanged(ValueId id) const { return mutations_[static_cast<size_t>(graph_.root(id))].empty(); }

  bool simplify(int position) {
    Node& node = graph_.nodes[static_cast<size_t>(position)];
    if (node.mutated > 0 || node.outputs.size() != 1) return false;
    for (ValueId& input : node.inputs) input = current(input);
    const ValueId output = node.outputs[0];
    if (fold(node, output)) return true;
    const std::optional<ValueId> same = identity(node);
    if (!same || !may_replace(output, *same)) return false;
    replacement_[static_cast<size_t>(output)] = *same;
    return true;
  }

  // An output of the graph must be a tensor of its own. Views, and ops that keep the layout of their operands, rely on
  // the layout.
  bool may_replace(ValueId output, ValueId same) const {
    return !is_output_[static_cast<size_t>(output)] && graph_.spec(output).shape == graph_.spec(same).shape &&
           graph_.spec(output).dtype == graph_.spec(same).dtype &&
           graph_.spec(output).strides == graph_.spec(same).strides && is_unchanged(output) && is_unchanged(same);
  }

  // --- constants --------------------------------------------------------------------------------

  bool is_constant(ValueId id) const { return graph_.value(graph_.root(id)).source == Source::constant; }

  Tensor constant(ValueId id) const {
    const Value& value = graph_.value(id);
    const Tensor& root = graph_.constant_tensors[static_cast<size_t>(graph_.value(value.root).index)];
    return core::make_view(root, value.spec.shape, value.spec.strides, value.offset);
  }

  bool fold(const Node& node, ValueId output) {
    const op::OpDef& def = graph_.def(node);
    if (def.has(op::Trait::view) || def.has(op::Trait::random) || is_output_[static_cast<size_t>(output)]) return false;
    if (element_count(graph_.spec(output).shape) > largest_folded || !is_unchanged(output)) return false;
    std::vector<Tensor> inputs;
    for (const ValueId input : node.inputs) {
      if (!is_constant(input)) return false;
      inputs.push_back(constant(input));
    }
    const core::PauseTrace pause;
    const GradMode mode(false);
    // This value may have views, large or small, so it keeps its number and becomes a constant.
    const Tensor result = op::apply(node.op, node.attrs, inputs);
    Value& value = graph_.values[static_cast<size_t>(output)];
    value.source = Source::constant;
    value.index = static_cast<int>(graph_.constant_tensors.size());
    graph_.constants.push_back(output);
    graph_.constant_tensors.push_back(result);
    return true;
  }

  // The number that all elements of a constant are equal to, if there is one.
  std::optional<double> uniform(ValueId id) const {
    if (!is_constant(id)) return std::nullopt;
    const BufferSpec& spec = graph_.spec(id);
    for (int axis = 0; axis < spec.shape.rank(); ++axis) {
      if (spec.shape[axis] != 1 && spec.strides[axis] != 0) return std::nullopt;
    }
    if (element_count(spec.shape) == 0) return std::nullopt;
    const Tensor tensor = constant(id);
    const core::PauseTrace pause;
    return core::make_view(tensor, {}, {}, 0).item();
  }

  bool is_number(ValueId id, double number) const {
    const std::optional<double> value = uniform(id);
    return value && *value == number && !std::signbit(*value);
  }

  // --- arithmetic that changes nothing -------------------------------------------------------------

  std::optional<ValueId> identity(const Node& node) const {
    const auto& inputs = node.inputs;
    switch (node.op) {
      case OpId::multiply:
      case OpId::gradient_times:
        if (is_number(inputs[1], 1)) return inputs[0];
        if (is_number(inputs[0], 1)) return inputs[1];
        return std::nullopt;
      case OpId::divide:
      case OpId::gradient_over:
      case OpId::pow: return is_number(inputs[1], 1) ? std::optional(inputs[0]) : std::nullopt;
      // x + 0 differs from x if x is -0, but x - 0 does not.
      case OpId::subtract: return is_number(inputs[1], 0) ? std::optional(inputs[0]) : std::nullopt;
      case OpId::copy: return copied(node);
      default: return std::nullopt;
    }
  }

  // A copy may exist to have separate memory or another layout.
  std::optional<ValueId> copied(const Node& node) const {
    const BufferSpec& from = graph_.spec(node.inputs[0]);
    const BufferSpec& to = graph_.spec(node.outputs[0]);
    return from.strides == to.strides ? std::optional(node.inputs[0]) : std::nullopt;
  }

  Graph& graph_;
  std::vector<std::vector<int>> mutations_;
  std::vector<ValueId> replacement_;
  std::vector<bool> is_output_;
};

}  // namespace

void canonicalize(Graph& graph) { Canonicalizer(graph).run(); }

}  // namespace pydl::graph
