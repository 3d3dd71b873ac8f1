// Dependencies: which nodes must run before which, by values and by memory that is overwritten.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

/// For each node the ones that must run before it: those that compute what it reads, those that overwrite memory it
/// reads, and those that read memory it overwrites.
std::vector<std::vector<int>> dependencies(const Graph& graph);

/// Reorders nodes so that each comes after its dependencies, and otherwise stays where it was. `groups[n]` is the group
/// of node n; the nodes of a group stay together, at the place of the last one that they allow.
std::vector<std::vector<int>> order_groups(const Graph& graph, const std::vector<std::vector<int>>& before,
                                           const std::vector<int>& groups);

}  // namespace pydl::graph
