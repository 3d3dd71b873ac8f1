// Trains an MLP on handwritten digits with C++ alone: digits DATA [EPOCHS]. `python data.py DATA` writes the data.
//
// The state of the training is saved after each epoch, so that a run that was stopped goes on where it was: the result
// has the same bits.
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <pydl/data.h>
#include <pydl/layers.h>
#include <pydl/params.h>
#include <pydl/trainer.h>

using namespace pydl;

namespace {

constexpr const char* state_file = "training.safetensors";

Tensor network(const ParamSet& params, const Tensor& images, bool training) {
  return nn::linear(params, "out", dropout(relu(nn::linear(params, "hidden", images)), 0.2, training));
}

int run(const std::string& path, int epochs) {
  const ParamSet data = load_params(path);
  const auto part = [&](const char* name) { return nn::parameter(data, name); };
  default_generator().manual_seed(0);

  ParamSet params;
  nn::init_linear(params, "hidden", part("train.images").size(1), 128);
  nn::init_linear(params, "out", 128, 10);
  const data::Batches batches({part("train.images"), part("train.labels")}, {.size = 64, .shuffle = true});
  const data::Batches test({part("test.images"), part("test.labels")}, {.size = 500});

  // One training step is one program: traced at the first batch, a single call from then on.
  const optim::CosineOptions course{.steps = epochs * batches.count(), .warmup = batches.count() / 2};
  train::Trainer trainer(params, [&](const Tensor& images, bool training) { return network(params, images, training); },
                         train::cross_entropy(), optim::Adam(params),
                         {.metrics = {train::accuracy()}, .learning_rate = optim::cosine(2e-3, course)});
  if (std::filesystem::exists(state_file)) trainer.load(state_file);

  const train::Callback report{.epoch_end = [](train::Trainer& self, int64_t epoch, const train::Values& values) {
    std::cout << "epoch " << epoch + 1 << ": loss " << values.at("loss") << ", test accuracy "
              << values.at("val_accuracy") << std::endl;
    self.save(state_file);
  }};
  trainer.fit(batches, {.epochs = epochs, .validation = test, .callbacks = {report}});

  std::filesystem::remove(state_file);
  save_params("digits.safetensors", params);
  const Tensor wrong = train::confusion_matrix(trainer.predict(part("test.images")), part("test.labels"));
  std::cout << "how often a 4 was taken for a 9: " << wrong.data<double>()[4 * 10 + 9] << std::endl;
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
