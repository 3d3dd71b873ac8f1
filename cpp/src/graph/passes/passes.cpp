#include "graph/passes/passes.h"

#include <algorithm>

namespace pydl::graph {

namespace {

constexpr Pass passes[] = {
    {"canonicalize", "constant folding, needless arithmetic and copies", canonicalize},
    {"common_subexpressions", "equal calls once", eliminate_common_subexpressions},
    {"dead_code", "what nothing depends on", eliminate_dead_code},
    {"fuse_activations", "relu into the product or normalisation before it", fuse_activations},
    {"fuse_activation_gradients", "the gradient of relu into that of the normalisation before it",
     fuse_activation_gradients},
    {"sparse_updates", "tables updated in the rows that have gradients", sparse_updates},
    {"fuse_elementwise", "elementwise chains into one pass over memory", fuse_elementwise},
    {"fuse_reductions", "sums, means and extrema into the elementwise pass before them", fuse_reductions},
};

#ifdef NDEBUG
constexpr bool verify_passes = false;
#else
constexpr bool verify_passes = true;
#endif

// Names that can be switched off but are not passes over the graph; exec/plan.cpp handles them.
constexpr const char* planning[] = {"alias", "memory", "concurrent"};

void check_names(std::span<const std::string> without) {
  for (const std::string& name : without) {
    const bool known =
        std::any_of(std::begin(passes), std::end(passes), [&](const Pass& p) { return name == p.name; }) ||
        std::find(std::begin(planning), std::end(planning), name) != std::end(planning);
    if (known) continue;
    std::string expected;
    for (const Pass& pass : passes) expected += std::string(pass.name) + ", ";
    throw ValueError(concat_text("compile: there is no pass '", name, "'; expected ", expected, "alias, memory"));
  }
}

}  // namespace

std::span<const Pass> all_passes() { return passes; }

void run_passes(Graph& graph, std::span<const std::string> without, std::vector<PassRecord>* records) {
  check_names(without);
  if (verify_passes) verify(graph, "trace");
  std::string last = records != nullptr ? to_text(graph) : "";
  if (records != nullptr) records->push_back({"trace", last});
  for (const Pass& pass : passes) {
    if (std::find(without.begin(), without.end(), pass.name) != without.end()) continue;
    pass.run(graph);
    if (verify_passes) verify(graph, pass.name);
    if (records == nullptr) continue;
    std::string text = to_text(graph);
    if (text == last) {
      text = "unchanged\n";
    } else {
      last = text;
    }
    records->push_back({pass.name, std::move(text)});
  }
}

}  // namespace pydl::graph
