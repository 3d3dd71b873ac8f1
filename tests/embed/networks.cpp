// Steps of a convolutional and of a recurrent network: with the perceptron, what programs of moderate size call.
#include <pydl/pydl.h>

#include <array>
#include <cmath>
#include <iostream>
#include <vector>

using pydl::Tensor;

namespace {

Tensor parameter(const pydl::Dims& shape) { return pydl::nn::xavier_uniform(shape).set_requires_grad(true); }

// Losses before and after a few steps of plain SGD.
template <class Loss>
std::array<double, 2> descend(const std::vector<Tensor>& parameters, Loss loss) {
  const Tensor step = pydl::zeros({}, pydl::DType::int64);
  const Tensor lr = pydl::full({}, 0.1, pydl::DType::float64);
  const double before = loss().item();
  for (int i = 0; i < 5; ++i) {
    const std::vector<Tensor> gradients = pydl::grad(std::vector{loss()}, parameters);
    pydl::optim::sgd_update(step, parameters, {}, gradients, lr, {});
  }
  return {before, loss().item()};
}

std::array<double, 2> train_cnn() {
  const Tensor x = pydl::normal({8, 1, 12, 12}), y = pydl::randint(0, 3, {8});
  const Tensor kernel = parameter({4, 1, 3, 3}), weight = parameter({3, 4 * 25});
  return descend({kernel, weight}, [&] {
    const Tensor pooled = pydl::max_pool(pydl::relu(pydl::conv(x, kernel)), {.kernel = {2, 2}});
    return pydl::nn::cross_entropy(pydl::linear(pydl::reshape(pooled, {8, -1}), weight), y);
  });
}

std::array<double, 2> train_lstm() {
  const Tensor x = pydl::normal({6, 8, 2}), y = pydl::normal({8, 5});
  const Tensor state = pydl::zeros({1, 8, 5});
  const std::vector<pydl::RecurrentWeights> weights{{.w_ih = parameter({20, 2}), .w_hh = parameter({20, 5})}};
  return descend({weights[0].w_ih, weights[0].w_hh},
                 [&] { return pydl::nn::mse_loss(pydl::squeeze(pydl::nn::lstm(x, state, state, weights).h), y); });
}

}  // namespace

int main() {
  for (const auto& [before, after] : {train_cnn(), train_lstm()}) {
    std::cout << "loss " << before << " -> " << after << "\n";
    if (!(after < before)) return 1;
  }
  return 0;
}
