// Counts how much a graph computes, so that whoever loads a program file can limit it.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

/// The operations of one run: for each call, the larger of its floating-point operations and the elements that it reads
/// and writes. Saturates at the largest integer.
int64_t count_operations(const Graph& graph);

}  // namespace pydl::graph
