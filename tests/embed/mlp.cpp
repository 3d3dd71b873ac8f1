// A perceptron with one hidden layer learns "exclusive or"; its parameters go through a file; a program predicts.
#include <pydl/pydl.h>

#include <cstdio>
#include <iostream>
#include <vector>

using pydl::DType;
using pydl::Tensor;

namespace {

struct Network {
  std::vector<Tensor> parameters;

  Tensor operator()(const Tensor& x) const {
    return pydl::linear(pydl::tanh(pydl::linear(x, parameters[0], parameters[1])), parameters[2], parameters[3]);
  }
};

Network make_network() {
  pydl::default_generator().manual_seed(1);
  Network network{
      {pydl::nn::xavier_uniform({8, 2}), pydl::zeros({8}), pydl::nn::xavier_uniform({1, 8}), pydl::zeros({1})}};
  for (Tensor& parameter : network.parameters) parameter.set_requires_grad(true);
  return network;
}

double train(const Network& network, const Tensor& x, const Tensor& y) {
  std::vector<Tensor> first, second;
  for (const Tensor& parameter : network.parameters) {
    first.push_back(pydl::zeros(parameter.shape()));
    second.push_back(pydl::zeros(parameter.shape()));
  }
  const Tensor step = pydl::zeros({}, DType::int64);
  const Tensor lr = pydl::full({}, 0.05, DType::float64);
  double last = 0;
  for (int i = 0; i < 300; ++i) {
    const Tensor loss = pydl::nn::mse_loss(network(x), y);
    const std::vector<Tensor> gradients = pydl::grad(std::vector{loss}, network.parameters);
    pydl::optim::adam_update(step, network.parameters, first, second, gradients, lr, {});
    last = loss.item();
  }
  return last;
}

Network through_a_file(const Network& network, const char* path) {
  pydl::ParamSet saved;
  for (size_t i = 0; i < network.parameters.size(); ++i) {
    saved.tensors.emplace_back("parameter" + std::to_string(i), network.parameters[i]);
  }
  pydl::save_params(path, saved);
  Network loaded;
  for (const auto& [name, tensor] : pydl::load_params(path).tensors) loaded.parameters.push_back(tensor);
  std::remove(path);
  return loaded;
}

Tensor predict_compiled(const Network& network, const Tensor& x) {
  pydl::GradMode without_gradients(false);
  pydl::Trace trace;
  const Tensor argument = trace.argument(x);
  for (size_t i = 0; i < network.parameters.size(); ++i) {
    trace.state(network.parameters[i], "parameter" + std::to_string(i));
  }
  trace.start();
  const std::vector<Tensor> outputs{network(argument)};
  return trace.finish(outputs).run(std::vector{x})[0];
}

// Types of exceptions are those of the library, whatever it is linked as.
bool catches_errors() {
  try {
    pydl::add(pydl::zeros({2}), pydl::zeros({3}));
  } catch (const pydl::ValueError& error) {
    return std::string(error.what()).find("(2,)") != std::string::npos;
  }
  return false;
}

}  // namespace

int main() {
  const std::vector<float> inputs{0, 0, 0, 1, 1, 0, 1, 1}, targets{0, 1, 1, 0};
  const Tensor x = Tensor::from_values<float>(inputs, {4, 2});
  const Tensor y = Tensor::from_values<float>(targets, {4, 1});
  const Network network = make_network();
  const double loss = train(network, x, y);
  const Tensor predicted = predict_compiled(through_a_file(network, "embed_mlp.safetensors"), x);
  std::cout << "pydl " << pydl::version() << ": loss " << loss << ", " << pydl::to_string(predicted) << "\n";
  const bool learnt = loss < 1e-2 && pydl::all(pydl::equal(pydl::round(predicted), y)).item() == 1;
  return learnt && catches_errors() ? 0 : 1;
}
