// Programs in files, written and read by C++ alone.
#include <unistd.h>

#include <filesystem>

#include "saved_mlp.h"
#include "support.h"

using namespace pydl;
using saved_mlp::Mlp;

namespace {

// A file that is gone at the end of a scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(const char* name)
      : path_((std::filesystem::temp_directory_path() / concat_text("pydl-test-", getpid(), "-", name)).string()) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<Tensor> batch_of(int64_t size, uint64_t seed) {
  Generator generator(seed);
  const Tensor x = normal({size, 4}, 0, 1, DType::float32, generator);
  return {x, astype(greater(sum(x, std::vector<int64_t>{1}), Tensor::scalar(0.0F, DType::float32)), DType::int64)};
}

}  // namespace

TEST(saved_programs_train_on_bit_for_bit) {
  const TemporaryFile file("train.pydl");
  const TemporaryFile again("again.pydl");
  Mlp mlp(1);
  const CompiledFunction step =
      compile([&](std::span<const Tensor> in) { return mlp.step(in); }, {.states = {mlp.params, *mlp.optimizer}});
  for (int i = 0; i < 3; ++i) step(batch_of(8, static_cast<uint64_t>(i)));
  save_program(file.path(), mlp.functions(8));
  SavedProgram program = SavedProgram::load(file.path());
  CHECK_EQUAL(program.functions().size(), size_t{2});
  CHECK_EQUAL(program.function("train").inputs[0].shape, (Dims{-1, 4}));
  for (int i = 0; i < 6; ++i) {
    const std::vector<Tensor> batch = batch_of(i % 2 == 0 ? 8 : 5, static_cast<uint64_t>(10 + i));
    CHECK_EQUAL(program.run("train", batch)[0].item(), step(batch)[0].item());
    if (i != 3) continue;
    program.save(again.path());
    program = SavedProgram::load(again.path());
  }
  const Tensor x[] = {batch_of(7, 99)[0]};
  const GradMode mode(false);
  CHECK_TENSORS_CLOSE(program.run(x)[0], softmax(mlp.logits(x[0], false), 1), 1e-6);
}

TEST(traced_programs_share_state_with_their_maker) {
  Mlp mlp(2);
  SavedProgram program = trace_program(mlp.functions(4));
  const Tensor before = copy(mlp.params.tensors[0].second.detach());
  program.run("train", batch_of(4, 0));
  CHECK(!all(equal(before, mlp.params.tensors[0].second.detach())).item());
  const std::shared_ptr<Program> train = program.program("train", 4);
  ProgramContext context = train->make_context();
  double first = 0;
  double last = 0;
  for (int i = 0; i < 200; ++i) {
    last = train->run(context, batch_of(4, static_cast<uint64_t>(i % 3)))[0].item();
    if (i == 0) first = last;
  }
  CHECK(last < first);
}

TEST(gradients_from_outside_are_left_alone) {
  Mlp mlp(5);
  const Tensor weight = mlp.params.tensors[0].second;
  Tensor(weight).set_grad(ones(weight.shape()));
  SavedProgram program = trace_program(mlp.functions(4));
  CHECK_TENSORS_CLOSE(weight.grad(), ones(weight.shape()), 0);
  CHECK_EQUAL(program.function("train").inputs.size(), size_t{2});
}

TEST(what_cannot_be_saved_says_why) {
  Mlp mlp(3);
  const std::vector<Tensor> inputs = {zeros({4, 4})};
  const auto save = [&](TensorFunction function, std::vector<StateSource> states = {}) {
    trace_program(std::vector<FunctionToSave>{{"f", std::move(function), inputs, std::move(states)}});
  };
  CHECK_THROWS(TraceError, "not declared",
               save([&](std::span<const Tensor> in) -> std::vector<Tensor> { return {mlp.logits(in[0], false)}; }));
  CHECK_THROWS(ValueError, "f: leaves gradients in 4 parameters",
               save(
                   [&](std::span<const Tensor> in) -> std::vector<Tensor> {
                     const Tensor loss = sum(mlp.logits(in[0], false));
                     loss.backward();
                     return {loss.detach()};
                   },
                   {mlp.params}));
  CHECK_THROWS(ValueError, "f: cannot take batches of any size", save([](std::span<const Tensor> in) {
                 const Tensor table = Tensor::empty({in[0].size(0)});
                 return std::vector<Tensor>{in[0].size(0) > 4 ? exp(in[0]) : in[0]};
               }));
  CHECK_THROWS(ValueError, "two functions are called 'f'",
               trace_program(std::vector<FunctionToSave>(
                   2, {"f", [](std::span<const Tensor> in) { return std::vector<Tensor>{exp(in[0])}; }, inputs})));
}

TEST(calls_are_checked) {
  Mlp mlp(4);
  SavedProgram program = trace_program(mlp.functions(4), {{"a", "b", "c"}, {}});
  CHECK_EQUAL(program.info().class_names[2], std::string("c"));
  CHECK_THROWS(ValueError, "there is no function 'fit'; it has 'predict', 'train'", program.run("fit", batch_of(2, 0)));
  CHECK_THROWS(ValueError, "train: expected 2 inputs, got 1", program.run("train", std::vector{zeros({2, 4})}));
  CHECK_THROWS(ValueError, "input 'x': expected float32 of shape (N, 4), got float32 of shape (2, 3)",
               program.run(std::vector{zeros({2, 3})}));
  CHECK_THROWS(ValueError, "'target' has a batch of 3, the ones before it one of 2",
               program.run("train", std::vector{zeros({2, 4}), zeros({3}, DType::int64)}));
  CHECK_THROWS(FileError, "No such file", SavedProgram::load("/nonexistent/file.pydl"));
  CHECK_THROWS(FormatError, "memory", SavedProgram::parse("garbage", 7, "memory"));
}

TEST(the_loader_limits_what_a_run_may_need) {
  Mlp mlp(5);
  const TemporaryFile file("limited.pydl");
  trace_program(mlp.functions(4)).save(file.path());
  CHECK_THROWS(FormatError, "more than the 10 of max_operations", SavedProgram::load(file.path(), {10}));
  SavedProgram program = SavedProgram::load(file.path(), {100'000});
  CHECK_EQUAL(program.run("predict", std::vector{zeros({2, 4})}).size(), 1U);
  CHECK_THROWS(ValueError, "predict: needs", program.run("predict", std::vector{zeros({100'000, 4})}));
  CHECK_THROWS(ValueError, "for a batch of 100000", program.program("train", 100'000));
  CHECK_EQUAL(SavedProgram::load(file.path()).run("predict", std::vector{zeros({100'000, 4})}).size(), 1U);
}
