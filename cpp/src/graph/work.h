// How much a graph computes, as whoever loads a program file may limit it.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

/// Operations of one run: for each call its floating-point operations, or the elements that it reads and writes where
/// these are more. The largest number where it would be larger.
int64_t count_operations(const Graph& graph);

}  // namespace pydl::graph
