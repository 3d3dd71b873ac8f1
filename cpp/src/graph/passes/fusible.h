// Decides which nodes may become part of a fused node.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

// Limits of the kernels for fused nodes (backends/cpu/tiles/fused.cpp): operands in memory, and instructions.
inline constexpr size_t most_operands = 10;
inline constexpr size_t most_instructions = 12;

/// Whether a node is an elementwise call that the kernels for fused nodes support.
bool is_fusible(const Graph& graph, const Node& node);

}  // namespace pydl::graph
