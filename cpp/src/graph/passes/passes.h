// The passes: each turns a graph into another one that computes the same, and can be left out by name.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace pydl::graph {

/// Folds constants; removes arithmetic that changes nothing, and copies that nobody overwrites.
void canonicalize(Graph& graph);
/// Computes equal calls once.
void eliminate_common_subexpressions(Graph& graph);
/// Drops what nothing depends on.
void eliminate_dead_code(Graph& graph);
/// Joins chains of elementwise ops on one shape into nodes that pass over memory once.
void fuse_elementwise(Graph& graph);
/// Lets elementwise nodes reduce their results while they compute them.
void fuse_reductions(Graph& graph);
/// Lets products, convolutions and normalisations apply the relu that follows them.
void fuse_activations(Graph& graph);
/// Lets the gradient of a normalisation apply that of the relu that follows it.
void fuse_activation_gradients(Graph& graph);
/// Lets plain SGD update only the rows of a table that have gradients.
void sparse_updates(Graph& graph);

struct Pass {
  const char* name;
  const char* doc;
  void (*run)(Graph& graph);
};

/// In the order in which they run.
std::span<const Pass> all_passes();

/// A text after each pass, where somebody wants to read it.
struct PassRecord {
  std::string name;
  std::string text;
};

/// Runs all passes but those named in `without`; throws `ValueError` for a name that is none. Verifies the graph after
/// each in debug builds.
void run_passes(Graph& graph, std::span<const std::string> without, std::vector<PassRecord>* records);

}  // namespace pydl::graph
