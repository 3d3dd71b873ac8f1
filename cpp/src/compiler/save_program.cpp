#include "pydl/save_program.h"

#include "compiler/tracing.h"
#include "pydl/ops.h"

namespace pydl {

namespace {

// The batch size of the example inputs, if there is one.
std::optional<int64_t> batch_of(std::span<const Tensor> inputs) {
  for (const Tensor& input : inputs) {
    if (input.rank() > 0) return input.size(0);
  }
  return std::nullopt;
}

// The inputs with another batch size; their elements do not matter.
std::vector<Tensor> resized(std::span<const Tensor> inputs, int64_t from, int64_t to) {
  std::vector<Tensor> result;
  for (const Tensor& input : inputs) {
    const bool is_open = input.rank() > 0 && input.size(0) == from;
    Dims shape = input.shape();
    if (is_open) shape[0] = to;
    result.push_back(is_open ? zeros(shape, input.dtype()) : contiguous(input));
  }
  return result;
}

std::vector<std::string> numbered(const char* word, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(concat_text(word, i));
  return names;
}

// Tells whether the tensors of the sources are still the same.
int64_t structure_of(const FunctionToSave& function) {
  int64_t sum = 0;
  for (const StateSource& source : function.states) sum += source.structure();
  return sum;
}

RecordedFunction record_once(const FunctionToSave& function, std::span<const Tensor> inputs, size_t* outputs) {
  compiler::Tracing tracing(function.name, compiler::tensors_of(function.states), inputs, compiler::Purpose::file);
  tracing.run(function.function);
  *outputs = tracing.results_count();
  RecordedFunction recorded = tracing.record();
  tracing.require_nothing_kept();
  return recorded;
}

// An optimiser creates its moments in its first step. The function is then traced again, so that the states include
// them.
RecordedFunction record_call(const FunctionToSave& function, std::span<const Tensor> inputs, size_t* outputs) {
  const int64_t before = structure_of(function);
  RecordedFunction recorded = record_once(function, inputs, outputs);
  return structure_of(function) == before ? recorded : record_once(function, inputs, outputs);
}

FunctionRecording record(const FunctionToSave& function) {
  if (!function.function) throw ValueError(concat_text(function.name, ": expected a function, got none"));
  for (const Tensor& input : function.example_inputs) {
    if (!input.defined()) throw ValueError(concat_text(function.name, ": an example input is undefined"));
  }
  FunctionRecording result = {function.name, {}, {}, function.inputs, function.outputs};
  const std::optional<int64_t> batch = batch_of(function.example_inputs);
  if (function.open_batch && batch) {
    const int64_t first = std::max<int64_t>(*batch, 2);  // not 1, because axes of size 1 broadcast
    result.batches = {first, first + 1, first + 3};
  }
  size_t outputs = 0;
  const auto add = [&](std::span<const Tensor> inputs) {
    result.recordings.push_back(record_call(function, inputs, &outputs));
  };
  for (const int64_t size : result.batches) add(resized(function.example_inputs, *batch, size));
  if (result.batches.empty()) add(resized(function.example_inputs, -1, -1));
  if (result.inputs.empty()) result.inputs = numbered("input", function.example_inputs.size());
  if (result.outputs.empty()) result.outputs = numbered("output", outputs);
  return result;
}

}  // namespace

SavedProgram trace_program(std::span<const FunctionToSave> functions, ProgramInfo info) {
  std::vector<FunctionRecording> recordings;
  for (const FunctionToSave& function : functions) recordings.push_back(record(function));
  return SavedProgram(recordings, std::move(info));
}

void save_program(const std::string& path, std::span<const FunctionToSave> functions, ProgramInfo info) {
  trace_program(functions, std::move(info)).save(path);
}

void save_program(const std::string& path, std::initializer_list<FunctionToSave> functions, ProgramInfo info) {
  save_program(path, std::span(functions.begin(), functions.size()), std::move(info));
}

}  // namespace pydl
