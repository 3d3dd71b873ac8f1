// Graph: what a traced function computes, as calls of ops in an order in which they can run.
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
  argument,   ///< handed in at each run
  state,      ///< a tensor that lives on between runs, and may be overwritten
  generator,  ///< the state of a random generator at the start of a run
  constant,   ///< known when the function was traced
  node,       ///< computed
};

/// A tensor of the graph. Views have values of their own, in the memory of their root.
struct Value {
  BufferSpec spec;
  Source source = Source::node;
  int index = 0;       ///< which argument, state, generator or constant
  ValueId root = 0;    ///< the value whose memory this is; itself, unless it is a view
  int64_t offset = 0;  ///< of the first element from that of the root, in elements
};

/// One call. A node that mutates overwrites its first inputs and has no outputs.
struct Node {
  op::OpId op = op::OpId::count;  ///< `count` for a fused node
  op::Attrs attrs;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  int mutated = 0;
  int region = 0;                          ///< 0, or the number of a recomputation: equal calls of two regions stay two
  int location = -1;                       ///< in Graph::locations
  std::vector<FusedInstruction> fused;     ///< elementwise, on one shape
  std::vector<int> stored;                 ///< of a fused node: the operand that each of its first outputs is
  std::vector<FusedReduction> reductions;  ///< of a fused node: what each of the other outputs is
  Dims shape;                              ///< of a fused node: of what its instructions give, written or not
  Dims strides;                            ///< of the same

  bool is_fused() const { return op == op::OpId::count; }
};

struct GeneratorUse {
  std::shared_ptr<RandomStream> stream;
  int64_t blocks;  ///< how far a run moves it
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
  std::vector<std::string> locations;  ///< where in the source nodes came from

  const Value& value(ValueId id) const { return values[static_cast<size_t>(id)]; }
  const BufferSpec& spec(ValueId id) const { return value(id).spec; }
  ValueId root(ValueId id) const { return value(id).root; }
  const op::OpDef& def(const Node& node) const { return op::op_def(node.op); }
  bool is_view(const Node& node) const { return !node.is_fused() && def(node).has(op::Trait::view); }
  bool is_elementwise(const Node& node) const { return node.is_fused() || def(node).has(op::Trait::elementwise); }

  /// A new value with memory of its own.
  ValueId add_value(const BufferSpec& spec, Source source = Source::node, int index = 0);
  /// A new constant.
  ValueId add_constant(const Tensor& tensor);
};

/// The node that computes each value, or -1.
std::vector<int> producers(const Graph& graph);
/// How many nodes and outputs of the graph read each value.
std::vector<int> use_counts(const Graph& graph);
/// By root: the numbers of the nodes that overwrite it, ascending.
std::vector<std::vector<int>> mutations(const Graph& graph);
/// Whether a node overwrites the memory of `value` at a position in [begin, end).
bool is_mutated_between(const Graph& graph, const std::vector<std::vector<int>>& mutations, ValueId value, int begin,
                        int end);
/// Replaces values by others, everywhere but where they are computed; `replacement[v]` is v itself for those that stay.
void replace_values(Graph& graph, std::vector<ValueId>& replacement);
/// Drops the nodes that are marked.
void remove_nodes(Graph& graph, const std::vector<bool>& removed);
/// The name of an op, or the ops of a fused node: `multiply+add`.
std::string node_name(const Node& node);
/// Floating-point operations of one call.
int64_t node_flops(const Graph& graph, const Node& node);
/// Bytes of memory that one call reads and writes at least.
int64_t node_bytes(const Graph& graph, const Node& node);

/// The most bytes of computed values alive at once, when nodes run in their order and share no memory.
int64_t most_live_bytes(const Graph& graph);

/// Throws `Error` that names `after` where the graph breaks a rule: values are computed once, before they are read;
/// layouts agree with the shape rules; only roots of arguments, states and computed values are overwritten.
void verify(const Graph& graph, const char* after);

/// The graph as text, a line per node.
std::string to_text(const Graph& graph);
/// The graph in the language of Graphviz.
std::string to_dot(const Graph& graph);

}  // namespace pydl::graph
