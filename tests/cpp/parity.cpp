// Trains networks as tests/train/test_cpp_parity.py does in Python, and writes what came of it.
//
//   parity FOLDER convolutional|recurrent eager|compiled [OPTIMIZER]
//
// FOLDER gets the parameters at first and after training, and the state of the optimiser. Where python.safetensors and
// python_optimizer.safetensors lie there, the training that they come from is continued.
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "pydl/compile.h"
#include "pydl/data.h"
#include "pydl/layers.h"
#include "pydl/optimizer.h"

using namespace pydl;

namespace {

struct Network {
  ParamSet params;
  std::function<Tensor(const Tensor& x)> logits;
  Tensor x;
  Tensor y;
  std::optional<optim::Optimizer> optimizer;
};

void make_convolutional(Network& network) {
  ParamSet& params = network.params;
  nn::init_conv(params, "conv", 2, 8, {3, 3});
  nn::init_batch_norm(params, "norm", 8);
  nn::init_conv_transpose(params, "up", 8, 4, {2, 2}, {.groups = 2});
  nn::init_linear(params, "out", 4 * 64, 3);
  network.logits = [&params](const Tensor& x) {
    const Tensor h = nn::conv(params, "conv", x, nn::same_padding({3, 3}));
    const Tensor pooled = max_pool(relu(nn::batch_norm(params, "norm", h, {.training = true})), {.kernel = {2, 2}});
    const Tensor up = nn::conv_transpose(params, "up", pooled, {.stride = {2, 2}, .groups = 2});
    return nn::linear(params, "out", reshape(relu(up), {x.size(0), -1}));
  };
  Generator generator(9);
  network.x = normal({24, 2, 8, 8}, 0, 1, DType::float32, generator);
  network.y = randint(0, 3, {24}, DType::int64, generator);
  network.optimizer = optim::Sgd(params, 0.05, {.momentum = 0.9, .weight_decay = 0.01});
}

void make_recurrent(Network& network) {
  ParamSet& params = network.params;
  nn::init_embedding(params, "words", 7, 6, 0);
  nn::init_lstm(params, "lstm", 6, 5, {.layers = 2, .bidirectional = true});
  nn::init_layer_norm(params, "norm", {10});
  nn::init_gru(params, "gru", 10, 4);
  nn::init_linear(params, "out", 4, 3);
  network.logits = [&params](const Tensor& x) {
    const Tensor words = nn::embedding(params, "words", x, 0);
    const Tensor steps = nn::lstm(params, "lstm", words, {.batch_first = true}).output;
    const RecurrentStates last = nn::gru(params, "gru", nn::layer_norm(params, "norm", steps), {.batch_first = true});
    return nn::linear(params, "out", reshape(last.h, {x.size(0), 4}));
  };
  Generator generator(9);
  network.x = randint(0, 7, {24, 5}, DType::int64, generator);
  network.y = randint(0, 3, {24}, DType::int64, generator);
  network.optimizer = optim::Adam(params, 0.01);
}

// An optimiser by the name of its update, with its default options.
optim::Optimizer make_optimizer(std::string_view name, const ParamSet& params) {
  if (name == "adagrad") return optim::Adagrad(params);
  if (name == "adadelta") return optim::Adadelta(params);
  if (name == "adamax") return optim::Adamax(params);
  if (name == "nadam") return optim::Nadam(params);
  if (name == "radam") return optim::Radam(params);
  if (name == "rprop") return optim::Rprop(params);
  if (name == "lion") return optim::Lion(params);
  if (name == "lamb") return optim::Lamb(params);
  if (name == "sgd") return optim::Sgd(params, 0.01, {.weight_decay = 0.1, .decoupled = true, .maximize = true});
  if (name == "rmsprop") return optim::RmsProp(params, 0.01, {.momentum = 0.5, .centered = true});
  if (name == "adam") {
    optim::Adam clipped(params, 0.001, {.amsgrad = true});
    clipped.set_clipping({.norm = 0.01});
    return clipped;
  }
  std::vector<Tensor> matrices;
  for (const auto& entry : params.tensors) {
    if (entry.second.shape().rank() == 2) matrices.push_back(entry.second);
  }
  return optim::Muon(matrices);
}

// Two epochs of two batches.
void train(Network& network, bool compiled) {
  optim::Optimizer& optimizer = *network.optimizer;
  const TensorFunction step = [&](std::span<const Tensor> batch) -> std::vector<Tensor> {
    const Tensor loss = nn::cross_entropy(network.logits(batch[0]), batch[1]);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    return {loss.detach()};
  };
  const CompiledFunction program = compile(step, {.states = {network.params, optimizer}});
  Generator order(4);
  const data::Batches batches({network.x, network.y},
                              {.size = 10, .shuffle = true, .drop_last = true, .generator = &order});
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (const data::Batch& batch : batches) compiled ? program(batch) : step(batch);
  }
}

void run(const std::filesystem::path& folder, bool recurrent, bool compiled, const char* optimizer) {
  default_generator().manual_seed(3);
  Network network;
  recurrent ? make_recurrent(network) : make_convolutional(network);
  if (optimizer != nullptr) network.optimizer = make_optimizer(optimizer, network.params);
  save_params(folder / "initial.safetensors", network.params);
  train(network, compiled);
  save_params(folder / "trained.safetensors", network.params);
  save_params(folder / "optimizer.safetensors", network.optimizer->states());
  if (!std::filesystem::exists(folder / "python.safetensors")) return;
  nn::load_values(network.params, load_params(folder / "python.safetensors"));
  network.optimizer->load_states(load_params(folder / "python_optimizer.safetensors"));
  train(network, compiled);
  save_params(folder / "continued.safetensors", network.params);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    std::fprintf(stderr, "parity: expected a folder, a network, a mode and perhaps an optimiser\n");
    return 2;
  }
  try {
    run(argv[1], std::string_view(argv[2]) == "recurrent", std::string_view(argv[3]) == "compiled",
        argc == 5 ? argv[4] : nullptr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "parity: %s\n", error.what());
    return 1;
  }
  return 0;
}
