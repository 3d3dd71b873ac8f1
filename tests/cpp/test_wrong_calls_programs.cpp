// Wrong calls of programs, traces, compiled functions and saved programs.
#include "wrong_calls.h"

using namespace pydl;
using namespace wrong_calls;

namespace {

Program doubled() {
  Trace trace;
  const Tensor x = trace.argument(ones({2, 3}));
  trace.start();
  const Tensor y = x + x;
  trace.stop();
  const Tensor outputs[] = {y};
  return trace.finish(outputs);
}

}  // namespace

TEST(programs) {
  Program program = doubled();
  const Tensor undefined[] = {none};
  const Tensor x[] = {ones({2, 3})};
  Tensor room[1];
  REFUSED(program.run(undefined));
  REFUSED(program.run({none}));
  REFUSED(program.run(undefined, room));
  REFUSED(program.run(x, std::span<Tensor>()));
  REFUSED(program.run(std::span<const Tensor>()));
  REFUSED(program.run({x[0], x[0]}));
  REFUSED(program.run({ones({3, 2})}));
  REFUSED(program.run({ones({2, 3}, DType::int64)}));
  CHECK_TENSORS_CLOSE(program.run({x[0]})[0], x[0] + x[0], 0);
  ProgramContext context = program.make_context();
  REFUSED(program.run(context, undefined));
  REFUSED(program.run(context, std::span<const Tensor>()));
  CHECK_TENSORS_CLOSE(program.run(context, {x[0]})[0], x[0] + x[0], 0);
  const ProgramContext kept = std::move(context);
  CHECK_EQUAL(program.run(context, x).size(), 1U);  // NOLINT(bugprone-use-after-move)
  Program other = doubled();
  REFUSED(other.run(context, x));
  ProgramContext empty{nullptr};
  REFUSED(program.run(empty, x));

  const Program moved = std::move(program);
  CHECK_EQUAL(moved.output_count(), 1U);
  REFUSED(program.run(x));  // NOLINT(bugprone-use-after-move)
  REFUSED(program.run(x, room));
  REFUSED(program.run(context, x));
  REFUSED(program.make_context());
  REFUSED(program.output_count());
  REFUSED(program.argument_count());
  REFUSED(program.arena_bytes());
  REFUSED(program.unplanned_bytes());
  REFUSED(program.eager_bytes());
  REFUSED(program.work());
  REFUSED(program.steps());
  REFUSED(program.describe());
  REFUSED(program.to_dot());
}

TEST(options) {
  CHECK_THROWS(ValueError, "compile: ", check_options({.without = {"no_such_pass"}}));
  CHECK_THROWS(ValueError, "compile: ", check_options({.kernels = "konv:cpu"}));
  CHECK_THROWS(ValueError, "compile: ", check_options({.kernels = "conv:winnograd"}));
  CHECK_THROWS(ValueError, "compile: ", check_options({.kernels = "conv"}));
  CHECK_THROWS(ValueError, "compile: ", check_options({.kernels = ":cpu"}));
  CHECK_THROWS(ValueError, "compile: ", check_options({.kernels = "conv:"}));
  check_options({.without = {"memory"}, .kernels = "conv*:im2col,*:cpu,matmul:ref"});
  check_options({.kernels = "conv:direct,"});
}

TEST(traces) {
  const Tensor undefined[] = {none};
  Trace trace;
  REFUSED(trace.argument(none));
  REFUSED(trace.state(none, "x"));
  CHECK(!is_traced(none));
  trace.set_locator(nullptr);
  const Tensor x = trace.argument(ones({2}));
  trace.start();
  trace.start();
  CHECK_THROWS(ValueError, "the state 'x' is an undefined", declare_state(none, "x"));
  REFUSED(exp(none));
  const Tensor y = exp(x);
  trace.stop();
  trace.stop();
  const Tensor outputs[] = {y};
  REFUSED(trace.finish(undefined));
  const Trace::Position far = {1000, 1000};
  REFUSED(trace.finish_halves(outputs, far, outputs));
  HARMLESS(trace.is_dropped(none, none));
  HARMLESS(trace.undeclared());
  REFUSED(trace.finish_halves(outputs, trace.position(), undefined));
  HARMLESS(trace.finish(outputs));
  REFUSED(trace.finish(outputs));
  REFUSED(trace.record(outputs));
  REFUSED(trace.finish_halves(outputs, trace.position(), outputs));
  REFUSED(trace.argument(ones({2})));
  REFUSED(trace.state(ones({2}), "x"));
  REFUSED(trace.start());
  CHECK_EQUAL(trace.live_results(), 2);
  REFUSED(RecordedFunction(nullptr));
  const PauseTracing pause;
  const RecomputeScope region;
  CHECK(!is_tracing());
}

TEST(compiled_functions) {
  const TensorFunction twice = [](std::span<const Tensor> x) { return Tensors{x[0] + x[0]}; };
  REFUSED(compile(nullptr));
  REFUSED(compile(twice, {.cache_size = 0}));
  REFUSED(compile(twice, {.program = {.without = {"nothing"}}}));
  CompiledFunction function = compile(twice);
  REFUSED(function({none}));
  REFUSED(compile([](std::span<const Tensor>) { return Tensors{none}; })({ones({2})}));
  const Tensor x = ones({2});
  const CompiledFunction moved = std::move(function);
  CHECK_TENSORS_CLOSE(function({x})[0], moved({x})[0], 0);  // NOLINT(bugprone-use-after-move)
  CHECK_EQUAL(function.traces(), 1);
  function.clear();
  CHECK(function.programs().empty());
  ParamSet undefined;
  undefined.tensors.emplace_back("x", none);
  REFUSED(compile(twice, {.states = {undefined}})({x}));
  REFUSED(compile(twice, {.states = {none}})({x}));
}

TEST(saved_programs) {
  using Function = FunctionToSave;
  const TensorFunction twice = [](std::span<const Tensor> x) { return Tensors{x[0] + x[0]}; };
  const TensorFunction nothing = [](std::span<const Tensor>) { return Tensors{none}; };
  const auto traced = [](const Function& function) { return trace_program({&function, 1}); };
  const Tensor x = ones({4, 2});
  REFUSED(trace_program({}));
  REFUSED(traced({.name = "f", .function = nullptr, .example_inputs = {x}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {none}}));
  REFUSED(traced({.name = "f", .function = nothing, .example_inputs = {x}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {x}, .states = {none}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {x}, .inputs = {"a", "b"}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {x}, .outputs = {"a", "b"}}));
  REFUSED(traced({.name = "f", .function = twice, .example_inputs = {ones({})}, .outputs = {"a", "b"}}));
  REFUSED(save_program("/nonexistent/x.pydl", {}));
  REFUSED(save_program("/nonexistent/x.pydl", {{.name = "f", .function = twice, .example_inputs = {x}}}));
  REFUSED(SavedProgram(std::span<const FunctionRecording>()));
  const FunctionRecording empty[] = {{.name = "f", .recordings = {}, .batches = {}, .inputs = {}, .outputs = {}}};
  REFUSED(SavedProgram(empty));
  REFUSED(SavedProgram::load("/nonexistent/x.pydl"));
  REFUSED(SavedProgram::parse(nullptr, 0, "memory"));
  REFUSED(SavedProgram::parse(nullptr, 10, "memory"));
  REFUSED(SavedProgram::from_params({}, "memory"));
  ParamSet undefined;
  undefined.tensors.emplace_back("x", none);
  REFUSED(SavedProgram::from_params(undefined, "memory"));

  SavedProgram saved = traced({.name = "f", .function = twice, .example_inputs = {x}});
  const Tensor two = ones({3, 2});
  CHECK_TENSORS_CLOSE(saved.run({two})[0], two + two, 0);
  CHECK_TENSORS_CLOSE(saved.run("f", {two})[0], two + two, 0);
  const Tensor undefined_inputs[] = {none};
  REFUSED(saved.run(undefined_inputs));
  REFUSED(saved.run({none}));
  REFUSED(saved.run("f", {none}));
  REFUSED(saved.run("f", {two, two}));
  REFUSED(saved.run("f", {ones({3, 3})}));
  REFUSED(saved.run("g", {two}));
  REFUSED(saved.run(std::span<const Tensor>()));
  REFUSED(saved.function("g"));
  REFUSED(saved.program("g"));
  REFUSED(saved.program("f", -1));
  REFUSED(saved.program("f", -1, {}));
  const SavedProgram moved = std::move(saved);
  CHECK_EQUAL(moved.functions().size(), 1U);
  REFUSED(saved.run({two}));  // NOLINT(bugprone-use-after-move)
  REFUSED(saved.run("f", {two}));
  REFUSED(saved.functions());
  REFUSED(saved.function("f"));
  REFUSED(saved.info());
  REFUSED(saved.state());
  REFUSED(saved.describe());
  REFUSED(saved.program("f"));
  REFUSED(saved.save("/nonexistent/x.pydl"));
}
