// Training by train::Trainer: steps, epochs, states.
#include "pydl/trainer.h"

#include <cstdio>
#include <limits>

#include "pydl/autocast.h"
#include "pydl/layers.h"
#include "pydl/ops.h"
#include "support.h"

using namespace pydl;
using support::same_bits;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Data {
  Tensor x;
  Tensor y;
};

Data make_data(int64_t count) {
  Generator generator(11);
  return {normal({count, 4}, 0, 1, DType::float64, generator), randint(0, 3, {count}, DType::int64, generator)};
}

// An MLP in float64, with batch normalisation and dropout if it is noisy.
struct Network {
  explicit Network(bool is_noisy = false) : noisy(is_noisy) {
    Generator seeded(5);
    nn::init_linear(params, "hidden", 4, 8, {.dtype = DType::float64}, seeded);
    if (noisy) nn::init_batch_norm(params, "norm", 8, DType::float64);
    nn::init_linear(params, "out", 8, 3, {.dtype = DType::float64}, seeded);
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Tensor operator()(const Tensor& x, bool training) {
    Tensor h = nn::linear(params, "hidden", x);
    if (noisy) h = dropout(nn::batch_norm(params, "norm", h, {.training = training}), 0.3, training, random);
    return nn::linear(params, "out", relu(h));
  }
  train::Model model() {
    return [this](const Tensor& x, bool training) { return (*this)(x, training); };
  }

  bool noisy;
  ParamSet params;
  Generator random{7};
};

void check_same(const ParamSet& a, const ParamSet& b) {
  CHECK_EQUAL(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    const Tensor* other = b.find(name);
    if (other == nullptr || !same_bits(tensor, *other)) check::fail(__FILE__, __LINE__, name + " differs");
  }
}

void check_close(const ParamSet& a, const ParamSet& b, double tolerance) {
  for (const auto& [name, tensor] : a.tensors) CHECK_TENSORS_CLOSE(tensor, *b.find(name), tolerance);
}

Tensor mean_loss(const Tensor& output, const Tensor& target) { return nn::cross_entropy(output, target); }

}  // namespace

TEST(fit_does_what_a_loop_does) {
  const Data data = make_data(23);
  for (const bool compiled : {false, true}) {
    Network looped(true);
    optim::Adam by_hand(looped.params, 0.01);
    Generator order(3);
    const data::Batches batches({data.x, data.y}, {.size = 5, .shuffle = true, .generator = &order});
    std::vector<double> losses;
    for (int epoch = 0; epoch < 3; ++epoch) {
      double total = 0;
      for (const data::Batch& batch : batches) {
        const Tensor loss = mean_loss(looped(batch[0], true), batch[1]);
        loss.backward();
        by_hand.step();
        by_hand.zero_grad();
        total += loss.item() * static_cast<double>(batch.size());
      }
      losses.push_back(total / 23);
    }

    Network network(true);
    optim::Adam optimizer(network.params, 0.01);
    train::Trainer trainer(network.params, network.model(), mean_loss, optimizer, {.compile = compiled});
    order.manual_seed(3);
    const train::History history = trainer.fit(batches, {.epochs = 3});
    check_close(looped.params, network.params, 1e-12);
    CHECK_EQUAL(history["loss"].size(), size_t{3});
    for (size_t i = 0; i < 3; ++i) CHECK_CLOSE(history["loss"][i], losses[i], 1e-12);
    CHECK_EQUAL(trainer.epoch(), 3);
    CHECK_EQUAL(trainer.steps(), 15);
    CHECK(!history.stopped);
    // Epochs that were made count.
    CHECK(trainer.fit(batches, {.epochs = 3}).epochs.empty());
    CHECK_EQUAL(trainer.fit(batches, {.epochs = 4}).epochs[0], 3);
  }
}

TEST(uneven_batches_accumulate_to_one_big_batch) {
  const Data data = make_data(23);
  for (const bool compiled : {false, true}) {
    for (const train::NonFinite policy : {train::NonFinite::warn, train::NonFinite::skip}) {
      Network big;
      Network small;
      optim::Sgd first(big.params, 0.1, {.momentum = 0.9});
      optim::Sgd second(small.params, 0.1, {.momentum = 0.9});
      first.set_clipping({.norm = 0.5});
      second.set_clipping({.norm = 0.5});
      train::Trainer one(big.params, big.model(), train::cross_entropy(), first, {.compile = compiled});
      train::Trainer other(small.params, small.model(), train::cross_entropy(), second,
                           {.compile = compiled, .accumulate = 5, .non_finite = policy});
      const train::History a = one.fit(data::Batches({data.x, data.y}, {.size = 23}), {.epochs = 3});
      const train::History b = other.fit(data::Batches({data.x, data.y}, {.size = 5}), {.epochs = 3});
      CHECK_EQUAL(other.steps(), 3);
      check_close(big.params, small.params, 1e-12);
      for (size_t i = 0; i < 3; ++i) CHECK_CLOSE(a["loss"][i], b["loss"][i], 1e-12);
    }
  }
}

TEST(an_incomplete_group_is_updated_at_the_end_of_the_epoch) {
  const Data data = make_data(10);
  Network network;
  train::Trainer trainer(network.params, network.model(), mean_loss, optim::Sgd(network.params, 0.1),
                         {.accumulate = 3});
  std::vector<bool> updated;
  trainer.fit(data::Batches({data.x, data.y}, {.size = 2}),
              {.epochs = 2, .callbacks = {{.batch_end = [&](train::Trainer&, const train::Step& step) {
                              updated.push_back(step.updated);
                            }}}});
  CHECK_EQUAL(trainer.steps(), 4);
  CHECK((updated == std::vector<bool>{false, false, true, false, true, false, false, true, false, true}));
  CHECK(!trainer.train_step({data.x, data.y}).updated);
  CHECK(trainer.flush());
  CHECK(!trainer.flush());
}

TEST(labels_that_are_ignored_count_nowhere) {
  const Data data = make_data(12);
  const Tensor labels = copy(data.y);
  for (const int i : {0, 1, 2, 3, 7}) labels.data<int64_t>()[i] = -100;  // the whole first batch
  Network big;
  Network small;
  train::Trainer one(big.params, big.model(), train::cross_entropy(), optim::Sgd(big.params, 0.1));
  train::Trainer other(small.params, small.model(), train::cross_entropy(), optim::Sgd(small.params, 0.1),
                       {.metrics = {train::accuracy()}, .accumulate = 3});
  const data::Batches whole({data.x, labels}, {.size = 12});
  const data::Batches parts({data.x, labels}, {.size = 4});
  const double before = one.evaluate(whole).at("loss");
  CHECK_CLOSE(other.evaluate(parts).at("loss"), before, 1e-12);
  CHECK_CLOSE(one.fit(whole)["loss"][0], before, 1e-12);
  CHECK_CLOSE(other.fit(parts)["loss"][0], before, 1e-12);
  check_close(big.params, small.params, 1e-12);
  CHECK(std::isfinite(small.params.tensors[0].second.data<double>()[0]));
}

TEST(class_weights_count_in_the_mean) {
  const Data data = make_data(12);
  const Tensor weights = support::doubles({0.5, 2, 3}, {3});
  Network network;
  const nn::CrossEntropyOptions options{.class_weights = weights};
  const train::Loss loss = train::cross_entropy(options);
  train::Trainer trainer(network.params, network.model(), loss, optim::Sgd(network.params, 0.1),
                         {.metrics = {train::loss_metric("same", loss)}});
  const double whole = nn::cross_entropy(network(data.x, false), data.y, options).item();
  const train::Values values = trainer.evaluate(data::Batches({data.x, data.y}, {.size = 5}));
  CHECK_CLOSE(values.at("loss"), whole, 1e-12);
  CHECK_CLOSE(values.at("same"), whole, 1e-12);
}

TEST(probabilities_as_targets) {
  const Data data = make_data(12);
  const Tensor labels = softmax(support::random_doubles({12, 3}), 1);
  Network network;
  const nn::CrossEntropyOptions options{.label_smoothing = 0.1};
  train::Trainer trainer(network.params, network.model(), train::cross_entropy(options),
                         optim::Sgd(network.params, 0.1));
  const double whole = nn::cross_entropy(network(data.x, false), labels, options).item();
  CHECK_CLOSE(trainer.evaluate(data::Batches({data.x, labels}, {.size = 5})).at("loss"), whole, 1e-12);
}

TEST(rates_follow_the_schedule) {
  const Data data = make_data(8);
  Network network;
  optim::Sgd optimizer(network.params, 5);
  train::Trainer trainer(network.params, network.model(), train::cross_entropy(), optimizer,
                         {.accumulate = 2, .learning_rate = [](int64_t step) { return 0.5 / (1.0 + step); }});
  std::vector<double> rates;
  trainer.fit(data::Batches({data.x, data.y}, {.size = 2}),
              {.epochs = 2, .callbacks = {{.batch_end = [&](train::Trainer& self, const train::Step&) {
                              rates.push_back(self.optimizer().lr());
                            }}}});
  CHECK((rates == std::vector<double>{5, 0.5, 0.5, 0.25, 0.25, 0.5 / 3, 0.5 / 3, 0.125}));
}

TEST(steps_are_traced_once_for_each_shape) {
  const Data data = make_data(10);
  Network network;
  int calls = 0;
  const auto model = [&](const Tensor& x, bool training) {
    ++calls;
    return network(x, training);
  };
  train::Trainer trainer(network.params, model, train::cross_entropy(), optim::Adam(network.params),
                         {.accumulate = 2, .learning_rate = optim::exponential_decay(0.1, 0.9)});
  const data::Batches batches({data.x, data.y}, {.size = 4});
  trainer.fit(batches, {.epochs = 1});
  trainer.fit(batches, {.epochs = 5, .validation = batches});
  const int first = calls;
  CHECK(first <= 5);  // 4 samples with and without gradients from before, 2 samples; evaluation of 4 and 2
  trainer.fit(batches, {.epochs = 9, .validation = batches});
  CHECK_EQUAL(calls, first);
}

TEST(a_sample_of_weight_two_counts_as_two) {
  const Data data = make_data(7);
  const Tensor times = support::doubles({1, 2, 1, 0, 1, 3, 1}, {7});
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 7; ++i) {
    for (int k = 0; k < static_cast<int>(times.data<double>()[i]); ++k) rows.push_back(i);
  }
  const Tensor weights = times * (7.0 / 9.0);  // the mean is taken over the 7 samples
  const Tensor index = Tensor::from_values<int64_t>(rows, {static_cast<int64_t>(rows.size())});
  const train::Loss losses[] = {train::cross_entropy(), [](const Tensor& x, const Tensor& y) {
                                  return nn::cross_entropy(x, y, {.reduction = Reduction::none});
                                }};
  for (const train::Loss& loss : losses) {
    Network repeated;
    Network weighted;
    train::Trainer one(repeated.params, repeated.model(), loss, optim::Sgd(repeated.params, 0.1));
    train::Trainer other(weighted.params, weighted.model(), loss, optim::Sgd(weighted.params, 0.1),
                         {.sample_weights = true, .accumulate = 3});
    const data::Batches first({take(data.x, index), take(data.y, index)}, {.size = 20});
    const data::Batches second({data.x, data.y, weights}, {.size = 3});
    const double expected = one.fit(first)["loss"][0];
    CHECK_CLOSE(other.fit(second)["loss"][0], expected, 1e-12);
    check_close(repeated.params, weighted.params, 1e-12);
  }
}

TEST(weighted_metrics_weigh_by_the_weights_of_samples) {
  const Data data = make_data(7);
  const Tensor weights = support::doubles({1, 0, 2, 0.5, 1, 0, 3}, {7});
  train::Metric plain = train::accuracy();
  train::Metric weighted = train::weighted(train::accuracy());
  weighted.name = "weighted_accuracy";
  for (const bool compile : {true, false}) {
    Network network;
    train::Trainer trainer(network.params, network.model(), train::cross_entropy(), optim::Sgd(network.params, 0.1),
                           {.sample_weights = true, .metrics = {plain, weighted}, .compile = compile});
    const train::Values found = trainer.evaluate(data::Batches({data.x, data.y, weights}, {.size = 3}));
    const Tensor right =
        astype(equal(argmax(trainer.predict(data.x), 1), astype(data.y, DType::int64)), DType::float64);
    CHECK_CLOSE(found.at("accuracy"), mean(right).item(), 1e-12);
    CHECK_CLOSE(found.at("weighted_accuracy"), sum(right * weights).item() / 7.5, 1e-12);
  }
}

TEST(models_with_several_inputs_and_outputs) {
  const Data data = make_data(9);
  ParamSet params;
  Generator seeded(1);
  nn::init_linear(params, "a", 4, 3, {.dtype = DType::float64}, seeded);
  nn::init_linear(params, "b", 4, 1, {.dtype = DType::float64}, seeded);
  const auto model = [&](std::span<const Tensor> inputs, bool) -> std::vector<Tensor> {
    return {nn::linear(params, "a", inputs[0] + inputs[1]), nn::linear(params, "b", inputs[1])};
  };
  const auto error = [](const Tensor& x, const Tensor& y) { return nn::mse_loss(x, y); };
  const train::Loss loss = train::weighted_sum(
      {{.loss = train::cross_entropy()}, {.loss = error, .weight = 0.25, .output = 1, .target = 1}});
  const Tensor z = sum(data.x, {1}, true);
  train::Metric squares = train::mean_squared_error();
  squares.output = squares.target = 1;
  train::Trainer trainer(
      params, model, loss, optim::Adam(params, 0.01),
      {.inputs = 2, .targets = 2, .metrics = {train::loss_metric("classes", train::cross_entropy()), squares}});
  const train::Values values = trainer.evaluate(data::Batches({data.x, data.x, data.y, z}, {.size = 4}));
  const Tensor inputs[] = {data.x, data.x};
  const std::vector<Tensor> outputs = model(inputs, false);
  const double classes = nn::cross_entropy(outputs[0], data.y).item();
  const double numbers = nn::mse_loss(outputs[1], z).item();
  CHECK_CLOSE(values.at("classes"), classes, 1e-12);
  CHECK_CLOSE(values.at("mean_squared_error"), numbers, 1e-12);
  CHECK_CLOSE(values.at("loss"), classes + 0.25 * numbers, 1e-12);
  // Weights of 1 change nothing, also where classes have weights and labels are ignored.
  const Tensor some = where(equal(data.y, zeros({}, DType::int64)), full({}, int64_t{-100}, DType::int64), data.y);
  const train::Loss of_classes = train::cross_entropy({.class_weights = support::doubles({1, 2, 3}, {3})});
  const auto errors = [](const Tensor& a, const Tensor& b) { return nn::mse_loss(a, b, Reduction::none); };
  const train::Loss both =
      train::weighted_sum({{.loss = of_classes}, {.loss = errors, .weight = 0.25, .output = 1, .target = 1}});
  train::Trainer plain(params, model, both, optim::Sgd(params), {.inputs = 2, .targets = 2});
  train::Trainer weighted(params, model, both, optim::Sgd(params), {.inputs = 2, .targets = 2, .sample_weights = true});
  CHECK_CLOSE(plain.evaluate_step({data.x, data.x, some, z}).at("loss"),
              weighted.evaluate_step({data.x, data.x, some, z, ones({9})}).at("loss"), 1e-12);
  const std::vector<Tensor> predicted = trainer.predict(inputs, 4);
  CHECK_TENSORS_CLOSE(predicted[0], outputs[0].detach(), 1e-12);
  CHECK_TENSORS_CLOSE(predicted[1], outputs[1].detach(), 1e-12);
  const train::History history = trainer.fit(data::Batches({data.x, data.x, data.y, z}, {.size = 4}), {.epochs = 30});
  CHECK(history["loss"].back() < history["loss"].front());
}

TEST(training_goes_on_with_the_same_bits) {
  const Data data = make_data(23);
  // Stopped after an epoch, or within one and within a group of batches.
  for (const train::NonFinite policy : {train::NonFinite::warn, train::NonFinite::skip}) {
    for (const int64_t stop_after : {7, 8, 9, 10, 13}) {
      const auto run = [&](Network& network, const char* load_from, int64_t stop_at) {
        Generator order(3);
        if (load_from != nullptr) network.random.manual_seed(99);
        train::Trainer trainer(network.params, network.model(), train::cross_entropy(),
                               optim::Adam(network.params, 0.01),
                               {.metrics = {train::accuracy()},
                                .accumulate = 2,
                                .learning_rate = optim::cosine(0.01, {.steps = 20, .warmup = 3}),
                                .non_finite = policy,
                                .generator = &network.random});
        if (load_from != nullptr) trainer.load(load_from);
        if (load_from != nullptr) order.manual_seed(98);
        const data::Batches batches({data.x, data.y}, {.size = 5, .shuffle = true, .generator = &order});
        int64_t made = 0;
        const train::Callback stopper{.batch_end = [&](train::Trainer& self, const train::Step&) {
          if (++made == stop_at) self.stop();
        }};
        train::History history = trainer.fit(batches, {.epochs = 4, .callbacks = {stopper}});
        if (stop_at > 0) trainer.save("trainer_state.safetensors");
        if (stop_at > 0) CHECK(history.stopped);
        return history;
      };
      Network whole(true);
      const train::History expected = run(whole, nullptr, 0);
      Network first(true);
      run(first, nullptr, stop_after);
      Network second(true);
      const train::History rest = run(second, "trainer_state.safetensors", 0);
      std::remove("trainer_state.safetensors");
      check_same(whole.params, second.params);
      CHECK_EQUAL(rest.epochs.back(), 3);
      // Within an epoch too: the values are those of the whole epoch.
      for (const char* name : {"loss", "accuracy"}) {
        const size_t missing = expected[name].size() - rest[name].size();
        for (size_t i = 0; i < rest[name].size(); ++i) CHECK_EQUAL(rest[name][i], expected[name][missing + i]);
      }
    }
  }
}

TEST(a_stopped_fit_goes_on) {
  const Data data = make_data(23);
  Network whole(true);
  Network parts(true);
  Generator order(3);
  const data::Batches batches({data.x, data.y}, {.size = 5, .shuffle = true, .generator = &order});
  train::Trainer one(whole.params, whole.model(), mean_loss, optim::Adam(whole.params, 0.01));
  one.fit(batches, {.epochs = 2});
  order.manual_seed(3);
  train::Trainer other(parts.params, parts.model(), mean_loss, optim::Adam(parts.params, 0.01));
  int begun = 0;
  const train::FitOptions options{.epochs = 2,
                                  .callbacks = {{.epoch_begin = [&](train::Trainer&, int64_t) { ++begun; },
                                                 .batch_end =
                                                     [](train::Trainer& self, const train::Step& step) {
                                                       if (step.batch == 1) self.stop();
                                                     }}}};
  int fits = 0;
  while (other.fit(batches, options).stopped) ++fits;
  CHECK_EQUAL(fits, 2);
  CHECK_EQUAL(begun, 2);
  check_same(whole.params, parts.params);
}

namespace {

void check_steps_that_are_not_finite(bool compiled) {
  const Data data = make_data(12);
  const Tensor x = copy(data.x);
  x.data<double>()[4 * 5] = not_a_number;  // in the second batch of four
  const data::Batches batches({x, data.y}, {.size = 4});
  const auto run = [&](Network& network, train::NonFinite policy, int64_t accumulate, std::vector<std::string>& said) {
    train::Trainer trainer(
        network.params, network.model(), mean_loss, optim::Adam(network.params, 0.01),
        {.compile = compiled, .accumulate = accumulate, .non_finite = policy, .warn = [&](const std::string& message) {
           said.push_back(message);
         }});
    return trainer.fit(batches);
  };
  std::vector<std::string> said;
  Network network(true);
  run(network, train::NonFinite::ignore, 1, said);
  CHECK(said.empty());
  CHECK(std::isnan(network.params.find("hidden.weight")->data<double>()[0]));

  Network warned(true);
  run(warned, train::NonFinite::warn, 1, said);
  CHECK_EQUAL(said.size(), size_t{1});
  CHECK(said[0].find("epoch 1, batch 2: tensor 0 of the batch is not finite") != std::string::npos);

  Network stopped(true);
  const train::History ended = run(stopped, train::NonFinite::stop, 1, said);
  CHECK_EQUAL(said.size(), size_t{2});
  CHECK_EQUAL(ended.refused, 1);
  CHECK(ended.stopped && ended.epochs.empty());
  Network reference(true);
  train::Trainer by_hand(reference.params, reference.model(), mean_loss, optim::Adam(reference.params, 0.01));
  const data::Batch first = *batches.begin();
  by_hand.train_step(first);
  check_close(stopped.params, reference.params, 1e-12);

  for (const int64_t accumulate : {1, 2}) {
    Network skipped(true);
    const train::History went_on = run(skipped, train::NonFinite::skip, accumulate, said);
    CHECK_EQUAL(went_on.refused, accumulate);  // the group as a whole
    CHECK(!went_on.stopped && std::isfinite(went_on["loss"][0]));
    for (const auto& [name, tensor] : skipped.params.tensors) CHECK(all(isfinite(tensor.detach())).item() != 0);
    CHECK_EQUAL(skipped.params.find("norm.num_batches_tracked")->item_int(), accumulate == 1 ? 2 : 1);
  }
}

}  // namespace

TEST(steps_that_are_not_finite) {
  for (const bool compiled : {false, true}) check_steps_that_are_not_finite(compiled);
}

TEST(parameters_of_16_bits) {
  const Data data = make_data(8);
  const Tensor x = astype(data.x, DType::bfloat16);
  for (const bool compiled : {false, true}) {
    ParamSet params;
    nn::init_linear(params, "out", 4, 3, {.dtype = DType::bfloat16});
    const auto model = [&](const Tensor& inputs, bool) { return nn::linear(params, "out", inputs); };
    train::Trainer trainer(params, model, train::cross_entropy(), optim::Adam(params, 0.05),
                           {.compile = compiled, .accumulate = 2});
    const train::History history = trainer.fit(data::Batches({x, data.y}, {.size = 3}), {.epochs = 20});
    CHECK(history["loss"].back() < 0.8 * history["loss"].front());
  }
}

TEST(mixed_precision_and_frozen_parameters) {
  const Data data = make_data(8);
  const Tensor x = astype(data.x, DType::float32);
  for (const bool compiled : {false, true}) {
    ParamSet params;
    nn::init_linear(params, "hidden", 4, 16);
    nn::init_linear(params, "out", 16, 3);
    Tensor frozen = *params.find("hidden.weight");
    const Tensor before = copy(frozen.detach());
    const auto model = [&](const Tensor& inputs, bool) {
      const AutocastScope narrow(DType::bfloat16);
      return nn::linear(params, "out", relu(nn::linear(params, "hidden", inputs)));
    };
    const optim::Adam optimizer(params, 0.05);
    frozen.set_requires_grad(false);
    train::Trainer trainer(params, model, train::cross_entropy(), optimizer,
                           {.compile = compiled, .accumulate = 2, .non_finite = train::NonFinite::skip});
    const train::History history = trainer.fit(data::Batches({x, data.y}, {.size = 3}), {.epochs = 20});
    CHECK(history["loss"].back() < 0.8 * history["loss"].front());
    CHECK(same_bits(frozen, before));
    CHECK_EQUAL(trainer.predict(x).dtype(), DType::bfloat16);
  }
}

TEST(what_cannot_be_loaded_changes_nothing) {
  const Data data = make_data(8);
  Network network;
  train::Trainer trainer(network.params, network.model(), train::cross_entropy(), optim::Adam(network.params),
                         {.metrics = {train::accuracy()}});
  const data::Batches batches({data.x, data.y}, {.size = 3});
  trainer.fit(batches, {.epochs = 2});
  trainer.save("with_a_metric.safetensors");
  Network other;
  train::Trainer without(other.params, other.model(), train::cross_entropy(), optim::Adam(other.params));
  without.fit(batches);
  const ParamSet before = without.states();
  ParamSet values;
  for (const auto& [name, tensor] : other.params.tensors) values.tensors.emplace_back(name, copy(tensor.detach()));
  CHECK_THROWS(ValueError, "those of other metrics", without.load("with_a_metric.safetensors"));
  std::remove("with_a_metric.safetensors");
  check_same(before, without.states());
  check_same(values, other.params);
}

TEST(targets_that_do_not_fit_are_told_at_the_first_batch) {
  const Data data = make_data(8);
  Network network;
  const auto loss = [](const Tensor& output, const Tensor&) { return mean(square(output)); };
  train::Trainer trainer(network.params, network.model(), loss, optim::Adam(network.params),
                         {.metrics = {train::accuracy()}});
  const data::Batches batches({data.x, data.y + int64_t{7}}, {.size = 3});
  CHECK_THROWS(ValueError, "accuracy: expected targets that are decisions", trainer.fit(batches));
  CHECK_EQUAL(trainer.steps(), 1);
}

TEST(early_stopping_restores_the_best) {
  const Data data = make_data(12);
  Network network;
  const data::Batches batches({data.x, data.y}, {.size = 6});
  train::Trainer trainer(network.params, network.model(), mean_loss, optim::Sgd(network.params, 1e-3));
  // Values that are made up: 3 2 4 2.5.
  const double made_up[] = {3, 2, 4, 2.5, 1};
  std::vector<ParamSet> after;
  train::EarlyStopping stopping({.monitor = "loss", .patience = 2, .restore = network.params});
  const train::Callback look = stopping;
  const train::Callback pretend{.epoch_end = [&](train::Trainer& self, int64_t epoch, const train::Values&) {
    after.push_back({});
    for (const auto& [name, tensor] : network.params.tensors) {
      after.back().tensors.emplace_back(name, copy(tensor.detach()));
    }
    look.epoch_end(self, epoch, {{"loss", made_up[epoch]}});
  }};
  const train::History history = trainer.fit(batches, {.epochs = 5, .callbacks = {pretend}});
  CHECK(history.stopped);
  CHECK_EQUAL(history.epochs.size(), size_t{4});
  CHECK_EQUAL(stopping.best(), 2.0);
  CHECK_EQUAL(stopping.best_epoch(), 1);
  check_same(after[1], network.params);
  train::EarlyStopping again({.monitor = "loss", .restore = network.params});
  again.load_states(stopping.states());
  CHECK_EQUAL(again.best(), 2.0);
  check_same(again.states(), stopping.states());
}

TEST(data_of_other_kinds) {
  const Data data = make_data(10);
  Network network;
  train::Trainer trainer(network.params, network.model(), train::cross_entropy(), optim::Sgd(network.params, 0.1));
  const train::Source stream([&]() -> train::Source::Next {
    return [&data, next = 0]() mutable -> std::optional<data::Batch> {
      if (next == 2) return {};
      const int64_t start = 5 * next++;
      return data::Batch{{slice(data.x, {start, 0}, {5, 4}, {1, 1}), slice(data.y, {start}, {5}, {1})}, next - 1};
    };
  });
  const train::History history = trainer.fit(stream, {.epochs = 2, .validation = stream});
  CHECK_EQUAL(history["val_loss"].size(), size_t{2});
  CHECK_CLOSE(history["val_loss"][1], nn::cross_entropy(network(data.x, false), data.y).item(), 1e-12);
  CHECK_THROWS(ValueError, "there are loss, val_loss", history["accuracy"]);
}

TEST(a_trainer_leaves_nothing_behind) {
  const Data data = make_data(10);
  const auto run = [&] {
    Network network;
    train::Trainer trainer(network.params, network.model(), train::cross_entropy(), optim::Adam(network.params),
                           {.metrics = {train::accuracy()}, .accumulate = 2});
    trainer.fit(data::Batches({data.x, data.y}, {.size = 3}), {.epochs = 2});
  };
  run();
  const int64_t before = live_tensor_count();
  run();
  CHECK_EQUAL(live_tensor_count(), before);
}
