// Schedule: which nodes of a graph run at the same time.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace pydl::exec {

/// Time of a node on one thread in nanoseconds, as far as arithmetic and memory tell.
int64_t node_time(const graph::Graph& graph, const graph::Node& node);

/// When each node runs: times do not decrease. Nodes of one time do not depend on each other, at most `threads` of them
/// are not views, and these run on a thread each: so small that sharing each one out would cost as much as it gains,
/// and large enough to be worth waking threads.
std::vector<int> schedule(const graph::Graph& graph, int threads);

/// The same, one node after the other.
std::vector<int> schedule_in_order(const graph::Graph& graph);

}  // namespace pydl::exec
