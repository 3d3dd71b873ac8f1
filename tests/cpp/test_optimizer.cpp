// Optimisers: what they keep, and that they call the updates with it.
#include "pydl/optimizer.h"

#include <cmath>
#include <limits>

#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "support.h"

using namespace pydl;

namespace {

Tensor leaf(std::initializer_list<double> values, const Dims& shape) {
  Tensor tensor = support::doubles(values, shape);
  tensor.set_requires_grad(true);
  return tensor;
}

Tensor number(double value) { return full({}, value, DType::float64); }

}  // namespace

TEST(sgd_by_hand) {
  const Tensor weight = leaf({1, 2}, {2});
  optim::Sgd optimizer({weight}, 0.25);
  sum(weight * weight).backward();
  optimizer.step();
  CHECK_TENSORS_CLOSE(weight, support::doubles({0.5, 1}, {2}), 0);
  optimizer.set_lr(0.5);
  optimizer.step();  // the same gradient again
  CHECK_TENSORS_CLOSE(weight, support::doubles({-0.5, -1}, {2}), 0);
  CHECK_EQUAL(optimizer.steps(), 2);
  optimizer.zero_grad();
  CHECK(!weight.grad().defined());
  optimizer.step();
  CHECK_EQUAL(optimizer.steps(), 2);
}

TEST(optimizers_are_the_updates) {
  const Tensor start = support::random_doubles({3, 4});
  const Tensor factors = support::random_doubles({3, 4});
  const Tensor step = zeros({}, DType::int64);
  const Tensor first = zeros({3, 4}, DType::float64);
  const Tensor second = zeros({3, 4}, DType::float64);
  using Update = std::function<void(std::span<const Tensor> parameters, std::span<const Tensor> gradients)>;
  const auto compare = [&](const std::function<optim::Optimizer(const Tensor&)>& make, const Update& update) {
    Tensor weight = copy(start);
    weight.set_requires_grad(true);
    optim::Optimizer optimizer = make(weight);
    const Tensor expected = copy(start);
    for (const Tensor& state : {step, first, second}) assign(state, zeros(state.shape(), state.dtype()));
    for (int i = 0; i < 4; ++i) {
      optimizer.zero_grad();
      sum(square(weight) * factors).backward();
      const Tensor gradient = weight.grad();
      update({&expected, 1}, {&gradient, 1});
      optimizer.step();
      CHECK(support::same_bits(weight, expected));
    }
  };
  const optim::SgdOptions momentum = {.momentum = 0.9, .weight_decay = 0.01, .nesterov = true};
  compare([&](const Tensor& weight) { return optim::Sgd({weight}, 0.1, momentum); },
          [&](auto parameters, auto gradients) {
            optim::sgd_update(step, parameters, {&first, 1}, gradients, number(0.1), momentum);
          });
  const optim::AdamOptions adamw = {.beta1 = 0.8, .weight_decay = 0.1, .decoupled = true};
  compare([&](const Tensor& weight) { return optim::Adam({weight}, 0.01, adamw); },
          [&](auto parameters, auto gradients) {
            optim::adam_update(step, parameters, {&first, 1}, {&second, 1}, gradients, number(0.01), adamw);
          });
  for (const double kept : {0.0, 0.5}) {
    const optim::RmspropOptions rmsprop = {.alpha = 0.9, .momentum = kept};
    compare([&](const Tensor& weight) { return optim::RmsProp({weight}, 0.01, rmsprop); },
            [&](auto parameters, auto gradients) {
              const std::span<const Tensor> velocities(&second, kept > 0 ? 1 : 0);
              optim::rmsprop_update(step, parameters, {&first, 1}, velocities, gradients, number(0.01), rmsprop);
            });
  }
}

TEST(parameters_of_a_set_are_those_that_require_gradients) {
  ParamSet params;
  params.tensors.emplace_back("a", leaf({1}, {1}));
  params.tensors.emplace_back("buffer", support::doubles({1}, {1}));
  params.tensors.emplace_back("b", leaf({2}, {1}));
  const optim::Adam optimizer(params);
  CHECK_EQUAL(optimizer.parameters().size(), size_t{2});
  CHECK(is_same(optimizer.parameters()[1], params.tensors[2].second));
  CHECK_EQUAL(optimizer.lr(), 0.001);
}

TEST(parameters_without_gradients_keep_their_steps) {
  const Tensor a = leaf({1}, {1});
  Tensor b = leaf({1}, {1});
  optim::Adam optimizer({a, b}, 0.1);
  optim::Adam alone({b}, 0.1);
  const auto names = [&] {
    std::string text;
    for (const auto& entry : optimizer.states().tensors) text += entry.first + " ";
    return text;
  };
  CHECK_EQUAL(names(), "lr.0 0.step 1.step ");
  sum(a).backward();
  optimizer.step();
  CHECK_EQUAL(names(), "lr.0 0.step 0.first_moment 0.second_moment 1.step ");
  CHECK_EQUAL(optimizer.states().find("1.step")->item_int(), 0);
  sum(b * 3.0).backward();
  optimizer.step();
  CHECK_EQUAL(optimizer.states().find("0.step")->item_int(), 2);
  CHECK_EQUAL(optimizer.states().find("1.step")->item_int(), 1);
  b.set_requires_grad(false);
  optimizer.step();
  CHECK_EQUAL(optimizer.states().find("1.step")->item_int(), 1);
  // The first step of Adam is the learning rate, whatever the gradient.
  CHECK_CLOSE(b.item(), 0.9, 1e-6);
}

TEST(states_go_to_another_optimizer) {
  const Tensor a = leaf({1, 2}, {2});
  const Tensor b = leaf({3}, {});
  const auto train = [](optim::Optimizer& optimizer, int steps) {
    for (int i = 0; i < steps; ++i) {
      optimizer.zero_grad();
      const std::vector<Tensor>& p = optimizer.parameters();
      const Tensor loss = sum(square(p[0])) * p[1];
      (i % 2 == 0 ? loss : sum(p[0])).backward();
      optimizer.step();
    }
  };
  optim::Adam optimizer({a, b}, 0.1);
  train(optimizer, 3);
  optimizer.set_lr(0.05);
  ParamSet saved;
  for (const auto& [name, tensor] : optimizer.states().tensors) saved.tensors.emplace_back(name, copy(tensor));
  const auto leaf_copy = [](const Tensor& tensor) { return copy(tensor.detach()).set_requires_grad(true); };
  const Tensor c = leaf_copy(a);
  const Tensor d = leaf_copy(b);
  optim::Adam other({c, d}, 0.3);
  const int64_t structure = other.structure();
  other.load_states(saved);
  CHECK(other.structure() != structure);
  CHECK_EQUAL(other.lr(), 0.05);
  CHECK_EQUAL(other.steps(), 3);
  train(optimizer, 3);
  train(other, 3);
  CHECK(support::same_bits(a, c));
  CHECK(support::same_bits(b, d));

  const ParamSet fresh = optim::Adam({leaf({1}, {1})}).states();
  optim::Sgd sgd({leaf({1}, {1})}, 0.1, {.momentum = 0.9});
  sgd.load_states(fresh);
  CHECK_EQUAL(sgd.lr(), 0.001);
  CHECK_THROWS(ValueError, "Sgd: load_states: 0.velocity is missing", sgd.load_states(saved));
  optim::Sgd plain({leaf({1}, {1})});
  CHECK_THROWS(ValueError, "Sgd: load_states: 0.first_moment is not part of this optimiser", plain.load_states(saved));
  CHECK_THROWS(ValueError, "Adam: load_states: 1.step is missing", other.load_states(fresh));
  ParamSet doubled = saved;
  doubled.tensors.push_back(doubled.tensors.front());
  CHECK_THROWS(ValueError, "was given twice", other.load_states(doubled));
  saved.tensors[2].second = zeros({3}, DType::float64);
  CHECK_THROWS(ValueError, "0.first_moment: expected shape (2,), got (3,)", other.load_states(saved));
}

TEST(groups_have_rates_options_and_slots_of_their_own) {
  const Tensor a = leaf({1, 2}, {2});
  const Tensor b = leaf({3}, {1});
  const Tensor c = leaf({4}, {1});
  optim::Sgd both({{{a}, 0.1}, {{b, c}, 0.5, {.momentum = 0.9}}});
  const Tensor a2 = copy(a.detach()).set_requires_grad(true);
  const Tensor b2 = copy(b.detach()).set_requires_grad(true);
  const Tensor c2 = copy(c.detach()).set_requires_grad(true);
  optim::Sgd first({a2}, 0.1);
  optim::Sgd second({b2, c2}, 0.5, {.momentum = 0.9});
  for (int i = 0; i < 4; ++i) {
    for (optim::Optimizer optimizer : {static_cast<optim::Optimizer>(both), static_cast<optim::Optimizer>(first),
                                       static_cast<optim::Optimizer>(second)}) {
      optimizer.zero_grad();
    }
    // The last parameter has a gradient only in some steps: its group is split.
    (sum(a * a) + sum(b * b) + (i % 2 == 1 ? sum(c * c) : sum(b * 0.0))).backward();
    (sum(a2 * a2) + sum(b2 * b2) + (i % 2 == 1 ? sum(c2 * c2) : sum(b2 * 0.0))).backward();
    both.step();
    first.step();
    second.step();
    if (i == 1) both.set_lr(1, 0.25);
    if (i == 1) second.set_lr(0.25);
  }
  CHECK(support::same_bits(a, a2));
  CHECK(support::same_bits(b, b2));
  CHECK(support::same_bits(c, c2));
  CHECK_EQUAL(both.group_count(), 2U);
  CHECK_EQUAL(both.lr(), 0.1);
  CHECK_EQUAL(both.lr(1), 0.25);
  CHECK(both.states().find("0.velocity") == nullptr);
  CHECK(both.states().find("1.velocity") != nullptr);
  CHECK_EQUAL(both.states().find("lr.1")->item(), 0.25);
  CHECK_EQUAL(both.states().find("2.step")->item_int(), 2);
  CHECK_EQUAL(both.steps(), 4);

  optim::Sgd other({{{leaf({0, 0}, {2})}, 1}, {{leaf({0}, {1}), leaf({0}, {1})}, 1, {.momentum = 0.9}}});
  other.load_states(both.states());
  CHECK_EQUAL(other.lr(1), 0.25);
  CHECK_EQUAL(other.states().tensors.size(), both.states().tensors.size());
  other.set_lr(2);
  CHECK_EQUAL(other.lr(), 2);
  CHECK_EQUAL(other.lr(1), 2);
  CHECK_THROWS(IndexError, "Sgd: group 2 is out of range for 2 groups", both.lr(2));
  CHECK_THROWS(IndexError, "group 2", both.set_lr(2, 0.1));
  CHECK_THROWS(ValueError, "given twice", optim::Adam({{{a}, 0.1}, {{a}, 0.2}}));
  CHECK_THROWS(ValueError, "Adam: expected beta1", optim::Adam({{{a}, 0.1}, {{b}, 0.1, {.beta1 = 2}}}));
}

TEST(gradients_are_clipped) {
  const Tensor a = leaf({0, 0}, {2});
  const Tensor b = leaf({0}, {1});
  const Tensor without = leaf({0}, {1});
  const std::vector<Tensor> parameters = {a, without, b};
  CHECK_EQUAL(optim::clip_grad_norm(parameters, 1).item(), 0);
  sum(a * 2.0).backward();
  sum(b).backward();
  CHECK_CLOSE(optim::clip_grad_norm(parameters, 5).item(), 3, 0);
  CHECK_TENSORS_CLOSE(a.grad(), support::doubles({2, 2}, {2}), 0);
  CHECK_CLOSE(optim::clip_grad_norm(parameters, 1.5).item(), 3, 0);
  CHECK_TENSORS_CLOSE(a.grad(), support::doubles({1, 1}, {2}), 0);
  CHECK_TENSORS_CLOSE(b.grad(), support::doubles({0.5}, {1}), 0);
  CHECK(!without.grad().defined());
  CHECK_THROWS(ValueError, "max_norm", optim::clip_grad_norm(parameters, -1));
  const Tensor infinite = full({2}, std::numeric_limits<double>::infinity(), DType::float64);
  assign(a.grad(), infinite);
  CHECK_THROWS(Error, "clip_grad_norm: the norm of the gradients is inf", optim::clip_grad_norm(parameters, 1, true));
  CHECK(support::same_bits(a.grad(), infinite));
}

TEST(gradients_are_clipped_by_other_norms) {
  const Tensor a = leaf({0, 0}, {2});
  const std::vector<Tensor> parameters = {a};
  Tensor(a).set_grad(support::doubles({3, -4}, {2}));
  CHECK_CLOSE(optim::clip_grad_norm(parameters, 10, false, 1).item(), 7, 1e-14);
  CHECK_CLOSE(optim::clip_grad_norm(parameters, 2, false, std::numeric_limits<double>::infinity()).item(), 4, 0);
  CHECK_TENSORS_CLOSE(a.grad(), support::doubles({1.5, -2}, {2}), 0);
  CHECK_THROWS(ValueError, "norm_type", optim::clip_grad_norm(parameters, 1, false, 0));
}

TEST(norms_of_16_bit_gradients_are_no_overflow) {
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32}) {
    Tensor a = full({4}, 0.0, dtype);
    a.set_requires_grad(true);
    const std::vector<Tensor> parameters = {a};
    a.set_grad(full({4}, 300.0, dtype));
    CHECK_CLOSE(optim::clip_grad_norm(parameters, 60).item(), 600, 0);
    CHECK_CLOSE(sum(astype(a.grad(), DType::float64)).item(), 120, 0.5);
    a.set_grad(full({4}, std::numeric_limits<double>::quiet_NaN(), dtype));
    CHECK(std::isnan(optim::clip_grad_norm(parameters, 60).item()));
    CHECK(std::isnan(sum(astype(a.grad(), DType::float64)).item()));
  }
}

TEST(optimizers_refuse_what_they_cannot_use) {
  const Tensor a = leaf({1}, {1});
  CHECK_THROWS(ValueError, "Sgd: expected parameters", optim::Sgd(ParamSet{}));
  CHECK_THROWS(ValueError, "given twice", optim::Adam({a, a}));
  CHECK_THROWS(ValueError, "is not a floating-point leaf", optim::Adam({a * 2.0}));
  CHECK_THROWS(ValueError, "is not a floating-point leaf", optim::Adam({zeros({2}, DType::int64)}));
  CHECK_THROWS(ValueError, "lr: expected a learning rate of at least 0, got -1", optim::Sgd({a}, -1));
  CHECK_THROWS(ValueError, "lr", optim::Sgd({a}).set_lr(std::nan("")));
  CHECK_THROWS(ValueError, "Adam: expected beta1 in [0, 1), got 1", optim::Adam({a}, 0.1, {.beta1 = 1}));
  CHECK_THROWS(ValueError, "RmsProp: expected epsilon of at least 0", optim::RmsProp({a}, 0.1, {.epsilon = -1}));
  CHECK_THROWS(ValueError, "Sgd: nesterov needs momentum", optim::Sgd({a}, 0.1, {.nesterov = true}));
}

TEST(optimizers_leave_nothing_behind) {
  const int64_t before = live_tensor_count();
  {
    const Tensor a = leaf({1, 2}, {2});
    optim::RmsProp optimizer({a}, 0.1, {.momentum = 0.9});
    optim::Optimizer handle = optimizer;
    sum(a * a).backward();
    handle.step();
    CHECK_EQUAL(optimizer.steps(), 1);
  }
  CHECK_EQUAL(live_tensor_count(), before);
}
