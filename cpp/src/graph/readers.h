// Readers: an index of the nodes that read the memory of each value, so that passes need not search the graph.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace pydl::graph {

/// One operand of a node.
struct Read {
  int node;
  int input;
};

/// The reads of a graph as it was when they were listed.
class Readers {
 public:
  explicit Readers(const Graph& graph);

  /// The operands in the memory of a root, including its views, in the order of the nodes.
  std::span<const Read> of(ValueId root) const {
    const auto i = static_cast<size_t>(root);
    return {reads_.data() + first_[i], first_[i + 1] - first_[i]};
  }

 private:
  std::vector<size_t> first_;  // by root, in `reads_`; one more for the end
  std::vector<Read> reads_;
};

/// By root: the first output of the graph that is in its memory, or -1.
std::vector<int> outputs_by_root(const Graph& graph);

}  // namespace pydl::graph
