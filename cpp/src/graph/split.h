// Splitting a graph into a forward and a backward half, which run at different times.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

struct Halves {
  Graph forward;   ///< gives the outputs, then what the other half needs
  Graph backward;  ///< takes that, then the gradients of outputs; gives gradients
};

/// Cuts behind the first `position` nodes. The arguments from `gradient_argument` on are those of the second half;
/// `gradients` are what it gives.
Halves split(Graph graph, size_t position, size_t gradient_argument, std::vector<ValueId> gradients);

}  // namespace pydl::graph
