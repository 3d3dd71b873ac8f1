// Schedules: what runs at the same time does not depend on each other.
#include "exec/schedule.h"

#include "graph/passes/dependencies.h"
#include "graphs.h"

using graphs::graph_of;
using pydl::Tensor;
using pydl::exec::schedule;
using pydl::graph::Graph;

namespace {

Tensor square(int64_t size) { return pydl::ones({size, size}); }

// Times of the nodes that are not views.
std::vector<int> kernel_times(const Graph& graph, int threads) {
  const std::vector<int> times = schedule(graph, threads);
  std::vector<int> kernels;
  for (size_t n = 0; n < times.size(); ++n) {
    if (!graph.is_view(graph.nodes[n])) kernels.push_back(times[n]);
  }
  return kernels;
}

// Two products that do not depend on each other, and one of both.
Graph two_and_one(int64_t size) {
  return graph_of(
      [](const std::vector<Tensor>& x) -> std::vector<Tensor> {
        return {pydl::matmul(pydl::matmul(x[0], x[1]), pydl::matmul(x[1], x[0]))};
      },
      {square(size), square(size)});
}

}  // namespace

TEST(small_kernels_run_together) {
  const Graph graph = two_and_one(48);
  CHECK(kernel_times(graph, 2) == (std::vector<int>{0, 0, 2}));
  CHECK(kernel_times(graph, 1) == (std::vector<int>{0, 1, 2}));
}

TEST(tiny_and_large_kernels_do_not) {
  for (const int64_t size : {4, 700}) {
    const Graph graph = two_and_one(size);
    CHECK(kernel_times(graph, 2) == (std::vector<int>{0, 1, 2}));
  }
}

TEST(no_more_run_together_than_there_are_threads) {
  const Graph graph = graph_of(
      [](const std::vector<Tensor>& x) -> std::vector<Tensor> {
        std::vector<Tensor> results;
        for (int i = 0; i < 5; ++i) results.push_back(pydl::matmul(x[static_cast<size_t>(i)], x[5]));
        return results;
      },
      {square(48), square(48), square(48), square(48), square(48), square(48)});
  CHECK(kernel_times(graph, 2) == (std::vector<int>{0, 0, 2, 2, 4}));
  CHECK(kernel_times(graph, 4) == (std::vector<int>{0, 0, 0, 0, 4}));
}

TEST(what_is_overwritten_runs_alone) {
  const std::vector<Tensor> states = {square(48)};
  const Graph graph = graph_of(
      [&](const std::vector<Tensor>& x) -> std::vector<Tensor> {
        const Tensor before = pydl::matmul(x[0], states[0]);
        pydl::assign(states[0], x[1]);
        return {before, pydl::matmul(x[0], states[0])};
      },
      {square(48), square(48)}, states);
  CHECK(kernel_times(graph, 4) == (std::vector<int>{0, 1, 2}));
}
