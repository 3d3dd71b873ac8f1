#include "pydl/saved_program.h"

#include <list>
#include <mutex>
#include <sstream>
#include <unordered_map>

#include "core/tensor_impl.h"
#include "exec/recorded_function.h"
#include "graph/tracer.h"
#include "graph/work.h"
#include "pydl/ops.h"
#include "pydl/random.h"
#include "runtime/threads.h"
#include "saved/program_data.h"

namespace pydl {

namespace {

using graph::OpenInteger;
using graph::Recording;
using saved::FunctionData;
using saved::ProgramData;

// Programs by batch size and number of threads, most recently used first.
class ProgramsByBatch {
 public:
  std::shared_ptr<Program> find(int64_t batch) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->batch != batch || entry->threads != runtime::thread_count()) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      return entries_.front().program;
    }
    return nullptr;
  }

  void add(int64_t batch, std::shared_ptr<Program> program) {
    constexpr size_t most = 16;
    entries_.push_front({batch, runtime::thread_count(), std::move(program)});
    if (entries_.size() > most) entries_.pop_back();
  }

 private:
  struct Entry {
    int64_t batch;
    int threads;
    std::shared_ptr<Program> program;
  };
  std::list<Entry> entries_;
};

bool is_open(const Recording& recording) {
  for (const graph::RecordedArgument& argument : recording.arguments) {
    for (const OpenInteger& size : argument.shape) {
      if (size.is_open()) return true;
    }
  }
  return false;
}

// The batch size that turns an open size into the given one, if there is one.
std::optional<int64_t> batch_of(const OpenInteger& open, int64_t size) {
  const int64_t rest = size - open.plus;
  if (rest < 0 || rest % open.times != 0) return std::nullopt;
  return rest / open.times;
}

std::string shape_text(const graph::OpenDims& dims) {
  std::ostringstream text;
  text << "(";
  for (size_t i = 0; i < dims.size(); ++i) {
    text << (i > 0 ? ", " : "");
    if (!dims[i].is_open()) {
      text << dims[i].plus;
      continue;
    }
    if (dims[i].times != 1) text << dims[i].times << " ";
    text << "N";
    if (dims[i].plus != 0) text << " + " << dims[i].plus;
  }
  text << (dims.size() == 1 ? ",)" : ")");
  return text.str();
}

// Sizes that depend on the batch are -1.
std::string shape_text(const Dims& shape) {
  graph::OpenDims open;
  for (const int64_t size : shape) open.push_back(size < 0 ? OpenInteger{1, 0} : OpenInteger{0, size});
  return shape_text(open);
}

}  // namespace

struct SavedProgram::Parts {
  explicit Parts(ProgramData from, LoadOptions limits = {})
      : data(std::move(from)), options(limits), programs(data.functions.size()) {
    for (size_t i = 0; i < data.functions.size(); ++i) infos.push_back(info_of(i));
  }

  struct Traced {
    std::unique_ptr<graph::Tracer> tracer;
    std::vector<Tensor> outputs;
  };

  // Traces a function for one batch size by replaying its calls.
  Traced trace(size_t index, int64_t batch) const {
    const FunctionData& function = data.functions[index];
    Traced traced = {std::make_unique<graph::Tracer>(), {}};
    std::vector<Tensor> states;
    for (const int state : function.states) {
      const auto& [name, tensor] = data.state.tensors[static_cast<size_t>(state)];
      states.push_back(tensor);
      traced.tracer->state(tensor, name);
    }
    std::vector<std::shared_ptr<RandomStream>> generators;
    for (const int generator : function.generators) {
      generators.push_back(data.generators[static_cast<size_t>(generator)]);
    }
    traced.outputs = graph::replay(function.recording, batch, states, generators, *traced.tracer);
    return traced;
  }

  Traced trace_for_run(size_t index, int64_t batch) const;

  // Returns the calls of a trace; throws if they compute more than the loader allows.
  graph::Graph graph_of(size_t index, int64_t batch, const Traced& traced) const {
    graph::Graph graph = traced.tracer->finish(traced.outputs);
    const int64_t operations = graph::count_operations(graph);
    if (operations > options.max_operations) {
      const FunctionData& function = data.functions[index];
      const std::string size = is_open(function.recording) ? concat_text(" for a batch of ", batch) : std::string();
      throw ValueError(concat_text(function.name, ": needs ", operations, " operations", size, ", more than the ",
                                   options.max_operations,
                                   " of max_operations; allow more if you trust where the file is from"));
    }
    return graph;
  }

  // Traces the function at some batch size, and for an open batch also at the next one: the two traces show which sizes
  // are open, and that the function can be called at all. Several sizes are tried because some functions need large
  // ones, for example to drop the first ten elements of a batch.
  std::pair<Traced, Traced> trace_anywhere(size_t index) const {
    const bool open = is_open(data.functions[index].recording);
    std::string problem;
    for (const int64_t batch : {2, 8, 64, 1024}) {
      try {
        Traced first = trace(index, batch);
        graph_of(index, batch, first);
        return {std::move(first), open ? trace(index, batch + 1) : Traced{}};
      } catch (const FormatError& error) {
        if (problem.empty()) problem = error.what();
        if (!open) break;
      }
    }
    throw FormatError(concat_text("functions[", index, "].", problem));
  }

  FunctionInfo info_of(size_t index) const {
    const FunctionData& function = data.functions[index];
    FunctionInfo info = {function.name, {}, {}, is_open(function.recording), function.result};
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      const graph::RecordedArgument& argument = function.recording.arguments[i];
      Dims shape;
      for (const OpenInteger& size : argument.shape) shape.push_back(size.is_open() ? -1 : size.plus);
      info.inputs.push_back({function.inputs[i], argument.dtype, shape});
    }
    const auto [first, second] = trace_anywhere(index);
    for (size_t i = 0; i < function.outputs.size(); ++i) {
      Dims shape = first.outputs[i].shape();
      if (info.open_batch) {
        const Dims& other = second.outputs[i].shape();
        if (other.rank() != shape.rank()) throw FormatError("the rank of a result depends on the batch size");
        for (int axis = 0; axis < shape.rank(); ++axis) shape[axis] = shape[axis] == other[axis] ? shape[axis] : -1;
      }
      info.outputs.push_back({function.outputs[i], first.outputs[i].dtype(), shape});
    }
    return info;
  }

  size_t index_of(const std::string& name) const {
    std::string known;
    for (size_t i = 0; i < infos.size(); ++i) {
      if (infos[i].name == name) return i;
      known += concat_text(known.empty() ? "" : ", ", "'", infos[i].name, "'");
    }
    throw ValueError(concat_text("saved program: there is no function '", name, "'; it has ", known));
  }

  // Returns the batch size of these inputs; throws unless they match what the function takes.
  int64_t check_inputs(size_t index, std::span<const Tensor> inputs) const {
    const FunctionData& function = data.functions[index];
    if (inputs.size() != function.inputs.size()) {
      throw ValueError(
          concat_text(function.name, ": expected ", function.inputs.size(), " inputs, got ", inputs.size()));
    }
    std::optional<int64_t> batch;
    for (size_t i = 0; i < inputs.size(); ++i) check_input(function, i, inputs[i], batch);
    return batch.value_or(1);
  }

  static void check_input(const FunctionData& function, size_t i, const Tensor& given, std::optional<int64_t>& batch) {
    const graph::RecordedArgument& expected = function.recording.arguments[i];
    if (!given.defined())
      throw ValueError(concat_text(function.name, ": input '", function.inputs[i], "' is undefined"));
    const Dims& shape = given.shape();
    bool fits = given.dtype() == expected.dtype && static_cast<size_t>(shape.rank()) == expected.shape.size();
    for (int axis = 0; fits && axis < shape.rank(); ++axis) {
      const OpenInteger& size = expected.shape[static_cast<size_t>(axis)];
      if (!size.is_open()) {
        fits = size.plus == shape[axis];
        continue;
      }
      const std::optional<int64_t> found = batch_of(size, shape[axis]);
      fits = found.has_value();
      if (fits && batch && *batch != *found) {
        throw ValueError(concat_text(function.name, ": input '", function.inputs[i], "' has a batch of ", *found,
                                     ", the ones before it one of ", *batch));
      }
      if (fits) batch = found;
    }
    if (fits) return;
    throw ValueError(concat_text(function.name, ": input '", function.inputs[i], "': expected ", expected.dtype,
                                 " of shape ", shape_text(expected.shape), ", got ", given.dtype(), " of shape ",
                                 shape));
  }

  ProgramData data;
  LoadOptions options;
  std::vector<FunctionInfo> infos;
  std::vector<ProgramsByBatch> programs;  // one per function
  std::mutex mutex;                       // protects `programs`
};

// --- from recordings -----------------------------------------------------------------------------------

namespace {

// Collects the states and generators of all functions, each only once.
class Gatherer {
 public:
  explicit Gatherer(ProgramData& data) : data_(data) {}

  void add(const FunctionRecording& function) {
    if (function.recordings.empty()) throw ValueError(concat_text(function.name, ": expected a recording, got none"));
    const RecordedFunction::Parts& parts = function.recordings.front().parts();
    FunctionData made = {
        function.name, function.inputs, function.outputs, function.result, generalized(function), {}, {}};
    if (function.inputs.size() != made.recording.arguments.size() ||
        function.outputs.size() != made.recording.outputs.size()) {
      throw ValueError(concat_text(function.name, ": expected names of ", made.recording.arguments.size(),
                                   " inputs and ", made.recording.outputs.size(), " outputs, got ",
                                   function.inputs.size(), " and ", function.outputs.size()));
    }
    for (const std::string& name : function.inputs) {
      if (std::count(function.inputs.begin(), function.inputs.end(), name) == 1) continue;
      throw ValueError(concat_text(function.name, ": two inputs are called '", name, "'"));
    }
    for (size_t i = 0; i < parts.states.size(); ++i) {
      made.states.push_back(state(function.name, parts.states[i], parts.state_names[i]));
    }
    check_views(function.name, parts);
    for (const auto& stream : parts.generators) made.generators.push_back(generator(stream));
    data_.functions.push_back(std::move(made));
  }

 private:
  static Recording generalized(const FunctionRecording& function) {
    const auto& recordings = function.recordings;
    if (recordings.size() == 1) return recordings[0].parts().recording;
    if (recordings.size() < 3 || function.batches.size() != recordings.size()) {
      throw ValueError(concat_text(function.name, ": expected recordings at one, or at least three batch sizes"));
    }
    std::vector<Recording> all;
    for (const RecordedFunction& recorded : recordings) {
      all.push_back(recorded.parts().recording);
      if (!have_same_state(recorded.parts(), recordings[0].parts())) {
        throw ValueError(concat_text(function.name, ": uses other states at other batch sizes"));
      }
    }
    std::string difference;
    std::optional<Recording> result = graph::generalize(all, function.batches, &difference);
    if (!result) {
      throw ValueError(concat_text(function.name, ": cannot take batches of any size: ", difference,
                                   "; record it at one size only (in Python open_batch=False)"));
    }
    return std::move(*result);
  }

  static bool have_same_state(const RecordedFunction::Parts& a, const RecordedFunction::Parts& b) {
    const auto same = [](const Tensor& x, const Tensor& y) {
      return x.impl()->storage.get() == y.impl()->storage.get();
    };
    return a.generators == b.generators &&
           std::equal(a.states.begin(), a.states.end(), b.states.begin(), b.states.end(), same);
  }

  // A file stores the elements of a state in row-major order, so a view of any other memory would show different
  // elements.
  static void check_views(const std::string& function, const RecordedFunction::Parts& parts) {
    for (const graph::RecordedView& view : parts.recording.views) {
      const Tensor& whole = parts.states[static_cast<size_t>(view.state)];
      if (whole.is_contiguous() && core::lies_within(whole.size(), view.shape, view.strides, view.offset)) continue;
      throw ValueError(
          concat_text(function, ": uses memory of the state '", parts.state_names[static_cast<size_t>(view.state)],
                      "' in another layout or beyond it; name the row-major tensor of which both are views "
                      "as state, before them"));
    }
  }

  int state(const std::string& function, const Tensor& tensor, const std::string& name) {
    const void* storage = tensor.impl()->storage.get();
    const auto [entry, is_new] = states_.emplace(storage, static_cast<int>(data_.state.tensors.size()));
    if (!is_new) {
      const auto& [other_name, other] = data_.state.tensors[static_cast<size_t>(entry->second)];
      if (other.impl()->data != tensor.impl()->data || other.shape() != tensor.shape() ||
          other.strides() != tensor.strides()) {
        throw ValueError(
            concat_text(function, ": its state '", name, "' shares memory with '", other_name,
                        "' of another function; name the whole tensor as state of both, before its views"));
      }
      return entry->second;
    }
    std::string unique = name;
    for (int i = 2; data_.state.find(unique) != nullptr; ++i) unique = concat_text(name, "#", i);
    data_.state.tensors.emplace_back(unique, tensor);
    return entry->second;
  }

  int generator(const std::shared_ptr<RandomStream>& stream) {
    auto& all = data_.generators;
    const auto found = std::find(all.begin(), all.end(), stream);
    if (found != all.end()) return static_cast<int>(found - all.begin());
    all.push_back(stream);
    return static_cast<int>(all.size()) - 1;
  }

  ProgramData& data_;
  std::unordered_map<const void*, int> states_;
};

ProgramData gather(std::span<const FunctionRecording> functions, ProgramInfo info) {
  if (functions.empty()) throw ValueError("a saved program has at least one function");
  ProgramData data;
  data.info = std::move(info);
  Gatherer gatherer(data);
  for (size_t i = 0; i < functions.size(); ++i) {
    for (const FunctionRecording& other : functions.first(i)) {
      if (other.name != functions[i].name) continue;
      throw ValueError(concat_text("a saved program: two functions are called '", other.name, "'"));
    }
    gatherer.add(functions[i]);
  }
  return data;
}

}  // namespace

SavedProgram::SavedProgram(std::span<const FunctionRecording> functions, ProgramInfo info)
    : SavedProgram(std::make_unique<Parts>(gather(functions, std::move(info)))) {}
SavedProgram::SavedProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SavedProgram::SavedProgram(SavedProgram&&) noexcept = default;
SavedProgram& SavedProgram::operator=(SavedProgram&&) noexcept = default;
SavedProgram::~SavedProgram() = default;

SavedProgram::Parts& SavedProgram::parts() const {
  if (!parts_) throw Error("saved program: it was moved from; use the one that it was moved to");
  return *parts_;
}

SavedProgram SavedProgram::from_params(const ParamSet& params, const std::string& name, const LoadOptions& options) {
  ProgramData data = saved::read_program(params, name);
  try {
    return SavedProgram(std::make_unique<Parts>(std::move(data), options));
  } catch (const MemoryError&) {
    throw;
  } catch (const Error& error) {
    throw FormatError(concat_text(name, ": program: ", error.what()));
  }
}

SavedProgram SavedProgram::load(const std::string& path, const LoadOptions& options) {
  return from_params(load_params(path), path, options);
}

SavedProgram SavedProgram::parse(const char* bytes, size_t size, const std::string& name, const LoadOptions& options) {
  return from_params(parse_params(bytes, size, name), name, options);
}

void SavedProgram::save(const std::string& path) const { save_params(path, saved::write_program(parts().data)); }

const std::vector<FunctionInfo>& SavedProgram::functions() const { return parts().infos; }
const FunctionInfo& SavedProgram::function(const std::string& name) const {
  return parts().infos[parts().index_of(name)];
}
const ProgramInfo& SavedProgram::info() const { return parts().data.info; }
const ParamSet& SavedProgram::state() const { return parts().data.state; }

std::string SavedProgram::describe() const {
  std::ostringstream text;
  const auto list = [&](const char* title, const std::vector<TensorInfo>& tensors) {
    text << "  " << title << ":";
    for (const TensorInfo& tensor : tensors) {
      text << " " << tensor.name << " " << tensor.dtype << " " << shape_text(tensor.shape);
    }
    text << "\n";
  };
  for (const FunctionInfo& function : parts().infos) {
    text << function.name << "\n";
    list("inputs", function.inputs);
    list("outputs", function.outputs);
  }
  int64_t elements = 0;
  for (const auto& [name, tensor] : parts().data.state.tensors) elements += tensor.size();
  text << "state: " << parts().data.state.tensors.size() << " tensors, " << elements << " elements\n";
  return text.str();
}

SavedProgram::Parts::Traced SavedProgram::Parts::trace_for_run(size_t index, int64_t batch) const {
  try {
    return trace(index, batch);
  } catch (const FormatError& error) {
    throw ValueError(concat_text(infos[index].name, ": cannot take a batch of ", batch, ": ", error.what()));
  }
}

std::shared_ptr<Program> SavedProgram::program(const std::string& function, int64_t batch) {
  const size_t index = parts().index_of(function);
  const int64_t key = parts().infos[index].open_batch ? batch : 1;
  const std::lock_guard lock(parts().mutex);
  if (auto known = parts().programs[index].find(key)) return known;
  std::shared_ptr<Program> made = program(function, key, {});
  parts().programs[index].add(key, made);
  return made;
}

std::shared_ptr<Program> SavedProgram::program(const std::string& function, int64_t batch,
                                               const ProgramOptions& options) const {
  if (batch < 0) throw ValueError(concat_text(function, ": expected a batch size of at least 0, got ", batch));
  const size_t index = parts().index_of(function);
  const Parts::Traced traced = parts().trace_for_run(index, batch);
  return std::shared_ptr<Program>(new Program(parts().graph_of(index, batch, traced), *traced.tracer, options));
}

std::vector<Tensor> SavedProgram::run(const std::string& function, std::span<const Tensor> inputs) {
  const int64_t batch = parts().check_inputs(parts().index_of(function), inputs);
  std::vector<Tensor> arguments;
  for (const Tensor& input : inputs) arguments.push_back(contiguous(input.detach()));
  return program(function, batch)->run(arguments);
}

std::vector<Tensor> SavedProgram::run(std::span<const Tensor> inputs) {
  return run(parts().infos.front().name, inputs);
}

}  // namespace pydl
