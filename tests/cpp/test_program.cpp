// Traces, passes, plans: graphs keep their rules after every pass, and programs do what eager calls do.
#include <atomic>
#include <random>
#include <thread>

#include "check.h"
#include "exec/memory_plan.h"
#include "graph/passes/passes.h"
#include "graph/tracer.h"
#include "pydl/autograd.h"
#include "pydl/nn.h"
#include "pydl/optim.h"
#include "pydl/program.h"
#include "support.h"

using namespace pydl;

namespace {

using exec::BufferLifetime;
using exec::MemoryPlan;

bool overlap_in_time(const BufferLifetime& a, const BufferLifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

int64_t overlaps(const std::vector<BufferLifetime>& buffers, const MemoryPlan& plan) {
  int64_t count = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (buffers[i].bytes == 0 || buffers[j].bytes == 0 || !overlap_in_time(buffers[i], buffers[j])) continue;
      const bool apart = plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                         plan.offsets[j] + buffers[j].bytes <= plan.offsets[i];
      count += apart ? 0 : 1;
    }
  }
  return count;
}

// A random function of two tensors (6, 6) and a state: elementwise ops, views, reductions, products, overwriting.
struct RandomFunction {
  unsigned seed;

  Tensor operator()(const Tensor& x, const Tensor& y, const Tensor& state) const {
    std::mt19937 random(seed);
    std::vector<Tensor> values = {x, y, state * 1.0};
    for (int i = 0; i < 24; ++i) {
      const Tensor a = values[random() % values.size()];
      const Tensor b = values[random() % values.size()];
      values.push_back(next(random() % 11, a, b, state));
    }
    Tensor total = values[0];
    for (const Tensor& value : values) total = total + value;
    return total;
  }

  static Tensor next(unsigned choice, const Tensor& a, const Tensor& b, const Tensor& state) {
    const Axes last = std::vector<int64_t>{1};
    switch (choice) {
      case 0: return a + b;
      case 1: return a * b * 0.5;
      case 2: return tanh(a);
      case 3: return where(greater(a, b), a, b * 0.5);
      case 4: return permute_dims(a, std::vector<int64_t>{1, 0});
      case 5: return softmax(a, 0) - b;
      case 6: return matmul(a, b) * 0.1;
      case 7: return flip(a, last) + mean(b, last, true);
      case 8: return clip(a, scalar_like(-0.5, a), scalar_like(0.5, a));
      case 9: {
        const Tensor changed = copy(a);
        assign(slice(changed, {1, 0}, {2, 6}, {1, 1}), slice(b, {3, 0}, {2, 6}, {1, 1}));
        return changed;
      }
      default: assign(state, state * 0.5 + a * 0.1); return state + b;
    }
  }
};

}  // namespace

TEST(memory_of_what_lives_together_does_not_overlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    std::vector<BufferLifetime> buffers;
    const int steps = 5 + static_cast<int>(random() % 100);
    for (int i = 0; i < 80; ++i) {
      const int first = static_cast<int>(random() % static_cast<unsigned>(steps));
      const int last = std::min(steps - 1, first + static_cast<int>(random() % 12));
      buffers.push_back({static_cast<int64_t>(random() % 5000), first, last});
    }
    const MemoryPlan plan = exec::plan_memory(buffers, true);
    CHECK_EQUAL(overlaps(buffers, plan), 0);
    CHECK(plan.bytes >= plan.lower_bound);
    CHECK(plan.bytes <= plan.lower_bound * 3 / 2);
    const MemoryPlan apart = exec::plan_memory(buffers, false);
    CHECK_EQUAL(apart.bytes, apart.total);
    for (const int64_t offset : plan.offsets) CHECK_EQUAL(offset % 64, 0);
  }
}

TEST(graphs_keep_their_rules_after_every_pass) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const Tensor x = uniform({6, 6});
    const Tensor state = uniform({6, 6});
    graph::Tracer tracer;
    tracer.state(state, "state");
    const Tensor traced_x = tracer.argument(x);
    const Tensor traced_y = tracer.argument(x);
    tracer.resume();
    const Tensor result = RandomFunction{seed}(traced_x, traced_y, state);
    const Tensor outputs[] = {result};
    graph::Graph graph = tracer.finish(outputs);
    graph::verify(graph, "trace");
    for (const graph::Pass& pass : graph::all_passes()) {
      pass.run(graph);
      graph::verify(graph, pass.name);
    }
  }
}

TEST(programs_do_what_eager_calls_do) {
  const std::vector<std::string> passes = pass_names();
  for (unsigned seed = 0; seed < 60; ++seed) {
    const RandomFunction function = {seed};
    const Tensor start = uniform({6, 6});
    const Tensor eager_state = copy(start);
    const Tensor state = copy(start);
    Trace trace;
    trace.state(state, "state");
    const Tensor like = uniform({6, 6});
    const Tensor x = trace.argument(like);
    const Tensor y = trace.argument(like);
    trace.start();
    const Tensor outputs[] = {function(x, y, state)};
    ProgramOptions options;
    if (seed % 2 == 1) options.without = {passes[seed / 2 % passes.size()]};
    Program program = trace.finish(outputs, options);
    for (int call = 0; call < 3; ++call) {
      const Tensor arguments[] = {uniform({6, 6}, -1, 1), uniform({6, 6}, -1, 1)};
      const Tensor expected = function(arguments[0], arguments[1], eager_state);
      CHECK_CLOSE(max(abs(program.run(arguments)[0] - expected)).item(), 0, 1e-4);
      CHECK_CLOSE(max(abs(state - eager_state)).item(), 0, 1e-5);
    }
  }
}

TEST(a_training_step_in_cpp) {
  const Tensor x = normal({32, 8});
  const Tensor target = randint({32}, 0, 3);
  Tensor weight = nn::xavier_uniform({3, 8});
  weight.set_requires_grad(true);
  const Tensor step = zeros({}, DType::int64);
  const Tensor rate = full({}, 0.1, DType::float64);
  const Tensor first = zeros({3, 8});
  const Tensor second = zeros({3, 8});
  Trace trace;
  for (const Tensor& state : {weight, step, rate, first, second}) trace.state(state, "state");
  const Tensor input = trace.argument(x);
  const Tensor classes = trace.argument(target);
  trace.start();
  const Tensor loss = nn::cross_entropy(linear(input, weight, {}), classes);
  const Tensor losses[] = {loss};
  const Tensor weights[] = {weight};
  const std::vector<Tensor> gradients = grad(losses, weights);
  optim::adam_update(step, weights, {&first, 1}, {&second, 1}, gradients, rate, {});
  Program program = trace.finish(losses);
  const Tensor arguments[] = {x, target};
  const double before = program.run(arguments)[0].item();
  double after = before;
  for (int i = 0; i < 30; ++i) after = program.run(arguments)[0].item();
  CHECK(after < before);
  CHECK_EQUAL(step.item_int(), 31);
}

TEST(tensors_of_a_trace_have_no_elements) {
  const Tensor x = ones({3});
  const Tensor other = ones({3});
  Trace trace;
  const Tensor traced = trace.argument(x);
  trace.start();
  CHECK_THROWS(TraceError, "value of a tensor", sum(traced).item());
  CHECK_THROWS(TraceError, "was not declared", traced + other);
  const Tensor result = traced * 2.0;
  trace.stop();
  CHECK_THROWS(TraceError, "has no elements", result + 1.0);
  CHECK_EQUAL(to_string(result), std::string("tensor(traced, shape=(3,), dtype=float32)"));
}

TEST(arguments_are_checked) {
  Trace trace;
  const Tensor x = trace.argument(ones({2, 3}));
  trace.start();
  const Tensor outputs[] = {x + 1.0};
  Program program = trace.finish(outputs);
  const Tensor wrong[] = {ones({3, 2})};
  CHECK_THROWS(ValueError, "argument 0: expected float32 of shape (2, 3)", program.run(wrong));
  CHECK_THROWS(ValueError, "expected 1 arguments", program.run({}));
}

TEST(programs_run_in_several_threads_at_once) {
  Trace trace;
  const Tensor x = trace.argument(ones({40, 40}));
  trace.start();
  const Tensor outputs[] = {tanh(matmul(x, x)) * 2.0 + x};
  Program program = trace.finish(outputs);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&program, &wrong, t] {
      const Tensor arguments[] = {full({40, 40}, 0.01 * (t + 1), DType::float32)};
      const Tensor expected = tanh(matmul(arguments[0], arguments[0])) * 2.0 + arguments[0];
      for (int i = 0; i < 50; ++i) {
        if (max(abs(program.run(arguments)[0] - expected)).item() > 1e-5) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}
