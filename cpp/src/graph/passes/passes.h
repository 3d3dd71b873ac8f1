// The passes: each turns a graph into one that computes the same results, and can be switched off by name.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace pydl::graph {

/// Folds constants; removes arithmetic that changes nothing and copies that are never overwritten.
void canonicalize(Graph& graph);
/// Computes equal calls only once.
void eliminate_common_subexpressions(Graph& graph);
/// Removes nodes on which nothing depends.
void eliminate_dead_code(Graph& graph);
/// Joins chains of elementwise ops on one shape into nodes that pass over memory once.
void fuse_elementwise(Graph& graph);
/// Lets elementwise nodes reduce their results as they compute them.
void fuse_reductions(Graph& graph);
/// Lets products, convolutions and normalisations apply the relu that follows them.
void fuse_activations(Graph& graph);
/// Lets the gradient of a normalisation apply the gradient of the relu that follows it.
void fuse_activation_gradients(Graph& graph);
/// Lets plain SGD update only those rows of a table that have gradients.
void sparse_updates(Graph& graph);

struct Pass {
  const char* name;
  const char* doc;
  void (*run)(Graph& graph);
};

/// The passes in the order in which they run.
std::span<const Pass> all_passes();

/// The graph as text after a pass, recorded on request.
struct PassRecord {
  std::string name;
  std::string text;
};

/// Runs all passes except those named in `without`; throws `ValueError` for an unknown name. In debug builds, verifies
/// the graph after each pass.
void run_passes(Graph& graph, std::span<const std::string> without, std::vector<PassRecord>* records);

}  // namespace pydl::graph
