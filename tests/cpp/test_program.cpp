// Traces and programs as their users see them.
#include <atomic>
#include <random>
#include <thread>

#include "pydl/autograd.h"
#include "pydl/nn.h"
#include "pydl/optim.h"
#include "pydl/program.h"
#include "random_program.h"

using namespace pydl;
using namespace random_program;

TEST(programs_check_their_arguments) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({2, 3}));
  trace.start();
  const std::vector<Tensor> outputs = {pydl::exp(x)};
  pydl::Program program = trace.finish(outputs);
  CHECK(!pydl::is_tracing());
  CHECK_EQUAL(program.output_count(), size_t{1});
  CHECK_TENSORS_CLOSE(program.run(std::vector{pydl::zeros({2, 3})})[0], pydl::ones({2, 3}), 0);
  CHECK_THROWS(pydl::ValueError, "1 arguments", program.run(std::vector<Tensor>{}));
  CHECK_THROWS(pydl::ValueError, "argument 0: expected float32 of shape (2, 3)",
               program.run(std::vector{pydl::zeros({3, 2})}));
  CHECK_THROWS(pydl::ValueError, "float32", program.run(std::vector{pydl::zeros({2, 3}, DType::float64)}));
  CHECK_THROWS(pydl::ValueError, "strides", program.run(std::vector{pydl::matrix_transpose(pydl::zeros({3, 2}))}));
}

TEST(programs_without_a_pass_that_is_none) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({2}));
  trace.start();
  const std::vector<Tensor> outputs = {pydl::exp(x)};
  CHECK_THROWS(pydl::ValueError, "'fast'", trace.finish(outputs, {.without = {"fast"}}));
}

TEST(programs_tell_what_they_do) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({20, 20}));
  trace.set_locator([] { return std::string("model.py:7"); });
  trace.start();
  const std::vector<Tensor> outputs = {pydl::sum(pydl::tanh(pydl::matmul(x, x) * 2.0 + 1.0))};
  pydl::Program program = trace.finish(outputs, {.without = {}, .explain = true});
  for (int i = 0; i < 3; ++i) CHECK_EQUAL(program.run(std::vector{pydl::ones({20, 20})}).size(), size_t{1});
  const std::string text = program.describe();
  for (const char* part :
       {"after trace", "after canonicalize", "after fuse_elementwise", "matmul", "model.py:7", "arena"}) {
    if (text.find(part) == std::string::npos) check::fail(__FILE__, __LINE__, std::string("not described: ") + part);
  }
  for (const pydl::ProgramStep& step : program.steps()) {
    CHECK(step.seconds > 0);
    CHECK(step.bytes > 0);
    CHECK_EQUAL(step.location, "model.py:7");
  }
  CHECK(program.to_dot().starts_with("digraph"));
  CHECK(program.arena_bytes() <= program.unplanned_bytes());
}

TEST(programs_run_in_several_threads) {
  std::mt19937 engine(3);
  const Tensor weight = random_tensor(engine, {40, 40});
  const auto function = [&](const Tensor& x) {
    const Tensor h = pydl::tanh(pydl::matmul(x, weight));
    return std::vector<Tensor>{pydl::softmax(h * 2.0 + x), pydl::sum(h), pydl::matrix_transpose(h)};
  };
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> expected;
  for (int i = 0; i < 4; ++i) {
    inputs.push_back(random_tensor(engine, {40, 40}));
    expected.push_back(function(inputs.back()));
  }
  pydl::Trace trace;
  const Tensor x = trace.argument(inputs[0]);
  trace.state(weight, "weight");
  trace.start();
  pydl::Program program = trace.finish(function(x));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (size_t t = 0; t < inputs.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        if (!same(program.run(std::vector{inputs[t]}), expected[t])) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
}

TEST(errors_leave_states_alone) {
  const std::vector<Tensor> states = {support::doubles({1, 2, 3}, {3}), support::doubles({0, 0}, {2})};
  const std::vector<Tensor> before = copies(states);
  pydl::Trace trace;
  const Tensor index = trace.argument(Tensor::scalar(0, DType::int64));
  trace.state(states[0], "a");
  trace.state(states[1], "b");
  trace.start();
  pydl::assign(states[0], states[0] * 2.0);
  const Tensor taken = pydl::take(states[0], index);
  pydl::assign(states[1], pydl::expand(taken, {2}));
  const Tensor again = pydl::take(states[1], index);
  pydl::Program program = trace.finish(std::vector{again});
  const uint32_t version = states[0].version();
  CHECK_THROWS(pydl::IndexError, "take: index 2", program.run(std::vector{Tensor::scalar(2, DType::int64)}));
  CHECK(same(states, before));
  CHECK_THROWS(pydl::IndexError, "take: index 9", program.run(std::vector{Tensor::scalar(9, DType::int64)}));
  CHECK(same(states, before));
  CHECK_EQUAL(states[0].version(), version);
  CHECK_TENSORS_CLOSE(program.run(std::vector{Tensor::scalar(1, DType::int64)})[0], support::doubles({4}, {}), 0);
  CHECK_TENSORS_CLOSE(states[0], support::doubles({2, 4, 6}, {3}), 0);
  CHECK_TENSORS_CLOSE(states[1], support::doubles({4, 4}, {2}), 0);
  CHECK(states[0].version() > version);
}

TEST(traces_refuse_what_they_cannot_do) {
  const Tensor undeclared = support::doubles({1, 2, 3}, {3});
  const Tensor declared = support::doubles({1, 2, 3}, {3});
  pydl::Trace trace;
  const Tensor x = trace.argument(declared);
  trace.state(declared, "weights");
  trace.start();
  CHECK_THROWS(pydl::TraceError, "was not declared", x + undeclared);
  CHECK(is_same(trace.undeclared(), undeclared));
  CHECK_THROWS(pydl::TraceError, "value", pydl::sum(x).item());
  CHECK_THROWS(pydl::TraceError, "weights", declared.raw_data());
  CHECK_THROWS(pydl::TraceError, "argument 0", pydl::assign(x, declared));
  trace.stop();
  CHECK_CLOSE(pydl::sum(undeclared).item(), 6, 0);
  CHECK_THROWS(pydl::TraceError, "", x + undeclared);
}

TEST(traced_tensors_are_counted) {
  pydl::Trace trace;
  const Tensor x = trace.argument(pydl::zeros({3}));
  trace.start();
  const int64_t before = trace.live_results();
  {
    const Tensor y = x * 2.0;
    const Tensor view = pydl::reshape(y, {3, 1});
    CHECK_EQUAL(trace.live_results(), before + 2);
    CHECK(pydl::is_traced(view));
  }
  CHECK_EQUAL(trace.live_results(), before);
  trace.stop();
}

TEST(a_training_step_in_cpp) {
  const Tensor x = normal({32, 8});
  const Tensor target = randint(0, 3, {32});
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
