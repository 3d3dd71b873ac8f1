// L-BFGS and averages of weights.
#include "pydl/lbfgs.h"

#include "pydl/autograd.h"
#include "pydl/compile.h"
#include "pydl/layers.h"
#include "pydl/ops.h"
#include "pydl/weight_average.h"
#include "support.h"

using namespace pydl;
using support::same_bits;

namespace {

Tensor parameter_of(std::initializer_list<double> values) {
  Tensor x = support::doubles(values, {static_cast<int64_t>(values.size())});
  x.set_requires_grad(true);
  return x;
}

Tensor rosenbrock(const Tensor& x) {
  const Tensor a = slice(x, {0}, {1}, {1});
  const Tensor b = slice(x, {1}, {1}, {1});
  return sum(square(1.0 - a) + 100.0 * square(b - square(a)));
}

}  // namespace

TEST(lbfgs_finds_the_valley) {
  const Tensor x = parameter_of({-1, 2});
  optim::Lbfgs optimizer({x}, {.line_search = true});
  double first = 0;
  for (int i = 0; i < 4; ++i) {
    const double loss = optimizer.step([&] {
      optimizer.zero_grad();
      const Tensor value = rosenbrock(x);
      value.backward();
      return value;
    });
    if (i == 0) first = loss;
  }
  CHECK_CLOSE(first, 104, 1e-12);
  CHECK_CLOSE(x.data<double>()[0], 1, 1e-4);
  CHECK_CLOSE(x.data<double>()[1], 1, 1e-4);
}

TEST(lbfgs_solves_least_squares_without_a_search) {
  const Tensor a = support::random_doubles({30, 4});
  const Tensor target = support::random_doubles({30, 1});
  ParamSet params;
  nn::init_linear(params, "fit", 4, 1, {.dtype = DType::float64});
  optim::Lbfgs optimizer(params, {.iterations = 200, .change_tolerance = 1e-16});
  const CompiledFunction loss = compile(
      [&](std::span<const Tensor>) -> std::vector<Tensor> {
        for (Tensor parameter : optimizer.parameters()) parameter.set_grad({});
        const Tensor value = nn::mse_loss(nn::linear(params, "fit", a), target);
        value.backward();
        return {value.detach()};
      },
      {.states = {params, a, target}});
  optimizer.step([&] { return loss({})[0]; });
  for (const Tensor& parameter : optimizer.parameters()) CHECK(max(abs(parameter.grad())).item() < 1e-6);
  CHECK(optimizer.steps() > 1);
}

TEST(lbfgs_goes_on_with_the_same_bits) {
  const auto run = [](const Tensor& x, optim::Lbfgs& optimizer, int steps) {
    for (int i = 0; i < steps; ++i) {
      optimizer.step([&] {
        optimizer.zero_grad();
        const Tensor value = rosenbrock(x);
        value.backward();
        return value;
      });
    }
  };
  const optim::LbfgsOptions options{.lr = 0.5, .iterations = 3, .history = 2, .line_search = true};
  const Tensor x = parameter_of({-1, 2});
  optim::Lbfgs whole({x}, options);
  run(x, whole, 4);
  const Tensor y = parameter_of({-1, 2});
  optim::Lbfgs first({y}, options);
  run(y, first, 2);
  optim::Lbfgs second({y}, options);
  second.load_states(first.states());
  run(y, second, 2);
  CHECK(same_bits(x, y));
  CHECK_EQUAL(whole.steps(), second.steps());
}

TEST(lbfgs_refuses_to_be_traced) {
  const Tensor x = parameter_of({-1, 2});
  optim::Lbfgs optimizer({x});
  const CompiledFunction step = compile(
      [&](std::span<const Tensor>) -> std::vector<Tensor> {
        optimizer.step([&] { return rosenbrock(x); });
        return {};
      },
      {.states = {x}});
  CHECK_THROWS(TraceError, "compile the closure instead", step({}));
}

TEST(averages_of_weights) {
  ParamSet params;
  const Tensor w = nn::add_parameter(params, "w", full({2}, 1.0, DType::float64));
  const Tensor buffer = nn::add_buffer(params, "b", full({2}, 1.0, DType::float64));
  optim::WeightAverage equal(params);
  optim::WeightAverage decaying(params, {.decay = 0.75, .buffers = true});
  for (const double value : {2.0, 4.0, 9.0}) {
    const GradMode without_history(false);
    assign(w, full({2}, value, DType::float64));
    assign(buffer, full({2}, value, DType::float64));
    equal.update();
    decaying.update();
  }
  CHECK_TENSORS_CLOSE(*equal.values().find("w"), full({2}, 5.0, DType::float64), 1e-15);
  CHECK_TENSORS_CLOSE(*equal.values().find("b"), full({2}, 9.0, DType::float64), 0);
  const double expected = 0.75 * (0.75 * 2 + 0.25 * 4) + 0.25 * 9;
  CHECK_TENSORS_CLOSE(*decaying.values().find("w"), full({2}, expected, DType::float64), 1e-15);
  CHECK_TENSORS_CLOSE(*decaying.values().find("b"), full({2}, expected, DType::float64), 1e-15);
  CHECK_EQUAL(equal.updates(), 3);
  optim::WeightAverage other(params);
  other.load_states(equal.states());
  CHECK_EQUAL(other.updates(), 3);
  CHECK(same_bits(*other.values().find("w"), *equal.values().find("w")));

  // In a compiled function.
  const CompiledFunction update = compile(
      [&](std::span<const Tensor>) -> std::vector<Tensor> {
        other.update();
        return {};
      },
      {.states = {params, other.states()}});
  update({});
  equal.update();
  CHECK_EQUAL(other.updates(), 4);
  CHECK(same_bits(*other.values().find("w"), *equal.values().find("w")));
}
