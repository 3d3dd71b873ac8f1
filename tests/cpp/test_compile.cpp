// Compiled functions: what they compute, when they are traced, what becomes of gradients.
#include "pydl/compile.h"

#include "compiler/program_cache.h"
#include "pydl/autocast.h"
#include "pydl/autograd.h"
#include "pydl/data.h"
#include "pydl/layers.h"
#include "support.h"

using namespace pydl;
using Tensors = std::vector<Tensor>;
using Arguments = std::span<const Tensor>;

namespace {

Tensor parameter_of(const Tensor& values) {
  Tensor tensor = copy(values);
  tensor.set_requires_grad(true);
  return tensor;
}

// Networks that are small enough to be trained in a test.
struct Network {
  ParamSet params;
  std::function<Tensor(const ParamSet& params, const Tensor& x)> logits;
  Tensor x;
  Tensor y;
};

Network mlp(Generator& generator) {
  Network network;
  nn::init_linear(network.params, "hidden", 8, 32, {}, generator);
  nn::init_linear(network.params, "out", 32, 3, {}, generator);
  network.logits = [](const ParamSet& params, const Tensor& x) {
    return nn::linear(params, "out", relu(nn::linear(params, "hidden", x)));
  };
  network.x = normal({96, 8}, 0, 1, DType::float32, generator);
  network.y = argmax(slice(network.x, {0, 0}, {96, 3}, {1, 1}), 1);
  return network;
}

Network cnn(Generator& generator) {
  Network network;
  nn::init_conv(network.params, "conv", 1, 8, {3, 3}, {.bias = false}, generator);
  nn::init_batch_norm(network.params, "norm", 8);
  nn::init_linear(network.params, "out", 8 * 4 * 4, 2, {}, generator);
  network.logits = [](const ParamSet& params, const Tensor& x) {
    const Tensor h =
        nn::batch_norm(params, "norm", nn::conv(params, "conv", x, nn::same_padding({3, 3})), {.training = true});
    return nn::linear(params, "out", reshape(max_pool(relu(h), {.kernel = {2, 2}}), {x.size(0), -1}));
  };
  network.x = normal({64, 1, 8, 8}, 0, 1, DType::float32, generator);
  const Tensor left = mean(slice(network.x, {0, 0, 0, 0}, {64, 1, 8, 4}, {1, 1, 1, 1}), std::vector<int64_t>{1, 2, 3});
  network.y = astype(less(left, mean(network.x, std::vector<int64_t>{1, 2, 3})), DType::int64);
  return network;
}

Network lstm(Generator& generator) {
  Network network;
  nn::init_embedding(network.params, "words", 5, 6, {}, DType::float32, generator);
  nn::init_lstm(network.params, "lstm", 6, 12, {}, generator);
  nn::init_linear(network.params, "out", 12, 5, {}, generator);
  network.logits = [](const ParamSet& params, const Tensor& x) {
    const RecurrentStates states = nn::lstm(params, "lstm", nn::embedding(params, "words", x), {.batch_first = true});
    return nn::linear(params, "out", reshape(states.h, {x.size(0), 12}));
  };
  network.x = randint(0, 5, {64, 6}, DType::int64, generator);
  network.y = reshape(slice(network.x, {0, 4}, {64, 1}, {1, 1}), {64});  // the last word but one
  return network;
}

using Make = Network (*)(Generator&);

// Losses of every step of some epochs.
std::vector<double> train(Network& network, optim::Optimizer optimizer, bool compiled, int epochs) {
  const TensorFunction step = [&](Arguments batch) -> Tensors {
    const Tensor loss = nn::cross_entropy(network.logits(network.params, batch[0]), batch[1]);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    return {loss};
  };
  const CompiledFunction program = compile(step, {.states = {network.params, optimizer}});
  Generator order(1);
  const data::Batches batches({network.x, network.y}, {.size = 32, .shuffle = true, .generator = &order});
  std::vector<double> losses;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (const data::Batch& batch : batches) losses.push_back((compiled ? program(batch) : step(batch))[0].item());
  }
  CHECK_EQUAL(program.traces(), compiled ? 1 : 0);
  return losses;
}

void check_training(Make make, int epochs) {
  Generator first(11);
  Generator second(11);
  Network eager = make(first);
  Network compiled = make(second);
  const std::vector<double> expected = train(eager, optim::Adam(eager.params, 0.01), false, epochs);
  const std::vector<double> losses = train(compiled, optim::Adam(compiled.params, 0.01), true, epochs);
  CHECK(expected.back() < 0.7 * expected.front());
  CHECK_EQUAL(losses.size(), expected.size());
  // Fused sums are added in another order.
  for (size_t i = 0; i < losses.size(); ++i) CHECK_CLOSE(losses[i], expected[i], 2e-3);
  for (size_t i = 0; i < 3; ++i) CHECK_CLOSE(losses[i], expected[i], 1e-5);
  const int64_t counts = eager.params.find("norm.num_batches_tracked") != nullptr ? 1 : 0;
  if (counts > 0) {
    CHECK_EQUAL(nn::parameter(compiled.params, "norm.num_batches_tracked").item_int(),
                static_cast<int64_t>(losses.size()));
  }
}

}  // namespace

TEST(an_mlp_learns) { check_training(mlp, 20); }
TEST(a_convolutional_network_learns) { check_training(cnn, 20); }
TEST(an_lstm_learns) { check_training(lstm, 60); }

TEST(compiled_steps_are_those_of_eager_ones_bit_for_bit) {
  const Tensor start = normal({6, 5});
  const auto run = [&](bool compiled, auto make_optimizer) {
    const Tensor weight = parameter_of(start);
    optim::Optimizer optimizer = make_optimizer(weight);
    const TensorFunction step = [&](Arguments in) -> Tensors {
      const Tensor y = tanh(matmul(in[0], weight));
      sum(y * in[1]).backward();
      optim::clip_grad_norm(optimizer.parameters(), 2);
      optimizer.step();
      optimizer.zero_grad();
      return {y};
    };
    const CompiledFunction program = compile(step, {.states = {optimizer}});
    Generator generator(3);
    Tensors seen;
    for (int i = 0; i < 6; ++i) {
      if (i == 3) optimizer.set_lr(0.001);
      const Tensors in = {normal({4, 6}, 0, 1, DType::float32, generator),
                          uniform({4, 5}, -1, 1, DType::float32, generator)};
      seen.push_back((compiled ? program(in) : step(in))[0].detach());
      seen.push_back(copy(weight));
    }
    CHECK(!weight.grad().defined());
    CHECK_EQUAL(optimizer.steps(), 6);
    CHECK_EQUAL(program.traces(), compiled ? 1 : 0);
    return seen;
  };
  const auto compare = [&](auto make_optimizer) {
    const Tensors eager = run(false, make_optimizer);
    const Tensors compiled = run(true, make_optimizer);
    for (size_t i = 0; i < eager.size(); ++i) CHECK(support::same_bits(compiled[i], eager[i]));
  };
  compare([](const Tensor& weight) { return optim::Sgd({weight}, 0.1, {.momentum = 0.9}); });
  compare([](const Tensor& weight) { return optim::Sgd({weight}, 0.1); });
  compare([](const Tensor& weight) { return optim::Adam({weight}, 0.1); });
  compare([](const Tensor& weight) { return optim::RmsProp({weight}, 0.1, {.momentum = 0.5}); });
}

TEST(each_signature_has_a_program) {
  const CompiledFunction twice = compile([](Arguments in) -> Tensors { return {in[0] + in[0]}; }, {.cache_size = 3});
  CHECK_TENSORS_CLOSE(twice({ones({2})})[0], full({2}, 2, DType::float32), 0);
  CHECK_TENSORS_CLOSE(twice({full({2}, 3, DType::float32)})[0], full({2}, 6, DType::float32), 0);
  CHECK_EQUAL(twice.traces(), 1);
  CHECK_EQUAL(twice({ones({3})})[0].shape(), Dims({3}));
  CHECK_EQUAL(twice({ones({2}, DType::float64)})[0].dtype(), DType::float64);
  CHECK_EQUAL(twice.traces(), 3);
  CHECK_EQUAL(twice({ones({0})})[0].size(), 0);
  CHECK_EQUAL(twice.traces(), 4);
  CHECK_EQUAL(twice.programs().size(), size_t{3});
  twice({ones({3})});
  CHECK_EQUAL(twice.traces(), 4);
  twice({ones({2})});  // was dropped
  CHECK_EQUAL(twice.traces(), 5);
  CompiledFunction copy_of = twice;
  copy_of.clear();
  CHECK(twice.programs().empty());
}

TEST(programs_used_last_are_kept) {
  compiler::ProgramCache<int> cache(3);
  for (const int number : {1, 2, 3}) cache.add(number);
  const auto find = [&](int number) { return cache.find([&](int entry) { return entry == number; }); };
  CHECK_EQUAL(*find(1), 1);
  cache.add(4);  // drops 2
  CHECK(find(2) == nullptr);
  std::vector<int> numbers;
  for (const auto& entry : cache.entries()) numbers.push_back(*entry);
  CHECK(numbers == std::vector<int>({4, 1, 3}));
}

TEST(programs_may_be_dropped_while_one_is_looked_for) {
  compiler::ProgramCache<int> cache(3);
  for (const int number : {1, 2, 3}) cache.add(number);
  const auto found = cache.find([&](int entry) {
    if (entry == 2) cache.clear();
    return entry == 2;
  });
  CHECK(found != nullptr && *found == 2);
  CHECK(cache.entries().empty());
}

TEST(modes_have_programs) {
  const Tensor weight = parameter_of(normal({3, 3}));
  const CompiledFunction product =
      compile([&](Arguments in) -> Tensors { return {linear(in[0], weight)}; }, {.states = {weight}});
  const Tensor x = normal({2, 3});
  CHECK(product({x})[0].requires_grad());
  {
    const GradMode off(false);
    CHECK(!product({x})[0].requires_grad());
    CHECK_EQUAL(product.traces(), 2);
    const AutocastScope scope(DType::bfloat16);
    CHECK_EQUAL(product({x})[0].dtype(), DType::bfloat16);
  }
  CHECK_EQUAL(product.traces(), 3);
  product({x});
  CHECK_EQUAL(product.traces(), 3);
  const int64_t axes[] = {1, 0};
  const Tensor turned = permute_dims(normal({3, 2}), axes);
  CHECK_TENSORS_CLOSE(product({turned})[0], linear(turned, weight), 1e-6);
  CHECK_EQUAL(product.traces(), 3);
}

TEST(gradients_that_nothing_drops_are_handed_over) {
  const Tensor weight = parameter_of(support::doubles({1, 2, 3}, {3}));
  const CompiledFunction square_sum = compile(
      [&](Arguments in) -> Tensors {
        const Tensor loss = sum(square(weight * in[0]));
        loss.backward();
        return {loss.detach()};
      },
      {.states = {weight}});
  const Tensor x = support::doubles({1, 1, 2}, {3});
  CHECK_CLOSE(square_sum({x})[0].item(), 41, 1e-12);
  CHECK_TENSORS_CLOSE(weight.grad(), support::doubles({2, 4, 24}, {3}), 1e-12);
  square_sum({x});  // adds to it
  CHECK_TENSORS_CLOSE(weight.grad(), support::doubles({4, 8, 48}, {3}), 1e-12);
  square_sum({x});
  CHECK_TENSORS_CLOSE(weight.grad(), support::doubles({6, 12, 72}, {3}), 1e-12);
  CHECK_EQUAL(square_sum.traces(), 2);
  Tensor(weight).set_grad({});
  square_sum({x});
  CHECK_TENSORS_CLOSE(weight.grad(), support::doubles({2, 4, 24}, {3}), 1e-12);
  CHECK_EQUAL(square_sum.traces(), 2);
}

TEST(gradients_from_outside_are_used) {
  const Tensor weight = parameter_of(support::doubles({1, 2}, {2}));
  optim::Sgd optimizer({weight}, 1);
  const CompiledFunction update = compile(
      [&](Arguments) -> Tensors {
        optimizer.step();
        optimizer.zero_grad();
        return {};
      },
      {.states = {optimizer}});
  for (int i = 0; i < 2; ++i) {
    sum(weight).backward();
    CHECK(update({}).empty());
    CHECK(!weight.grad().defined());
  }
  CHECK_TENSORS_CLOSE(weight, support::doubles({-1, 0}, {2}), 0);
}

TEST(results_can_be_differentiated) {
  const Tensor weight = parameter_of(normal({4, 3}));
  const TensorFunction function = [&](Arguments in) -> Tensors {
    return {tanh(matmul(in[0], weight)), sum(in[0]) * 2.0};
  };
  const CompiledFunction compiled = compile(function, {.states = {weight}});
  Tensor x = normal({2, 4});
  x.set_requires_grad(true);
  const auto gradients = [&](const Tensors& results) {
    const Tensor loss = sum(results[0]) * results[1];
    const Tensor outputs[] = {loss};
    const Tensor inputs[] = {weight, x};
    return grad(outputs, inputs);
  };
  for (int i = 0; i < 2; ++i) {
    const Tensors expected = gradients(function(Tensors{x}));
    const Tensors found = gradients(compiled({x}));
    CHECK_TENSORS_CLOSE(found[0], expected[0], 1e-6);
    CHECK_TENSORS_CLOSE(found[1], expected[1], 1e-6);
  }
  const Tensors results = compiled({x});
  assign(weight.detach(), zeros({4, 3}));
  CHECK_THROWS(Error, "was overwritten after the compiled function had used it", sum(results[0]).backward());
}

TEST(states_that_an_optimizer_makes_anew_are_noticed) {
  const Tensor a = parameter_of(support::doubles({1}, {1}));
  const Tensor b = parameter_of(support::doubles({1}, {1}));
  optim::Adam optimizer({a, b}, 0.1);
  const CompiledFunction step = compile(
      [&](Arguments in) -> Tensors {
        sum(a * b * in[0]).backward();
        optimizer.step();
        optimizer.zero_grad();
        return {};
      },
      {.states = {optimizer}});
  const Tensor x = support::doubles({1}, {1});
  step({x});
  step({x});
  CHECK_EQUAL(step.traces(), 1);
  sum(a).backward();
  optimizer.step();  // b stays behind: it gets a counter of its own
  optimizer.zero_grad();
  step({x});
  CHECK_EQUAL(step.traces(), 2);
  CHECK_EQUAL(optimizer.states().find("0.step")->item_int(), 4);
  CHECK_EQUAL(optimizer.states().find("1.step")->item_int(), 3);
  optimizer.load_states(optimizer.states());
  step({x});
  CHECK_EQUAL(step.traces(), 3);
  CHECK_EQUAL(optimizer.states().find("1.step")->item_int(), 4);
}

TEST(random_numbers_go_on) {
  Generator generator(5);
  const CompiledFunction drop =
      compile([&](Arguments in) -> Tensors { return {dropout(in[0], 0.5, true, generator)}; });
  const Tensor x = ones({64});
  Tensors compiled;
  for (int i = 0; i < 3; ++i) compiled.push_back(drop({x})[0]);
  Generator again(5);
  for (int i = 0; i < 3; ++i) CHECK(support::same_bits(compiled[static_cast<size_t>(i)], dropout(x, 0.5, true, again)));
}

TEST(compiled_functions_call_one_another) {
  const CompiledFunction inner = compile([](Arguments in) -> Tensors { return {exp(in[0])}; });
  const CompiledFunction outer = compile([&](Arguments in) -> Tensors { return {inner(in)[0] * 2.0}; });
  CHECK_TENSORS_CLOSE(outer({zeros({2})})[0], full({2}, 2, DType::float32), 0);
  CHECK_EQUAL(inner.traces(), 0);
}

TEST(functions_that_cannot_be_compiled) {
  const Tensor weight = parameter_of(normal({3}));
  const Tensor x = ones({3});
  const auto calling = [&](const TensorFunction& function, const CompileOptions& options = {}) {
    return [=] { return compile(function, options)({x}); };
  };
  CHECK_THROWS(TraceError, "a captured tensor of shape (3,) and float32 was not declared",
               calling([&](Arguments in) -> Tensors { return {in[0] * weight}; })());
  CHECK_THROWS(TraceError, "the value of a tensor of shape () was asked for",
               calling([](Arguments in) -> Tensors { return {in[0] * sum(in[0]).item()}; })());
  Tensors kept;
  CHECK_THROWS(TraceError, "keeps a tensor that it computed", calling([&](Arguments in) -> Tensors {
                 kept.push_back(exp(in[0]));
                 return {};
               })());
  CHECK_THROWS(TraceError, "a compiled function: result 1 is undefined",
               calling([](Arguments in) -> Tensors { return {in[0], Tensor{}}; })());
  CHECK_THROWS(TraceError, "backward() reached tensor 0 of the arguments", [&] {
    Tensor y = ones({3});
    y.set_requires_grad(true);
    compile([](Arguments in) -> Tensors {
      sum(in[0]).backward();
      return {};
    })({y});
  }());
  CHECK_THROWS(ValueError, "cache_size", compile([](Arguments) -> Tensors { return {}; }, {.cache_size = 0}));
  CHECK_THROWS(ValueError, "no pass 'fast'",
               compile([](Arguments) -> Tensors { return {}; }, {.program = {.without = {"fast"}}}));
  CHECK_THROWS(ValueError, "expected a function", compile(nullptr));
}

TEST(errors_leave_gradients_alone) {
  const Tensor weight = parameter_of(ones({3}));
  sum(weight).backward();
  const Tensor before = weight.grad();
  const CompiledFunction step = compile(
      [&](Arguments in) -> Tensors {
        sum(weight * in[0]).backward();
        throw ValueError("stopped");
      },
      {.states = {weight}});
  CHECK_THROWS(ValueError, "stopped", step({ones({3})}));
  CHECK(!is_tracing());
  CHECK(is_same(weight.grad(), before));
  CHECK_THROWS(ValueError, "stopped", step({ones({3})}));
}

TEST(compiled_functions_leave_nothing_behind) {
  const auto use = [] {
    Generator generator(1);
    Network network = mlp(generator);
    train(network, optim::Adam(network.params, 0.01), true, 1);
  };
  use();  // caches of kernels keep some tensors
  const int64_t before = live_tensor_count();
  use();
  CHECK_EQUAL(live_tensor_count(), before);
}
