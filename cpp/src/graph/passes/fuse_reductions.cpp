// Fuses reductions into the elementwise node before them, which then reduces its results while they are in cache and
// does not write results that nothing else reads.
#include <algorithm>
#include <map>

#include "graph/passes/fusible.h"
#include "graph/passes/passes.h"

namespace pydl::graph {

namespace {

class ReductionFuser {
 public:
  explicit ReductionFuser(Graph& graph)
      : graph_(graph),
        producer_(producers(graph)),
        changes_(mutations(graph)),
        removed_(graph.nodes.size(), false),
        reads_(graph.values.size(), 0) {
    for (const Node& node : graph.nodes) {
      for (const ValueId id : node.inputs) ++reads_[static_cast<size_t>(graph.root(id))];
    }
    for (const ValueId id : graph.outputs) ++reads_[static_cast<size_t>(graph.root(id))];
  }

  void run() {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const int source = source_of(static_cast<int>(n));
      if (source >= 0) candidates_[source].push_back(static_cast<int>(n));
    }
    for (const auto& [source, reductions] : candidates_) join(source, reductions);
    remove_nodes(graph_, removed_);
  }

 private:
  Node& node(int n) { return graph_.nodes[static_cast<size_t>(n)]; }
  const BufferSpec& input(int n) { return graph_.spec(node(n).inputs[0]); }

  // The node that can do a reduction along with its own work, or -1.
  int source_of(int n) {
    const Node& reduction = node(n);
    if (reduction.is_fused() || reduction.inputs.size() != 1) return -1;
    const ValueId value = reduction.inputs[0];
    const BufferSpec& spec = graph_.spec(value);
    const int source = producer_[static_cast<size_t>(value)];
    if (source < 0 || !graph_.def(reduction).has(op::Trait::reduction)) return -1;
    if (!node(source).is_fused() && !is_fusible(graph_, node(source))) return -1;
    if (node(source).region != reduction.region || !is_contiguous(spec.shape, spec.strides)) return -1;
    // The reduced value must still be what the node computed.
    if (is_mutated_between(graph_, changes_, value, source, n)) return -1;
    const exec::FusedReduction alone = {reduction.op, reduction.attrs, 0};
    return support_.reduces({&alone, 1}, {&spec.dtype, 1}, spec.shape) ? source : -1;
  }

  void join(int source, const std::vector<int>& candidates) {
    Node fused = node(source).is_fused() ? node(source) : fused_alone(node(source));
    std::vector<DType> dtypes;  // of what is reduced
    for (const int n : candidates) {
      dtypes.push_back(input(n).dtype);
      Node more = fused;
      reduce(more, n);
      set_removed(n, true);
      drop_unread(more);
      if (more.inputs.size() + more.outputs.size() <= support_.most_operands &&
          support_.reduces(more.reductions, dtypes, more.shape)) {
        fused = std::move(more);
      } else {
        set_removed(n, false);
        dtypes.pop_back();
      }
    }
    if (!fused.reductions.empty()) node(source) = std::move(fused);
  }

  Node fused_alone(const Node& single) const {
    const BufferSpec& output = graph_.spec(single.outputs[0]);
    Node fused;
    fused.outputs = single.outputs;
    fused.location = single.location;
    fused.region = single.region;
    fused.shape = output.shape;
    fused.strides = output.strides;
    FusedInstruction instruction = {single.op, single.attrs, output.dtype, {}};
    for (const ValueId id : single.inputs) {
      const auto found = std::find(fused.inputs.begin(), fused.inputs.end(), id);
      instruction.sources.push_back(static_cast<int>(found - fused.inputs.begin()));
      if (found == fused.inputs.end()) fused.inputs.push_back(id);
    }
    fused.stored = {static_cast<int>(fused.inputs.size())};
    fused.fused = {std::move(instruction)};
    return fused;
  }

  void reduce(Node& fused, int n) {
    const Node& reduction = node(n);
    const auto written = std::find(fused.outputs.begin(), fused.outputs.end(), reduction.inputs[0]);
    const int operand = fused.stored[static_cast<size_t>(written - fused.outputs.begin())];
    fused.reductions.push_back({reduction.op, reduction.attrs, operand});
    fused.outputs.push_back(reduction.outputs[0]);
  }

  // Removes results that only the joined reductions read.
  void drop_unread(Node& fused) {
    for (size_t i = fused.stored.size(); i-- > 0;) {
      if (is_read(fused.outputs[i])) continue;
      fused.stored.erase(fused.stored.begin() + static_cast<std::ptrdiff_t>(i));
      fused.outputs.erase(fused.outputs.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  // A reduction reads exactly one value.
  void set_removed(int n, bool removed) {
    removed_[static_cast<size_t>(n)] = removed;
    reads_[static_cast<size_t>(graph_.root(node(n).inputs[0]))] += removed ? -1 : 1;
  }

  bool is_read(ValueId value) const { return reads_[static_cast<size_t>(value)] > 0; }

  Graph& graph_;
  const exec::FusedSupport& support_ = exec::KernelTable::global().fused();
  std::vector<int> producer_;
  std::vector<std::vector<int>> changes_;
  std::vector<bool> removed_;
  std::vector<int> reads_;                      // by root: reads by nodes that are not removed, and by graph outputs
  std::map<int, std::vector<int>> candidates_;  // by the node that may do them
};

}  // namespace

void fuse_reductions(Graph& graph) { ReductionFuser(graph).run(); }

}  // namespace pydl::graph
