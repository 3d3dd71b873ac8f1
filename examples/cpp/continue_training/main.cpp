// Goes on training a program that Python saved, on new data: continue_training PROGRAM DATA RESULT [BATCH]. It knows
// nothing of the model but what the file says.
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <pydl/data.h>
#include <pydl/layers.h>
#include <pydl/params.h>
#include <pydl/saved_program.h>

using namespace pydl;

namespace {

int run(const std::string& path, const std::string& data_path, const std::string& result, int64_t batch_size) {
  SavedProgram program = SavedProgram::load(path);
  std::cerr << program.describe();
  const ParamSet data = load_params(data_path);
  std::vector<Tensor> columns;
  for (const TensorInfo& input : program.function("train").inputs) {
    columns.push_back(nn::parameter(data, input.name));
  }
  for (const data::Batch& batch : data::Batches(columns, {.size = batch_size})) {
    // All bits of the loss: the same ones as Python's.
    std::printf("%a\n", program.run("train", batch)[0].item());
  }
  program.save(result);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: continue_training PROGRAM DATA RESULT [BATCH]\n";
    return 2;
  }
  try {
    return run(argv[1], argv[2], argv[3], argc > 4 ? std::atoll(argv[4]) : 32);
  } catch (const pydl::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
