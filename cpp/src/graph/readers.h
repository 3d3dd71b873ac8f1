// Readers: an index of the nodes that read each value's memory, so that passes need not search the graph.
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

/// The reads in a graph at the time of construction.
class Readers {
 public:
  explicit Readers(const Graph& graph);

  /// The operands that use the memory of a root, directly or through its views, in node order.
  std::span<const Read> of(ValueId root) const {
    const auto i = static_cast<size_t>(root);
    return {reads_.data() + first_[i], first_[i + 1] - first_[i]};
  }

 private:
  std::vector<size_t> first_;  // start index in `reads_` by root; one extra entry for the end
  std::vector<Read> reads_;
};

/// By root: the index of the first graph output that uses its memory, or -1.
std::vector<int> outputs_by_root(const Graph& graph);

}  // namespace pydl::graph
