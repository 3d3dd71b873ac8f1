// What a run of a program in a context must not do, and runs on several threads.
#include "hooks.h"

#include <chrono>
#include <thread>

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/optimizer.h"
#include "pydl/program.h"
#include "runtime/pool.h"
#include "runtime/threads.h"
#include "support.h"

using namespace pydl;

namespace {

using Function = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

Program trace(const Function& function, std::span<const Tensor> inputs, const ParamSet& states,
              const ProgramOptions& options = {}) {
  Trace trace;
  std::vector<Tensor> arguments;
  for (const auto& [name, tensor] : states.tensors) trace.state(tensor, name);
  for (const Tensor& input : inputs) arguments.push_back(trace.argument(input));
  trace.start();
  const std::vector<Tensor> outputs = function(arguments);
  trace.stop();
  return trace.finish(outputs, options);
}

// A loop in which each thread waits for all others. False if one did not come: the pool leaves threads out while other
// processes want the processors.
bool all_threads_meet() {
  using Clock = std::chrono::steady_clock;
  struct Meeting {
    int64_t threads = runtime::thread_count();
    Clock::time_point end = Clock::now() + std::chrono::milliseconds(50);
    std::atomic<int64_t> arrived{0};
  } meeting;
  runtime::run_pieces(meeting.threads, static_cast<int>(meeting.threads), &meeting, [](void* context, int64_t) {
    auto& meeting = *static_cast<Meeting*>(context);
    ++meeting.arrived;
    while (meeting.arrived < meeting.threads && Clock::now() < meeting.end) std::this_thread::yield();
  });
  return meeting.arrived == meeting.threads && Clock::now() < meeting.end;
}

// The pool starts its helpers when they are needed. A thread that starts asks for memory, whatever runs beside it.
void wait_for_helpers() {
  for (int attempt = 0; attempt < 100 && !all_threads_meet(); ++attempt) {
  }
}

// Runs twice, then many times under count.
void check_quiet(const char* name, const Program& program, std::span<const Tensor> inputs, const Function& expected,
                 bool with_onednn = true) {
  ProgramContext context = program.make_context();
  for (int i = 0; i < 2; ++i) program.run(context, inputs);
  wait_for_helpers();
  {
    const hooks::Scope scope;
    for (int i = 0; i < 20; ++i) program.run(context, inputs);
  }
  if (PYDL_HAS_HOOKS) {
    const auto zero = [&](const char* what, int64_t count) {
      if (count != 0) check::fail(__FILE__, __LINE__, concat_text(name, ": ", count, " ", what));
    };
    zero("requests for memory", hooks::counts.allocations);
    if (!with_onednn) zero("requests for memory by oneDNN", hooks::counts.onednn);
    zero("locks", hooks::counts.locks);
    zero("files", hooks::counts.files);
  }
  if (!expected) return;
  const GradMode mode(false);
  const std::vector<Tensor> right = expected(inputs);
  const std::span<const Tensor> given = program.run(context, inputs);
  for (size_t i = 0; i < right.size(); ++i) CHECK_TENSORS_CLOSE(given[i], right[i], 1e-5);
}

struct Network {
  ParamSet params;
  Function function;
};

Network mlp() {
  Network network;
  Generator generator(1);
  nn::init_linear(network.params, "0", 64, 32, {}, generator);
  nn::init_linear(network.params, "1", 32, 10, {}, generator);
  network.function = [params = network.params](std::span<const Tensor> x) -> std::vector<Tensor> {
    return {nn::linear(params, "1", relu(nn::linear(params, "0", x[0])))};
  };
  return network;
}

Network cnn() {
  Network network;
  Generator generator(2);
  nn::init_conv(network.params, "0", 3, 32, {3, 3}, {}, generator);
  nn::init_conv(network.params, "1", 32, 32, {3, 3}, {}, generator);
  nn::init_conv(network.params, "2", 32, 48, {3, 3}, {}, generator);
  nn::init_linear(network.params, "3", 48, 10, {}, generator);
  network.function = [params = network.params](std::span<const Tensor> x) -> std::vector<Tensor> {
    const ConvOptions same = nn::same_padding({3, 3});
    ConvOptions strided = same;
    strided.stride = {2, 2};
    Tensor y = relu(nn::conv(params, "0", x[0], same));
    y = relu(nn::conv(params, "1", max_pool(y, {.kernel = {2, 2}}), same));
    y = relu(nn::conv(params, "2", y, strided));
    return {nn::linear(params, "3", mean(y, std::vector<int64_t>{2, 3}))};
  };
  return network;
}

Network lstm() {
  Network network;
  Generator generator(3);
  nn::init_lstm(network.params, "0", 20, 32, {}, generator);
  network.function = [params = network.params](std::span<const Tensor> x) -> std::vector<Tensor> {
    const RecurrentStates states = nn::lstm(params, "0", x[0], {});
    return {states.output, states.h};
  };
  return network;
}

}  // namespace

TEST(inference_is_quiet) {
  Generator generator(4);
  const GradMode mode(false);
  for (const int64_t batch : {1, 64}) {
    const Network networks[] = {mlp(), cnn(), lstm()};
    const Tensor inputs[] = {normal({batch, 64}, 0, 1, DType::float32, generator),
                             normal({batch, 3, 32, 32}, 0, 1, DType::float32, generator),
                             normal({7, batch, 20}, 0, 1, DType::float32, generator)};
    const char* names[] = {"mlp", "cnn", "lstm"};
    for (size_t i = 0; i < std::size(networks); ++i) {
      const Tensor x[] = {inputs[i]};
      const Program program = trace(networks[i].function, x, networks[i].params);
      check_quiet(names[i], program, x, networks[i].function);
    }
  }
}

TEST(without_onednn_nothing_asks_for_memory) {
  const GradMode mode(false);
  const Network network = cnn();
  Generator generator(4);
  const Tensor x[] = {normal({8, 3, 32, 32}, 0, 1, DType::float32, generator)};
  const Program program = trace(network.function, x, network.params, {.onednn = false});
  for (const ProgramStep& step : program.steps()) CHECK(step.provider != "onednn");
  check_quiet("cnn", program, x, network.function, false);
}

TEST(training_is_quiet) {
  for (const int64_t batch : {4, 64}) {
    const Network networks[] = {mlp(), cnn()};
    Generator generator(5);
    const Tensor inputs[] = {normal({batch, 64}, 0, 1, DType::float32, generator),
                             normal({batch, 3, 32, 32}, 0, 1, DType::float32, generator)};
    const Tensor target = randint(0, 10, {batch}, DType::int64, generator);
    for (size_t i = 0; i < std::size(networks); ++i) {
      optim::Adam optimizer(networks[i].params, 1e-3);
      const Function step = [&](std::span<const Tensor> given) -> std::vector<Tensor> {
        const Tensor y = networks[i].function(given)[0];
        const Tensor loss = nn::cross_entropy(dropout(y, 0.1, true, generator), given[1]);
        loss.backward();
        optimizer.step();
        optimizer.zero_grad();
        return {loss.detach()};
      };
      ParamSet states = networks[i].params;
      for (const auto& state : optimizer.states().tensors) states.tensors.push_back(state);
      const Tensor batch_of[] = {inputs[i], target};
      const Program program = trace(step, batch_of, states);
      check_quiet(i == 0 ? "mlp" : "cnn", program, batch_of, {});
    }
  }
}

TEST(results_of_a_context_are_overwritten) {
  const Network network = mlp();
  Tensor x[] = {ones({2, 64})};
  const GradMode mode(false);
  const Program program = trace(network.function, x, network.params);
  ProgramContext context = program.make_context();
  const Tensor first = program.run(context, x)[0];
  const Tensor kept = copy(first);
  x[0] = zeros({2, 64});
  const Tensor second = program.run(context, x)[0];
  CHECK(is_same(first, second));
  CHECK(!all(equal(kept, second)).item());
  CHECK_THROWS(ValueError, "argument 0", program.run(context, std::vector{ones({3, 64})}));
  ProgramContext other = trace(network.function, x, network.params).make_context();
  CHECK_THROWS(ValueError, "another program", program.run(other, x));
}

TEST(results_that_are_arguments_states_constants_and_views) {
  const Tensor state = ones({3});
  ParamSet states;
  states.tensors.emplace_back("state", state);
  Tensor x[] = {arange(0, 6, 1, DType::float32)};
  const Function function = [&](std::span<const Tensor> given) -> std::vector<Tensor> {
    assign(state, state + 1.0);
    return {given[0], state, reshape(given[0], {2, 3}), reshape(exp(given[0]), {3, 2})};
  };
  const Program program = trace(function, x, states);
  ProgramContext context = program.make_context();
  for (int i = 1; i <= 3; ++i) {
    x[0] = x[0] + 1.0;
    const std::span<const Tensor> results = program.run(context, x);
    CHECK_TENSORS_CLOSE(results[0], x[0], 0);
    CHECK_TENSORS_CLOSE(results[1], full({3}, 1.0 + i, DType::float32), 0);
    CHECK_TENSORS_CLOSE(results[2], reshape(x[0], {2, 3}), 0);
    CHECK_TENSORS_CLOSE(results[3], reshape(exp(x[0]), {3, 2}), 1e-5);
  }
}

TEST(threads_run_in_contexts_of_their_own) {
  const GradMode mode(false);
  for (const Network& network : {mlp(), cnn()}) {
    const bool is_cnn = network.params.tensors.size() > 4;
    Generator generator(6);
    std::vector<Tensor> inputs;
    std::vector<Tensor> right;
    for (int i = 0; i < 4; ++i) {
      inputs.push_back(normal(is_cnn ? Dims{2, 3, 32, 32} : Dims{3, 64}, 0, 1, DType::float32, generator));
      right.push_back(network.function(std::span(&inputs.back(), 1))[0]);
    }
    const Program program = trace(network.function, std::span(inputs.data(), 1), network.params);
    std::vector<ProgramContext> contexts;
    for (int i = 0; i < 4; ++i) contexts.push_back(program.make_context());
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (size_t i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int repeat = 0; repeat < 20; ++repeat) {
          const Tensor given = program.run(contexts[i], std::span(&inputs[i], 1))[0];
          const auto* a = given.data<float>();
          const auto* b = right[i].data<float>();
          for (int64_t k = 0; k < given.size(); ++k) wrong += std::abs(a[k] - b[k]) < 1e-4F ? 0 : 1;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK_EQUAL(wrong.load(), 0);
  }
}
