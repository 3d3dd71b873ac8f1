// Splits a graph into a forward and a backward half, which run at different times.
#pragma once

#include "graph/graph.h"

namespace pydl::graph {

struct Halves {
  Graph forward;   ///< returns the outputs, then the values that the backward half needs
  Graph backward;  ///< takes these values, then the gradients of the outputs; returns gradients
};

/// Cuts after the first `position` nodes. Arguments from `gradient_argument` on belong to the second half; `gradients`
/// are its outputs.
Halves split(Graph graph, size_t position, size_t gradient_argument, std::vector<ValueId> gradients);

}  // namespace pydl::graph
