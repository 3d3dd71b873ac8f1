#include "graph/readers.h"

namespace pydl::graph {

namespace {

template <class Visit>
void visit_reads(const Graph& graph, const Visit& visit) {
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto& inputs = graph.nodes[n].inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      visit(static_cast<size_t>(graph.root(inputs[i])), Read{static_cast<int>(n), static_cast<int>(i)});
    }
  }
}

}  // namespace

Readers::Readers(const Graph& graph) : first_(graph.values.size() + 1, 0) {
  visit_reads(graph, [&](size_t root, const Read&) { ++first_[root + 1]; });
  for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  reads_.resize(first_.back());
  std::vector<size_t> next = first_;
  visit_reads(graph, [&](size_t root, const Read& read) { reads_[next[root]++] = read; });
}

std::vector<int> outputs_by_root(const Graph& graph) {
  std::vector<int> result(graph.values.size(), -1);
  for (size_t i = graph.outputs.size(); i-- > 0;) {
    result[static_cast<size_t>(graph.root(graph.outputs[i]))] = static_cast<int>(i);
  }
  return result;
}

}  // namespace pydl::graph
