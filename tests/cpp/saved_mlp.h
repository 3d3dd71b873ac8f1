// A small network with its training step, to be saved.
#pragma once

#include <optional>

#include "pydl/autograd.h"
#include "pydl/layers.h"
#include "pydl/save_program.h"

namespace saved_mlp {

using namespace pydl;

struct Mlp {
  explicit Mlp(uint64_t seed) : generator(seed) {
    nn::init_linear(params, "hidden", 4, 16, {}, generator);
    nn::init_linear(params, "out", 16, 3, {}, generator);
    optimizer.emplace(params, 0.02);
  }

  Tensor logits(const Tensor& x, bool training) {
    return nn::linear(params, "out", dropout(relu(nn::linear(params, "hidden", x)), 0.2, training, generator));
  }

  std::vector<FunctionToSave> functions(int64_t batch) {
    const Tensor x = zeros({batch, 4});
    return {{.name = "predict",
             .function = [this](std::span<const Tensor> in) -> std::vector<Tensor> {
               const GradMode mode(false);
               return {softmax(logits(in[0], false), 1)};
             },
             .example_inputs = {x},
             .states = {params},
             .inputs = {"x"},
             .outputs = {"probabilities"}},
            {.name = "train",
             .function = [this](std::span<const Tensor> in) { return step(in); },
             .example_inputs = {x, zeros({batch}, DType::int64)},
             .states = {params, *optimizer},
             .inputs = {"x", "target"},
             .outputs = {"loss"}}};
  }

  std::vector<Tensor> step(std::span<const Tensor> in) {
    const Tensor loss = nn::cross_entropy(logits(in[0], true), in[1]);
    loss.backward();
    optimizer->step();
    optimizer->zero_grad();
    return {loss.detach()};
  }

  ParamSet params;
  Generator generator;
  std::optional<optim::Adam> optimizer;
};

}  // namespace saved_mlp
