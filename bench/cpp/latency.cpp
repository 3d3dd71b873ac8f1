// How long runs of small programs take in a loop: 100,000 runs of each in a context, from C++, percentiles.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/optimizer.h"
#include "pydl/save_program.h"

using namespace pydl;

namespace {

void report(const char* name, const Program& program, std::span<const Tensor> inputs, int64_t runs) {
  ProgramContext context = program.make_context();
  for (int i = 0; i < 1000; ++i) program.run(context, inputs);
  using Clock = std::chrono::steady_clock;
  std::vector<double> times(static_cast<size_t>(runs));
  for (double& time : times) {
    const auto start = Clock::now();
    program.run(context, inputs);
    time = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double part) { return times[static_cast<size_t>(part * static_cast<double>(runs - 1))]; };
  std::printf("%-34s %8.2f %8.2f %8.2f %10.2f\n", name, at(0.5), at(0.99), at(0.999), times.back());
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t runs = argc > 1 ? std::max(std::atoll(argv[1]), 1LL) : 100000;
  ParamSet mlp;
  nn::init_linear(mlp, "0", 64, 32);
  nn::init_linear(mlp, "1", 32, 10);
  const TensorFunction predict = [&](std::span<const Tensor> given) -> std::vector<Tensor> {
    return {nn::linear(mlp, "1", relu(nn::linear(mlp, "0", given[0])))};
  };
  optim::Adam optimizer(mlp, 1e-3);
  const TensorFunction step = [&](std::span<const Tensor> given) -> std::vector<Tensor> {
    const Tensor loss = nn::cross_entropy(predict(given)[0], given[1]);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    return {loss.detach()};
  };
  ParamSet lstm;
  nn::init_lstm(lstm, "0", 32, 64);
  const TensorFunction cell = [&](std::span<const Tensor> given) -> std::vector<Tensor> {
    const RecurrentStates states = nn::lstm(lstm, "0", given[0], {.h0 = given[1], .c0 = given[2]});
    return {states.h, states.c};
  };
  std::printf("%lld runs each, in microseconds\n%-34s %8s %8s %8s %10s\n", static_cast<long long>(runs), "", "p50",
              "p99", "p99.9", "most");
  const Tensor x[] = {normal({1, 64})};
  const Tensor batch[] = {normal({32, 64}), randint(0, 10, {32})};
  const Tensor sequence[] = {normal({1, 1, 32}), zeros({1, 1, 64}), zeros({1, 1, 64})};
  const auto measure = [&](const char* name, TensorFunction function, std::span<const Tensor> inputs,
                           std::vector<StateSource> states) {
    const FunctionToSave traced[] = {{.name = name,
                                      .function = std::move(function),
                                      .example_inputs = {inputs.begin(), inputs.end()},
                                      .states = std::move(states),
                                      .open_batch = false}};
    report(name, *trace_program(traced).program(name), inputs, runs);
  };
  measure("MLP 64-32-10, training, batch 32", step, batch, {mlp, optimizer});
  const GradMode mode(false);
  measure("MLP 64-32-10, batch 1", predict, x, {mlp});
  measure("LSTM cell 32-64, batch 1", cell, sequence, {lstm});
  return 0;
}
