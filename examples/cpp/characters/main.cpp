// Writes text, character by character, as an LSTM learnt it: characters PROGRAM [PROMPT [LENGTH [TEMPERATURE [SEED]]]].
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <random>

#include <pydl/ops.h>
#include <pydl/saved_program.h>

using namespace pydl;

namespace {

struct Options {
  std::string prompt = "The ";
  int length = 400;
  double temperature = 0.7;
  unsigned seed = 0;
};

// The program's characters (its class names), and the state of the network while it writes.
class Writer {
 public:
  explicit Writer(const std::string& path)
      : saved_(SavedProgram::load(path)), program_(saved_.program("step", 1)), context_(program_->make_context()) {
    for (const TensorInfo& input : saved_.function("step").inputs) {
      Dims shape = input.shape;
      for (int64_t& size : shape) size = size < 0 ? 1 : size;  // a batch of one
      inputs_.push_back(zeros(shape, input.dtype));
    }
  }

  // Reads a character; scores of those that may follow.
  const Tensor& read(int64_t character) {
    *inputs_[0].data<int64_t>() = character;
    results_ = program_->run(context_, inputs_);
    for (size_t i = 1; i < inputs_.size(); ++i) assign(inputs_[i], results_[i]);
    return results_[0];
  }

  const std::vector<std::string>& characters() const { return saved_.info().class_names; }

  int64_t number_of(char character) const {
    for (size_t i = 0; i < characters().size(); ++i) {
      if (characters()[i] == std::string(1, character)) return static_cast<int64_t>(i);
    }
    return 0;
  }

 private:
  SavedProgram saved_;
  std::shared_ptr<Program> program_;
  ProgramContext context_;
  std::vector<Tensor> inputs_;
  std::span<const Tensor> results_;
};

int64_t draw(const Tensor& logits, double temperature, std::mt19937& random) {
  const float* scores = logits.data<float>();
  const auto count = static_cast<size_t>(logits.size());
  const float most = *std::max_element(scores, scores + count);
  std::vector<double> weights(count);
  for (size_t i = 0; i < count; ++i) weights[i] = std::exp(static_cast<double>(scores[i] - most) / temperature);
  return std::discrete_distribution<int64_t>(weights.begin(), weights.end())(random);
}

int run(const std::string& path, const Options& options) {
  Writer writer(path);
  std::mt19937 random(options.seed);
  Tensor logits;
  for (const char character : options.prompt) logits = writer.read(writer.number_of(character));
  std::cout << options.prompt;
  for (int i = 0; i < options.length && logits.defined(); ++i) {
    const int64_t next = draw(logits, options.temperature, random);
    std::cout << writer.characters()[static_cast<size_t>(next)];
    logits = writer.read(next);
  }
  std::cout << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: characters PROGRAM [PROMPT [LENGTH [TEMPERATURE [SEED]]]]\n";
    return 2;
  }
  Options options;
  if (argc > 2) options.prompt = argv[2];
  if (argc > 3) options.length = std::atoi(argv[3]);
  if (argc > 4) options.temperature = std::max(std::atof(argv[4]), 1e-3);
  if (argc > 5) options.seed = static_cast<unsigned>(std::atol(argv[5]));
  try {
    return run(argv[1], options);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
