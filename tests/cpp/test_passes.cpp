// Graphs and single passes.
#include "exec/plan.h"
#include "graph/passes/passes.h"
#include "graphs.h"

using graphs::count;
using graphs::graph_of;
using pydl::Tensor;
using pydl::graph::Graph;

TEST(verification_finds_broken_graphs) {
  const std::vector<Tensor> arguments = {support::doubles({1, 2, 3}, {3})};
  const auto make = [&] {
    pydl::graph::Tracer tracer;
    const Tensor x = tracer.argument(arguments[0]);
    tracer.resume();
    const Tensor y = pydl::sum(pydl::exp(x));
    const std::vector<Tensor> outputs = {y};
    return tracer.finish(outputs);
  };
  Graph graph = make();
  pydl::graph::verify(graph, "test");
  std::swap(graph.nodes[0], graph.nodes[1]);
  CHECK_THROWS(pydl::Error, "after test", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.nodes.pop_back();
  CHECK_THROWS(pydl::Error, "never computed", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.nodes.push_back(graph.nodes[0]);
  CHECK_THROWS(pydl::Error, "twice", pydl::graph::verify(graph, "test"));
  graph = make();
  graph.values[static_cast<size_t>(graph.nodes[0].outputs[0])].spec.shape = {4};
  CHECK_THROWS(pydl::Error, "shape", pydl::graph::verify(graph, "test"));
}

TEST(common_subexpressions_look_at_what_was_overwritten) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3})};
  Graph graph = graph_of(
      [&](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor before = pydl::exp(states[0]);
        const Tensor again = pydl::exp(states[0]);
        pydl::assign(states[0], inputs[0]);
        const Tensor after = pydl::exp(states[0]);
        return {pydl::sum(before) + pydl::sum(again) + pydl::sum(after)};
      },
      {support::doubles({4, 5, 6}, {3})}, states);
  CHECK_EQUAL(count(graph, "exp"), 3);
  pydl::graph::eliminate_common_subexpressions(graph);
  CHECK_EQUAL(count(graph, "exp"), 2);
  pydl::graph::verify(graph, "common_subexpressions");
}

TEST(common_subexpressions_stay_apart_in_recomputations) {
  const std::vector<Tensor> arguments = {support::doubles({1, 2, 3}, {3})};
  pydl::graph::Tracer tracer;
  const Tensor x = tracer.argument(arguments[0]);
  tracer.resume();
  const Tensor first = pydl::sum(pydl::exp(x));
  const int outer = tracer.enter_region();
  const Tensor second = pydl::sum(pydl::exp(x));
  tracer.leave_region(outer);
  const std::vector<Tensor> outputs = {first + second};
  Graph graph = tracer.finish(outputs);
  pydl::graph::eliminate_common_subexpressions(graph);
  CHECK_EQUAL(count(graph, "exp"), 2);
}

TEST(dead_code_keeps_writes_to_states) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3})};
  Graph graph = graph_of(
      [&](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor scratch = pydl::copy(inputs[0]);
        pydl::assign(scratch, pydl::cos(inputs[0]));  // nobody reads it
        pydl::assign(states[0], pydl::sin(inputs[0]));
        return {};
      },
      {support::doubles({4, 5, 6}, {3})}, states);
  pydl::graph::eliminate_dead_code(graph);
  CHECK_EQUAL(count(graph, "sin"), 1);
  CHECK_EQUAL(count(graph, "cos"), 0);
  CHECK_EQUAL(count(graph, "assign"), 1);
}

TEST(fusion_does_not_reach_across_a_write) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3})};
  Graph graph = graph_of(
      [&](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor before = states[0] * 2.0;
        pydl::assign(states[0], before + inputs[0]);
        return {before + states[0]};
      },
      {support::doubles({4, 5, 6}, {3})}, states);
  pydl::graph::fuse_elementwise(graph);
  pydl::graph::verify(graph, "fuse_elementwise");
  pydl::exec::Plan plan(std::move(graph), states, states, {});
  const std::vector<Tensor> arguments = {support::doubles({4, 5, 6}, {3})};
  std::vector<Tensor> outputs(1);
  plan.run(arguments, outputs);
  CHECK_TENSORS_CLOSE(outputs[0], support::doubles({8, 13, 18}, {3}), 0);
  CHECK_TENSORS_CLOSE(states[0], support::doubles({6, 9, 12}, {3}), 0);
}

TEST(constants_are_folded) {
  const Graph traced = graph_of(
      [](const std::vector<Tensor>& inputs) -> std::vector<Tensor> {
        const Tensor numbers = support::doubles({1, 2, 3}, {3});
        return {inputs[0] * (pydl::exp(numbers) + 1.0)};
      },
      {support::doubles({4, 5, 6}, {3})});
  Graph graph = traced;
  pydl::graph::canonicalize(graph);
  CHECK_EQUAL(count(traced, "exp"), 1);
  CHECK_EQUAL(count(graph, "exp"), 0);
  CHECK_EQUAL(graph.nodes.size(), size_t{1});
}
