// Graphs for tests.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/tracer.h"
#include "support.h"

namespace graphs {

/// What a function of tensors that are declared as arguments and states does.
template <class Function>
pydl::graph::Graph graph_of(const Function& function, const std::vector<pydl::Tensor>& arguments,
                            const std::vector<pydl::Tensor>& states = {}) {
  pydl::graph::Tracer tracer;
  std::vector<pydl::Tensor> traced;
  for (const pydl::Tensor& argument : arguments) traced.push_back(tracer.argument(argument));
  for (const pydl::Tensor& state : states) tracer.state(state, "state");
  tracer.resume();
  const std::vector<pydl::Tensor> outputs = function(traced);
  return tracer.finish(outputs);
}

/// How many calls of an op there are, in fused nodes too.
inline int count(const pydl::graph::Graph& graph, const char* op) {
  int result = 0;
  for (const pydl::graph::Node& node : graph.nodes) {
    const std::string name = pydl::concat_text("+", pydl::graph::node_name(node), "+");
    const std::string wanted = pydl::concat_text("+", op, "+");
    for (size_t at = name.find(wanted); at != std::string::npos; at = name.find(wanted, at + 1)) ++result;
  }
  return result;
}

}  // namespace graphs
