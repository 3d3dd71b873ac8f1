// Prints graphs as text, and as Graphviz pictures.
#include <algorithm>
#include <sstream>

#include "graph/graph.h"

namespace pydl::graph {

namespace {

void write_list(std::ostream& out, const op::Numbers& values) {
  out << "[";
  const char* separator = "";
  for (const double value : values) {
    out << separator << value;
    separator = ", ";
  }
  out << "]";
}

void write_attr(std::ostream& out, const op::AttrValue& value) {
  std::visit(
      [&](const auto& content) {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, bool>) {
          out << (content ? "true" : "false");
        } else if constexpr (std::is_same_v<T, op::Numbers>) {
          write_list(out, content);
        } else if constexpr (std::is_same_v<T, op::Text>) {
          out << content.str();
        } else {
          out << content;
        }
      },
      value);
}

void write_attrs(std::ostream& out, const op::Attrs& attrs) {
  if (attrs.empty()) return;
  out << " {";
  const char* separator = "";
  for (const auto& [name, value] : attrs.entries()) {
    out << separator << name << "=";
    write_attr(out, value);
    separator = ", ";
  }
  out << "}";
}

void write_names(std::ostream& out, const Graph& graph, const std::vector<ValueId>& ids) {
  const char* separator = "";
  for (const ValueId id : ids) {
    out << separator;
    const Value& value = graph.value(id);
    switch (value.source) {
      case Source::argument: out << "argument" << value.index; break;
      case Source::state: out << graph.state_names[static_cast<size_t>(value.index)]; break;
      case Source::generator: out << "generator" << value.index; break;
      case Source::constant: out << "constant" << value.index; break;
      case Source::node: out << "%" << id; break;
    }
    if (value.source != Source::node && value.root != id) out << "[view " << id << "]";
    separator = ", ";
  }
}

void write_spec(std::ostream& out, const BufferSpec& spec) {
  out << spec.dtype << spec.shape;
  if (!is_contiguous(spec.shape, spec.strides)) out << " strides " << spec.strides;
}

void write_node(std::ostream& out, const Graph& graph, const Node& node) {
  if (!node.outputs.empty()) {
    write_names(out, graph, node.outputs);
    out << " = ";
  }
  out << (node.is_fused() ? "fused " : "") << node_name(node) << "(";
  write_names(out, graph, node.inputs);
  out << ")";
  write_attrs(out, node.attrs);
  for (const FusedReduction& reduction : node.reductions) write_attrs(out, reduction.attrs);
  // Outputs have different specs only if some of them are reductions.
  const size_t shown = node.reductions.empty() ? std::min<size_t>(node.outputs.size(), 1) : node.outputs.size();
  for (size_t i = 0; i < shown; ++i) {
    out << (i == 0 ? " -> " : ", ");
    write_spec(out, graph.spec(node.outputs[i]));
  }
  if (node.mutated > 0) out << " overwrites its first " << node.mutated;
  if (node.region > 0) out << " recomputed";
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::ostringstream out;
  for (const ValueId id : graph.arguments) {
    out << "argument" << graph.value(id).index << ": ";
    write_spec(out, graph.spec(id));
    out << "\n";
  }
  for (const Node& node : graph.nodes) {
    write_node(out, graph, node);
    if (node.location >= 0) out << "  # " << graph.locations[static_cast<size_t>(node.location)];
    out << "\n";
  }
  out << "return ";
  write_names(out, graph, graph.outputs);
  out << "\n";
  return out.str();
}

std::string to_dot(const Graph& graph) {
  const std::vector<int> producer = producers(graph);
  std::ostringstream out;
  out << "digraph {\n  node [shape=box];\n";
  std::vector<bool> drawn(graph.values.size(), false);
  const auto source = [&](ValueId id) {
    const int n = producer[static_cast<size_t>(id)];
    if (n >= 0) return "n" + std::to_string(n);
    const ValueId root = graph.root(id);
    if (producer[static_cast<size_t>(root)] >= 0) return "n" + std::to_string(producer[static_cast<size_t>(root)]);
    if (!drawn[static_cast<size_t>(root)]) {
      drawn[static_cast<size_t>(root)] = true;
      std::ostringstream label;
      write_names(label, graph, {root});
      label << "\n";
      write_spec(label, graph.spec(root));
      out << "  v" << root << " [shape=ellipse, label=" << quoted(label.str()) << "];\n";
    }
    return "v" + std::to_string(root);
  };
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    std::ostringstream label;
    label << node_name(node);
    if (!node.outputs.empty()) {
      label << "\n";
      write_spec(label, graph.spec(node.outputs[0]));
    }
    out << "  n" << n << " [label=" << quoted(label.str()) << "];\n";
    for (const ValueId input : node.inputs) {
      const std::string from = source(input);
      out << "  " << from << " -> n" << n << ";\n";
    }
  }
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const std::string from = source(graph.outputs[i]);
    out << "  o" << i << " [shape=ellipse, label=\"output " << i << "\"];\n  " << from << " -> o" << i << ";\n";
  }
  out << "}\n";
  return out.str();
}

}  // namespace pydl::graph
