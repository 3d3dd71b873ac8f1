// Graph: what a traced function computes, as a list of op calls in an order in which they can run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exec/kernel.h"
#include "op/op_def.h"
#include "pydl/tensor.h"

namespace pydl {
class RandomStream;
}

namespace pydl::graph {

using exec::BufferSpec;
using exec::FusedInstruction;
using exec::FusedReduction;
using ValueId = int32_t;

/// Where the elements of a value come from.
enum class Source : uint8_t {
  argument,   ///< passed in at each run
  state,      ///< a tensor that persists between runs and may be overwritten
  generator,  ///< the state of a random generator at the start of a run
  constant,   ///< known at trace time
  node,       ///< computed
};

/// A tensor of the graph. A view is a value of its own that uses the memory of its root.
struct Value {
  BufferSpec spec;
  Source source = Source::node;
  int index = 0;       ///< index of the argument, state, generator or constant
  ValueId root = 0;    ///< the value that owns the memory; the value itself unless it is a view
  int64_t offset = 0;  ///< distance of the first element from that of the root, in elements
};

/// One call. A node that mutates overwrites its first inputs and has no outputs.
struct Node {
  op::OpId op = op::OpId::count;  ///< `count` for a fused node
  op::Attrs attrs;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  int mutated = 0;
  int region = 0;                          ///< 0, or the number of a recomputation; regions do not share equal calls
  int location = -1;                       ///< index into Graph::locations
  std::vector<FusedInstruction> fused;     ///< elementwise instructions on one shape
  std::vector<int> stored;                 ///< fused nodes only: which operand each of the first outputs is
  std::vector<FusedReduction> reductions;  ///< fused nodes only: what each of the remaining outputs is
  Dims shape;                              ///< fused nodes only: shape of the instructions' results, written or not
  Dims strides;                            ///< strides of the same results

  bool is_fused() const { return op == op::OpId::count; }
};

struct GeneratorUse {
  std::shared_ptr<RandomStream> stream;
  int64_t blocks;  ///< how far one run advances it
};

struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> arguments;
  std::vector<ValueId> states;
  std::vector<ValueId> constants;
  std::vector<ValueId> generators;
  std::vector<ValueId> outputs;
  std::vector<std::string> state_names;
  std::vector<Tensor> constant_tensors;
  std::vector<GeneratorUse> generator_uses;
  std::vector<std::string> locations;  ///< the source lines that the nodes came from

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  const BufferSpec& spec(ValueId id) const { return value(id).spec; }
  ValueId root(ValueId id) const { return value(id).root; }
  const op::OpDef& def(const Node& node) const { return op::op_def(node.op); }
  bool is_view(const Node& node) const { return !node.is_fused() && def(node).has(op::Trait::view); }
  bool is_elementwise(const Node& node) const { return node.is_fused() || def(node).has(op::Trait::elementwise); }

  /// Adds a new value with memory of its own.
  ValueId add_value(const BufferSpec& spec, Source source = Source::node, int index = 0);
  /// Adds a new constant.
  ValueId add_constant(const Tensor& tensor);
};

/// The node that computes each value, or -1.
std::vector<int> producers(const Graph& graph);
/// The number of nodes and graph outputs that read each value.
std::vector<int> use_counts(const Graph& graph);
/// By root: the indices of the nodes that overwrite it, ascending.
std::vector<std::vector<int>> mutations(const Graph& graph);
/// Whether a node with a position in [begin, end) overwrites the memory of `value`.
bool is_mutated_between(const Graph& graph, const std::vector<std::vector<int>>& mutations, ValueId value, int begin,
                        int end);
/// Replaces values everywhere except where they are computed; `replacement[v]` is v itself for values that stay.
void replace_values(Graph& graph, std::vector<ValueId>& replacement);
/// Removes the marked nodes.
void remove_nodes(Graph& graph, const std::vector<bool>& removed);
/// The name of an op, or of all ops of a fused node: `multiply+add`.
std::string node_name(const Node& node);
/// The floating-point operations of one call.
int64_t node_flops(const Graph& graph, const Node& node);
/// The least number of bytes that one call reads and writes.
int64_t node_bytes(const Graph& graph, const Node& node);

/// The largest number of bytes of computed values that are alive at once if nodes run in order and share no memory.
int64_t most_live_bytes(const Graph& graph);

/// Throws an `Error` that names `after` if the graph breaks a rule: each value is computed once, before it is read;
/// layouts agree with the shape rules; only roots of arguments, states and computed values are overwritten.
void verify(const Graph& graph, const char* after);

/// The graph as text, one line per node.
std::string to_text(const Graph& graph);
/// The graph in the Graphviz language.
std::string to_dot(const Graph& graph);

}  // namespace pydl::graph
