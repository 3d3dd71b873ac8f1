// What tests/train/test_cpp_trainer.py computes in Python, by the trainer of C++.
//
//   trainer_parity FOLDER fit eager|compiled    an MLP: parameters before and after, losses and metrics of each epoch
//   trainer_parity FOLDER lbfgs search|steps    parameters and the losses of each step
//   trainer_parity FOLDER schedules             rates by the name of the schedule
#include <cstdio>
#include <string_view>

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/lbfgs.h"
#include "pydl/trainer.h"

using namespace pydl;

namespace {

void write(const std::string& folder, const char* name, const ParamSet& values) {
  save_params(folder + "/" + name + ".safetensors", values);
}

Tensor list_of(const std::vector<double>& values) {
  return Tensor::from_values<double>(values, {static_cast<int64_t>(values.size())});
}

struct Data {
  Tensor x;
  Tensor y;
};

Data make_data() {
  Generator generator(9);
  const Tensor x = normal({47, 4}, 0, 1, DType::float32, generator);
  return {x, randint(0, 3, {47}, DType::int64, generator)};
}

ParamSet make_parameters() {
  default_generator().manual_seed(3);
  ParamSet params;
  nn::init_linear(params, "0", 4, 8);
  nn::init_linear(params, "3", 8, 3);
  return params;
}

void fit(const std::string& folder, bool compiled) {
  const Data data = make_data();
  const ParamSet params = make_parameters();
  write(folder, "initial", params);
  const auto model = [&](const Tensor& x, bool training) {
    return nn::linear(params, "3", dropout(relu(nn::linear(params, "0", x)), 0.3, training));
  };
  train::Trainer trainer(params, model, train::cross_entropy(), optim::Adam(params),
                         {.metrics = {train::accuracy()},
                          .compile = compiled,
                          .learning_rate = optim::cosine(0.01, {.steps = 18, .warmup = 4})});
  Generator order(4);
  const data::Batches batches({data.x, data.y}, {.size = 10, .shuffle = true, .generator = &order});
  const train::History history =
      trainer.fit(batches, {.epochs = 4, .validation = data::Batches({data.x, data.y}, {.size = 10})});
  write(folder, "trained", params);
  ParamSet values;
  for (const auto& [name, list] : history.values) values.tensors.emplace_back(name, list_of(list));
  write(folder, "history", values);
}

void lbfgs(const std::string& folder, bool search) {
  const Data data = make_data();
  const ParamSet params = make_parameters();
  optim::Lbfgs optimizer(params, {.lr = 0.5, .iterations = 6, .history = 3, .line_search = search});
  std::vector<double> losses;
  for (int i = 0; i < 4; ++i) {
    losses.push_back(optimizer.step([&] {
      optimizer.zero_grad();
      const Tensor logits = nn::linear(params, "3", relu(nn::linear(params, "0", data.x)));
      const Tensor loss = nn::cross_entropy(logits, data.y);
      loss.backward();
      return loss;
    }));
  }
  write(folder, "trained", params);
  write(folder, "history", {{{"loss", list_of(losses)}}, {}});
}

void schedules(const std::string& folder) {
  const std::pair<const char*, optim::Schedule> all[] = {
      {"step", optim::step_decay(0.5, 3, 0.3)},
      {"multi_step", optim::multi_step_decay(0.5, {2, 5, 5, 11}, 0.3)},
      {"exponential", optim::exponential_decay(0.5, 0.9)},
      {"linear", optim::linear(0.5, 7, 0.2, 0.9)},
      {"polynomial", optim::polynomial(0.5, 9, 1.7)},
      {"cosine", optim::cosine(0.5, {.steps = 15, .warmup = 4, .least = 0.01, .warmup_start = 0.1})},
      {"plain_cosine", optim::cosine(0.5, {.steps = 15})},
      {"restarts", optim::cosine_restarts(0.5, {.steps = 3, .factor = 2, .least = 0.02})},
      {"even_restarts", optim::cosine_restarts(0.5, {.steps = 4})},
      {"one_cycle", optim::one_cycle(0.5, {.steps = 20})},
      {"three_phases", optim::one_cycle(0.5, {.steps = 20, .rise = 0.4, .linear = true, .three_phases = true})},
      {"sequence", optim::in_sequence({optim::linear(0.5, 4, 0.1), optim::exponential_decay(0.5, 0.8)}, {4})}};
  ParamSet rates;
  for (const auto& [name, schedule] : all) {
    std::vector<double> list;
    for (int64_t step = 0; step < 20; ++step) list.push_back(schedule(step));
    rates.tensors.emplace_back(name, list_of(list));
  }
  write(folder, "rates", rates);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[2] : "";
  const std::string_view how = argc > 3 ? argv[3] : "";
  try {
    if (what == "fit") {
      fit(argv[1], how == "compiled");
    } else if (what == "lbfgs") {
      lbfgs(argv[1], how == "search");
    } else if (what == "schedules") {
      schedules(argv[1]);
    } else {
      std::fprintf(stderr, "trainer_parity: expected a folder and fit, lbfgs or schedules\n");
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "trainer_parity: %s\n", error.what());
    return 1;
  }
  return 0;
}
