// Random programs traced and run against the same run one op after the other, with passes left out, and the rules of
// graphs after every pass.
#include <atomic>
#include <thread>

#include "exec/plan.h"
#include "graph/graph.h"
#include "graph/passes/passes.h"
#include "graph/tracer.h"
#include "pydl/program.h"
#include "random_program.h"

using namespace random_program;
using pydl::graph::Graph;

namespace {

bool contains(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Traced {
  Graph graph;
  std::vector<Tensor> states;
};

Traced trace(uint32_t seed, const std::vector<Tensor>& arguments, const std::vector<Tensor>& states,
             pydl::Generator& generator) {
  pydl::graph::Tracer tracer;
  std::vector<Tensor> traced;
  for (const Tensor& argument : arguments) traced.push_back(tracer.argument(argument));
  for (size_t i = 0; i < states.size(); ++i) tracer.state(states[i], "state" + std::to_string(i));
  tracer.resume();
  std::vector<Tensor> outputs = RandomProgram(seed).play(traced, states, generator);
  Graph graph = tracer.finish(outputs);
  return {std::move(graph), tracer.states()};
}

/// Runs the passes one by one, with the rules of graphs checked after each.
void run_checked(Graph& graph, const std::vector<std::string>& without) {
  pydl::graph::verify(graph, "trace");
  for (const pydl::graph::Pass& pass : pydl::graph::all_passes()) {
    if (contains(without, pass.name)) continue;
    pass.run(graph);
    pydl::graph::verify(graph, pass.name);
  }
}

/// One random program with some passes left out, three calls; the number of the call that went wrong, or nothing.
std::optional<std::string> try_program(uint32_t seed, const std::vector<std::string>& without) {
  std::mt19937 engine(seed * 7919 + 1);
  std::vector<Tensor> arguments = random_tensors(engine, 1 + engine() % 3);
  const std::vector<Tensor> expected_states = random_tensors(engine, engine() % 3);
  const std::vector<Tensor> states = copies(expected_states);
  pydl::Generator expected_generator(seed);
  pydl::Generator generator(seed);
  try {
    Traced traced = trace(seed, arguments, states, generator);
    if (!same(states, expected_states)) return "the trace changed a state";
    run_checked(traced.graph, without);
    const size_t count = traced.graph.outputs.size();
    pydl::exec::Plan plan(std::move(traced.graph), traced.states, traced.states,
                          {.alias = !contains(without, "alias"), .reuse = !contains(without, "memory"), .kernels = {}});
    for (int call = 0; call < 3; ++call) {
      const std::vector<Tensor> before = copies(arguments);
      const std::vector<Tensor> expected = RandomProgram(seed).play(arguments, expected_states, expected_generator);
      std::vector<Tensor> outputs(count);
      plan.run(arguments, outputs);
      const std::string where = "call " + std::to_string(call) + ": ";
      if (!same(outputs, expected)) return where + "other results";
      if (!same(states, expected_states)) return where + "other states";
      if (!same(arguments, before)) return where + "arguments were changed";
      if (!same({generator.state()}, {expected_generator.state()})) return where + "other random numbers";
      for (Tensor& argument : arguments) argument = random_tensor(engine, argument.shape(), argument.dtype());
    }
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

std::vector<std::vector<std::string>> choices() {
  const std::vector<std::string> names = pydl::pass_names();
  std::vector<std::vector<std::string>> result = {{}, names, {"alias", "canonicalize"}, {"alias", "dead_code"}};
  for (const std::string& name : names) result.push_back({name});
  return result;
}

void fuzz(uint32_t first, uint32_t count) {
  for (const std::vector<std::string>& without : choices()) {
    std::string names;
    for (const std::string& name : without) names += " " + name;
    int failures = 0;
    for (uint32_t seed = first; seed < first + count && failures < 3; ++seed) {
      const std::optional<std::string> problem = try_program(seed, without);
      if (!problem) continue;
      ++failures;
      check::fail(__FILE__, __LINE__, "seed " + std::to_string(seed) + " without" + names + ": " + *problem);
    }
  }
}

}  // namespace

TEST(random_programs_are_the_same_every_time) {
  std::mt19937 engine(1);
  const std::vector<Tensor> arguments = random_tensors(engine, 3);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    pydl::Generator a(seed);
    pydl::Generator b(seed);
    CHECK(same(RandomProgram(seed).play(arguments, {}, a), RandomProgram(seed).play(arguments, {}, b)));
  }
}

TEST(random_programs_equal_eager) { fuzz(0, 400); }

TEST(random_programs_are_rich) {
  // What the fuzzer claims to cover is there.
  size_t fused = 0;
  size_t reductions = 0;
  size_t mutations = 0;
  size_t views = 0;
  size_t shared = 0;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 engine(seed);
    const std::vector<Tensor> arguments = random_tensors(engine, 2);
    const std::vector<Tensor> states = random_tensors(engine, 2);
    pydl::Generator generator(seed);
    Traced traced = trace(seed, arguments, states, generator);
    for (const pydl::graph::Node& node : traced.graph.nodes) {
      mutations += node.mutated > 0 ? 1 : 0;
      views += traced.graph.is_view(node) ? 1 : 0;
    }
    run_checked(traced.graph, {});
    for (const pydl::graph::Node& node : traced.graph.nodes) {
      fused += node.is_fused() ? 1 : 0;
      reductions += node.reductions.size();
    }
    const pydl::exec::Plan plan(std::move(traced.graph), traced.states, traced.states, {});
    shared += plan.memory().bytes < plan.memory().total ? 1 : 0;
  }
  CHECK(fused > 50);
  CHECK(reductions > 20);
  CHECK(mutations > 50);
  CHECK(views > 200);
  CHECK(shared > 20);
}

TEST(passes_keep_the_rules_and_do_less) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 engine(seed);
    const std::vector<Tensor> arguments = random_tensors(engine, 2);
    pydl::Generator generator(seed);
    Traced traced = trace(seed, arguments, {}, generator);
    const size_t before = traced.graph.nodes.size();
    run_checked(traced.graph, {});
    CHECK(traced.graph.nodes.size() <= before);
    // Nothing is left to do for passes that only remove.
    Graph again = traced.graph;
    pydl::graph::eliminate_dead_code(again);
    CHECK_EQUAL(again.nodes.size(), traced.graph.nodes.size());
  }
}

TEST(traces_in_several_threads) {
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < 25; ++i) wrong += try_program(1000 + 100 * t + i, {}).has_value() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}
