// Decides which nodes may become part of a fused node.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

/// The number of instructions that a node takes as part of a fused node; 0 if it is not an elementwise call that the
/// kernels for fused nodes support (exec::FusedSupport).
size_t fused_instructions(const Graph& graph, const Node& node);

inline bool is_fusible(const Graph& graph, const Node& node) { return fused_instructions(graph, node) > 0; }

}  // namespace pydl::graph
