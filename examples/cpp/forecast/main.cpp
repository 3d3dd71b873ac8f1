// Forecasts a series number by number: forecast PROGRAM [SERIES]. Reads one number per line, from a file or the
// standard input, and writes what the LSTM expects to come next. The loop asks for no memory.
#include <fstream>
#include <iostream>

#include <pydl/ops.h>
#include <pydl/saved_program.h>

using namespace pydl;

namespace {

int run(const std::string& path, std::istream& series) {
  SavedProgram saved = SavedProgram::load(path);
  const double mean = saved.info().preprocessing.at("mean").at(0);
  const double deviation = saved.info().preprocessing.at("std").at(0);
  const FunctionInfo& step = saved.function("step");
  const std::shared_ptr<Program> program = saved.program("step", 1);
  ProgramContext context = program->make_context();

  std::vector<Tensor> inputs;  // the number, then the state of the LSTM
  for (const TensorInfo& input : step.inputs) {
    Dims shape = input.shape;
    for (int64_t& size : shape) size = size < 0 ? 1 : size;  // a batch of one
    inputs.push_back(zeros(shape, input.dtype));
  }
  double number = 0;
  while (series >> number) {
    *inputs[0].data<float>() = static_cast<float>((number - mean) / deviation);
    const std::span<const Tensor> results = program->run(context, inputs);
    for (size_t i = 1; i < inputs.size(); ++i) assign(inputs[i], results[i]);
    std::cout << number << " -> " << results[0].item() * deviation + mean << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: forecast PROGRAM [SERIES]\n";
    return 2;
  }
  try {
    if (argc < 3) return run(argv[1], std::cin);
    std::ifstream file(argv[2]);
    if (!file) {
      std::cerr << "cannot read " << argv[2] << "\n";
      return 1;
    }
    return run(argv[1], file);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
