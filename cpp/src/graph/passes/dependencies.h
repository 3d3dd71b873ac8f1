// Dependencies: which nodes must run before which others, because of values or of memory that is overwritten.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

/// For each node, the nodes that must run before it: those that compute what it reads, those that overwrite memory it
/// reads, and those that read memory it overwrites.
std::vector<std::vector<int>> dependencies(const Graph& graph);

/// Reorders nodes so that each follows its dependencies and otherwise keeps its position. `groups[n]` is the group of
/// node n; the nodes of a group stay together, at the position of its last member if dependencies allow.
std::vector<std::vector<int>> order_groups(const Graph& graph, const std::vector<std::vector<int>>& before,
                                           const std::vector<int>& groups);

}  // namespace pydl::graph
