// Trains an MLP on handwritten digits with C++ alone: digits DATA [EPOCHS]. `python data.py DATA` writes the data.
#include <cstdlib>
#include <iostream>

#include <pydl/autograd.h>
#include <pydl/compile.h>
#include <pydl/data.h>
#include <pydl/layers.h>
#include <pydl/params.h>

using namespace pydl;

namespace {

Tensor logits(const ParamSet& params, const Tensor& images) {
  return nn::linear(params, "out", relu(nn::linear(params, "hidden", images)));
}

double accuracy(const ParamSet& params, const Tensor& images, const Tensor& labels) {
  const GradMode without_history(false);
  return mean(astype(equal(argmax(logits(params, images), 1), labels), DType::float32)).item();
}

int run(const std::string& path, int epochs) {
  const ParamSet data = load_params(path);
  const auto part = [&](const char* name) { return nn::parameter(data, name); };

  Generator generator(0);
  ParamSet params;
  nn::init_linear(params, "hidden", part("train.images").size(1), 128, {}, generator);
  nn::init_linear(params, "out", 128, 10, {}, generator);
  optim::Adam optimizer(params, 1e-3);

  // One training step is one program: traced at the first batch, a single call from then on.
  const CompiledFunction step = compile(
      [&](std::span<const Tensor> batch) -> std::vector<Tensor> {
        const Tensor loss = nn::cross_entropy(logits(params, batch[0]), batch[1]);
        loss.backward();
        optimizer.step();
        optimizer.zero_grad();
        return {loss.detach()};
      },
      {.states = {params, optimizer}});

  const data::Batches batches({part("train.images"), part("train.labels")},
                              {.size = 64, .shuffle = true, .generator = &generator});
  for (int epoch = 0; epoch < epochs; ++epoch) {
    double sum = 0;
    for (const data::Batch& batch : batches) sum += step(batch)[0].item() * static_cast<double>(batch.size());
    std::cout << "epoch " << epoch + 1 << ": loss " << sum / static_cast<double>(batches.sample_count())
              << ", test accuracy " << accuracy(params, part("test.images"), part("test.labels")) << std::endl;
  }
  save_params("digits.safetensors", params);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: digits DATA [EPOCHS]\n";
    return 2;
  }
  try {
    return run(argv[1], argc > 2 ? std::atoi(argv[2]) : 5);
  } catch (const pydl::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
