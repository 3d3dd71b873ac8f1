// Wrong calls of the trainer, metrics, schedules, L-BFGS and averages of weights.
#include <limits>

#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Setup {
  Setup() {
    nn::init_linear(params, "out", 2, 3);
    model = [this](const Tensor& x, bool) { return nn::linear(params, "out", x); };
  }
  train::Trainer trainer(train::TrainerOptions options = {}) const {
    return train::Trainer(params, model, train::cross_entropy(), optim::Sgd(params), std::move(options));
  }

  ParamSet params;
  std::function<Tensor(const Tensor&, bool)> model;
  Tensor x = ones({4, 2});
  Tensor y = zeros({4}, DType::int64);
};

}  // namespace

TEST(trainers) {
  const Setup setup;
  const ParamSet& params = setup.params;
  const optim::Sgd optimizer(params);
  const train::Loss loss = train::cross_entropy();
  ParamSet undefined_set = params;
  undefined_set.tensors.emplace_back("nothing", none);
  ParamSet others;
  nn::init_linear(others, "out", 2, 3);
  REFUSED(train::Trainer(params, std::function<Tensor(const Tensor&, bool)>(), loss, optimizer));
  REFUSED(train::Trainer(params, train::Model::Function(), loss, optimizer));
  REFUSED(train::Trainer(params, setup.model, train::Loss::OfOne(), optimizer));
  REFUSED(train::Trainer(params, setup.model, train::Loss::Function(), optimizer));
  REFUSED(train::Trainer(params, setup.model, train::Loss::Parts{}, optimizer));
  REFUSED(train::Trainer(undefined_set, setup.model, loss, optimizer));
  REFUSED(train::Trainer(others, setup.model, loss, optimizer));
  REFUSED(setup.trainer({.inputs = 0}));
  REFUSED(setup.trainer({.accumulate = 0}));
  REFUSED(setup.trainer({.metrics = {train::Metric{}}}));
  REFUSED(setup.trainer({.metrics = {train::accuracy(), train::accuracy()}}));
  REFUSED(setup.trainer({.program = {.without = {"nothing"}}}));

  train::Trainer trainer = setup.trainer();
  const train::Trainer moved = std::move(trainer);
  CHECK_EQUAL(trainer.epoch(), moved.epoch());  // NOLINT(bugprone-use-after-move)
  const Tensors few = {setup.x};
  const Tensors undefined = {setup.x, none};
  const Tensors scalars = {ones({}), ones({})};
  const Tensors misfit = {ones({4, 3}), setup.y};
  const Tensors uneven = {setup.x, zeros({3}, DType::int64)};
  for (const Tensors* batch : {&few, &undefined, &scalars, &misfit, &uneven}) {
    REFUSED(trainer.train_step(*batch));
    REFUSED(trainer.evaluate_step(*batch));
  }
  const Tensors good = {setup.x, setup.y};
  CHECK(trainer.train_step(good).updated);
  REFUSED(trainer.predict(none));
  REFUSED(trainer.predict(few, 0));
  REFUSED(trainer.predict(good));
  REFUSED(trainer.predict(ones({0, 2})));
  REFUSED(trainer.predict(std::span<const Tensor>()));
  const data::Batches no_samples({ones({0, 2}), zeros({0}, DType::int64)});
  REFUSED(trainer.fit(no_samples));
  REFUSED(trainer.evaluate(no_samples));
  const train::Source nothing(std::function<train::Source::Next()>{});
  const train::Source empty([]() -> train::Source::Next { return nullptr; });
  REFUSED(trainer.fit(nothing));
  REFUSED(trainer.fit(empty));
  REFUSED(trainer.evaluate(nothing));
  REFUSED(trainer.evaluate(empty));
  const data::Batches batches({setup.x, setup.y});
  REFUSED(trainer.fit(batches, {.epochs = 1, .validation = no_samples}));
  HARMLESS(trainer.fit(batches, {.epochs = -1}));
  REFUSED(train::History{}["loss"]);

  REFUSED(trainer.load_states({}));
  REFUSED(trainer.load_states(undefined_set));
  for (const auto& entry : trainer.states().tensors) {
    ParamSet changed = trainer.states();
    std::erase_if(changed.tensors, [&](const auto& other) { return other.first == entry.first; });
    REFUSED(trainer.load_states(changed));
    changed.tensors.emplace_back(entry.first, none);
    REFUSED(trainer.load_states(changed));
    changed.tensors.back().second = ones({7, 3});
    REFUSED(trainer.load_states(changed));
  }
  REFUSED(trainer.load("missing.safetensors"));
  REFUSED(trainer.save("/missing/folder/file"));
}

TEST(models_and_losses) {
  const Setup setup;
  const ParamSet& params = setup.params;
  const optim::Sgd optimizer(params);
  const Tensors batch = {setup.x, setup.y};
  const auto refuse = [&](const train::Model& model, const train::Loss& loss, train::TrainerOptions options = {}) {
    for (const bool compiled : {false, true}) {
      options.compile = compiled;
      train::Trainer trainer(params, model, loss, optimizer, options);
      REFUSED(trainer.train_step(batch));
    }
  };
  const train::Loss loss = train::cross_entropy();
  refuse([](const Tensor&, bool) { return none; }, loss);
  refuse([](std::span<const Tensor>, bool) { return Tensors{}; }, loss);
  refuse([](std::span<const Tensor>, bool) { return Tensors{none}; }, loss);
  refuse([&](std::span<const Tensor> x, bool) { return Tensors{setup.model(x[0], true), x[0]}; }, loss);
  refuse(setup.model, [](const Tensor&, const Tensor&) { return none; });
  refuse(setup.model, [](const Tensor& x, const Tensor&) { return sum(x.detach()); });
  refuse(setup.model, loss, {.inputs = 2, .targets = 0});
  refuse(setup.model, loss, {.sample_weights = true});
  train::Metric elsewhere = train::accuracy();
  elsewhere.output = 3;
  refuse(setup.model, loss, {.metrics = {elsewhere}});
  train::Metric undefined_sums{"x", [](const Tensor&, const Tensor&) { return none; },
                               [](std::span<const double>) { return 0.0; }};
  refuse(setup.model, loss, {.metrics = {undefined_sums}});
  undefined_sums.weighted_sums = [](const Tensor&, const Tensor&, const Tensor&) { return none; };
  REFUSED(setup.trainer({.metrics = {train::weighted(undefined_sums)}}));
  undefined_sums.weighted_sums = {};
  REFUSED(train::weighted(undefined_sums));
  undefined_sums.weighted = true;
  REFUSED(setup.trainer({.sample_weights = true, .metrics = {undefined_sums}}));

  REFUSED(train::cross_entropy({.reduction = Reduction::sum}));
  REFUSED(train::weighted_sum({}));
  REFUSED(train::weighted_sum({{.loss = train::Loss::Parts{}}}));
  REFUSED(train::loss_metric("x", train::Loss::Parts{}));
  refuse(setup.model, train::weighted_sum({{.loss = loss, .output = 1}}));
  refuse(setup.model, train::weighted_sum({{.loss = loss, .target = 1}}));

  const auto weigh = [&](const train::Loss& own, const Tensor& weights) {
    train::Trainer trainer(params, setup.model, own, optimizer, {.sample_weights = true});
    const Tensors weighted = {setup.x, setup.y, weights};
    return trainer.train_step(weighted).loss;
  };
  const auto mean_alone = [](const Tensor& x, const Tensor& y) { return nn::cross_entropy(x, y); };
  CHECK_THROWS(ValueError, "need a loss for each of the 4 samples", weigh(mean_alone, ones({4})));
  CHECK_THROWS(ValueError, "undefined tensor", weigh(loss, none));
  CHECK_THROWS(ValueError, "expected sample weights of shape (4,)", weigh(loss, ones({3})));
  HARMLESS(weigh(loss, zeros({4})));

  REFUSED(train::EarlyStopping({.patience = -1}));
  REFUSED(train::EarlyStopping({.least_change = not_a_number}));
  ParamSet undefined_set;
  undefined_set.tensors.emplace_back("nothing", none);
  REFUSED(train::EarlyStopping({.restore = undefined_set}));
  train::EarlyStopping stopping({.monitor = "nothing"});
  REFUSED(stopping.load_states({}));
  REFUSED(stopping.load_states(undefined_set));
  train::Trainer trainer = setup.trainer();
  REFUSED(trainer.fit(data::Batches({setup.x, setup.y}), {.epochs = 1, .callbacks = {stopping}}));
}

TEST(metrics) {
  const Tensor labels = zeros({4}, DType::int64);
  REFUSED(train::Meter(train::Metric{}));
  REFUSED(train::top_k_accuracy(0));
  for (const train::Metric& metric :
       {train::accuracy(), train::top_k_accuracy(2), train::precision(), train::recall(), train::f1(),
        train::mean_absolute_error(), train::mean_squared_error(), train::root_mean_squared_error(), train::r2()}) {
    train::Meter meter(metric);
    REFUSED(meter.update(none, labels));
    REFUSED(meter.update(ones({4, 2}), none));
    REFUSED(meter.update(ones({4, 2}), zeros({3}, DType::int64)));
    HARMLESS(meter.update(ones({}), zeros({}, DType::int64)));
    REFUSED(meter.update(ones({4, 2}), labels, none));
    REFUSED(meter.update(ones({4, 2}), labels, ones({3})));
    REFUSED(meter.update(ones({4, 2}), labels, ones({4, 1})));
  }
  REFUSED(train::Meter(train::loss_metric("loss", train::cross_entropy())).update(ones({4, 2}), labels, ones({4})));
  train::Meter meter(train::accuracy());
  REFUSED(meter.add(none));
  REFUSED(meter.add(ones({})));
  meter.add(ones({3}));
  REFUSED(meter.add(ones({2})));
  REFUSED(train::confusion_matrix(none, labels));
  REFUSED(train::confusion_matrix(ones({4, 2}), none));
  REFUSED(train::confusion_matrix(ones({}), ones({})));
  REFUSED(train::confusion_matrix(ones({4, 2}), zeros({3}, DType::int64)));
}

TEST(schedules) {
  REFUSED(optim::step_decay(-1, 2));
  REFUSED(optim::step_decay(1, 0));
  REFUSED(optim::step_decay(1, 1, not_a_number));
  REFUSED(optim::multi_step_decay(not_a_number, {1}));
  REFUSED(optim::multi_step_decay(1, {2, 1}));
  REFUSED(optim::exponential_decay(-1, 0.5));
  REFUSED(optim::exponential_decay(1, not_a_number));
  REFUSED(optim::linear(1, 0));
  REFUSED(optim::linear(1, 5, -1));
  REFUSED(optim::linear(1, 5, 1, not_a_number));
  REFUSED(optim::polynomial(1, 0));
  REFUSED(optim::polynomial(1, 5, -1));
  REFUSED(optim::cosine(1, {.steps = 0}));
  REFUSED(optim::cosine(1, {.steps = 5, .warmup = 5}));
  REFUSED(optim::cosine(1, {.steps = 5, .warmup = -1}));
  REFUSED(optim::cosine(1, {.steps = 5, .least = -1}));
  REFUSED(optim::cosine_restarts(1, {.steps = 0}));
  REFUSED(optim::cosine_restarts(1, {.steps = 1, .factor = 0}));
  REFUSED(optim::one_cycle(1, {.steps = 0}));
  REFUSED(optim::one_cycle(1, {.steps = 5, .rise = 2}));
  REFUSED(optim::one_cycle(1, {.steps = 5, .first_divisor = 0}));
  REFUSED(optim::in_sequence({}, {}));
  REFUSED(optim::in_sequence({nullptr}, {}));
  REFUSED(optim::in_sequence({optim::linear(1, 5)}, {3}));
  REFUSED(optim::Plateau({.factor = 1}));
  REFUSED(optim::Plateau({.factor = not_a_number}));
  REFUSED(optim::Plateau({.patience = -1}));
  REFUSED(optim::Plateau({.threshold = -1}));
  REFUSED(optim::Plateau({.cooldown = -1}));
  REFUSED(optim::Plateau({.least = -1}));
  REFUSED(optim::Plateau({.least_change = not_a_number}));
  optim::Plateau plateau;
  REFUSED(plateau.load_states({}));
  HARMLESS(plateau.next(1, not_a_number));
  for (const optim::Schedule& schedule :
       {optim::one_cycle(1, {.steps = 1}), optim::one_cycle(1, {.steps = 3, .rise = 0}),
        optim::one_cycle(1, {.steps = 3, .rise = 1, .three_phases = true}), optim::cosine(1, {.steps = 1})}) {
    for (int64_t step = 0; step < 9; ++step) CHECK(schedule(step) >= 0 && schedule(step) <= 1);
  }
}

TEST(lbfgs_and_averages) {
  Tensor x = ones({2});
  x.set_requires_grad(true);
  ParamSet undefined_set;
  undefined_set.tensors.emplace_back("x", none);
  REFUSED(optim::Lbfgs(ParamSet{}));
  REFUSED(optim::Lbfgs(undefined_set));
  REFUSED(optim::Lbfgs(Tensors{none}));
  REFUSED(optim::Lbfgs(Tensors{x, x}));
  REFUSED(optim::Lbfgs(Tensors{zeros({2}, DType::int64)}));
  REFUSED(optim::Lbfgs({x}, {.lr = -1}));
  REFUSED(optim::Lbfgs({x}, {.iterations = 0}));
  REFUSED(optim::Lbfgs({x}, {.calls = 0}));
  REFUSED(optim::Lbfgs({x}, {.gradient_tolerance = not_a_number}));
  REFUSED(optim::Lbfgs({x}, {.change_tolerance = -1}));
  REFUSED(optim::Lbfgs({x}, {.history = 0}));
  REFUSED(optim::Lbfgs({x}, {.clipping = {.norm = 1, .value = 1}}));
  optim::Lbfgs optimizer({x});
  const optim::Lbfgs moved = std::move(optimizer);
  CHECK_EQUAL(optimizer.lr(), moved.lr());  // NOLINT(bugprone-use-after-move)
  REFUSED(optimizer.step(nullptr));
  REFUSED(optimizer.step([] { return none; }));
  REFUSED(optimizer.step([] { return ones({2}); }));
  HARMLESS(optimizer.step([] { return ones({}); }));
  REFUSED(optimizer.set_lr(-1));
  REFUSED(optimizer.load_states({}));
  REFUSED(optimizer.load_states(undefined_set));

  REFUSED(optim::WeightAverage(ParamSet{}));
  REFUSED(optim::WeightAverage(undefined_set));
  ParamSet params;
  nn::add_parameter(params, "x", ones({2}));
  REFUSED(optim::WeightAverage(params, {.decay = 1}));
  REFUSED(optim::WeightAverage(params, {.decay = not_a_number}));
  optim::WeightAverage average(params);
  REFUSED(average.load_states({}));
  REFUSED(average.load_states(undefined_set));
}
