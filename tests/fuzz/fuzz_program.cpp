// The fuzz target of the reader of program files: whatever the bytes are, reading, tracing and running may throw
// `pydl::Error` and do nothing worse. The name is libFuzzer's; mutate.cpp and driver.cpp serve where that is missing.
#include <cstdint>
#include <string>
#include <vector>

#include "graph/tracer.h"
#include "pydl/ops.h"
#include "pydl/saved_program.h"
#include "saved/program_data.h"

namespace {

using namespace pydl;

// What a run may cost here. Files may ask for more, and then get it, or a MemoryError.
constexpr int64_t most_bytes = int64_t{32} << 20;
constexpr int64_t most_work = 20'000'000;

int64_t bytes_of(const graph::BufferSpec& spec) {
  return element_count(spec.shape) * static_cast<int64_t>(item_size(spec.dtype));
}

// Windows of pooling are visited once per element of the result.
int64_t window_of(const graph::Node& node) {
  int64_t window = 1;
  for (const auto& [name, value] : node.attrs.entries()) {
    const auto* dims = std::get_if<Dims>(&value);
    if (name != "kernel" || dims == nullptr) continue;
    for (const int64_t size : *dims) window = std::min(window, most_work) * std::max<int64_t>(size, 1);
  }
  return std::min(window, most_work);
}

bool is_cheap(const graph::Graph& graph) {
  int64_t bytes = 0;
  for (const graph::Value& value : graph.values) {
    bytes += bytes_of(value.spec);
    if (bytes > most_bytes) return false;
  }
  int64_t work = bytes;
  for (const graph::Node& node : graph.nodes) {
    work += graph::node_flops(graph, node);
    for (const graph::ValueId output : node.outputs) {
      work += element_count(graph.spec(output).shape) * window_of(node);
    }
    if (work > most_work) return false;
  }
  return true;
}

bool is_cheap(const saved::ProgramData& data, const saved::FunctionData& function, int64_t batch) {
  graph::Tracer tracer;
  std::vector<Tensor> states;
  for (const int state : function.states) {
    const auto& [name, tensor] = data.state.tensors[static_cast<size_t>(state)];
    states.push_back(tensor);
    tracer.state(tensor, name);
  }
  std::vector<std::shared_ptr<RandomStream>> generators;
  for (const int number : function.generators) generators.push_back(data.generators[static_cast<size_t>(number)]);
  const std::vector<Tensor> outputs = graph::replay(function.recording, batch, states, generators, tracer);
  return is_cheap(tracer.finish(outputs));
}

void run(SavedProgram& program, const saved::ProgramData& data, const saved::FunctionData& function, int64_t batch) {
  try {
    if (!is_cheap(data, function, batch)) return;
    std::vector<Tensor> inputs;
    for (const graph::RecordedArgument& argument : function.recording.arguments) {
      inputs.push_back(zeros(graph::dims_at(argument.shape, batch), argument.dtype));
    }
    program.run(function.name, inputs);
  } catch (const Error&) {
    // Such as an index outside of a table.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string name = "fuzzed";
  try {
    const ParamSet file = parse_params(reinterpret_cast<const char*>(bytes), size, name);
    SavedProgram program = SavedProgram::from_params(file, name);
    static_cast<void>(program.describe());
    const saved::ProgramData data = saved::read_program(file, name);
    for (const saved::FunctionData& function : data.functions) {
      for (const int64_t batch : {1, 2}) run(program, data, function, batch);
    }
    static_cast<void>(saved::write_program(data));
  } catch (const Error&) {
    return -1;  // not for the corpus
  }
  return 0;
}
