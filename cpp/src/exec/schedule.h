// Schedule: decides which nodes of a graph run concurrently.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace pydl::exec {

/// The estimated time of a node on one thread in nanoseconds, from its arithmetic and memory traffic.
int64_t node_time(const graph::Graph& graph, const graph::Node& node);

/// When each node runs; times do not decrease. Nodes with the same time are independent of each other. At most
/// `threads` of them are not views, and these run on one thread each: they are too small to gain from being divided
/// among threads, but large enough to be worth waking threads.
std::vector<int> schedule(const graph::Graph& graph, int threads);

/// The same, with one node after the other.
std::vector<int> schedule_in_order(const graph::Graph& graph);

}  // namespace pydl::exec
