// Compiled functions in C++, and the cache in which they look up the program for a call.
#include "pydl/compile.h"

#include <list>

#include "compiler/trace_call.h"
#include "pydl/ops.h"

namespace pydl {

StateSource::StateSource(const ParamSet& params)
    : list_([tensors = params.tensors] { return ParamSet{.tensors = tensors, .metadata = {}}; }) {}

StateSource::StateSource(const Tensor& tensor)
    : list_([tensor] {
        return ParamSet{.tensors = {{concat_text("a tensor of shape ", tensor.shape()), tensor}}, .metadata = {}};
      }) {}

StateSource::StateSource(const optim::Optimizer& optimizer)
    : list_([optimizer] {
        ParamSet result;
        const std::vector<Tensor>& parameters = optimizer.parameters();
        for (size_t i = 0; i < parameters.size(); ++i) {
          result.tensors.emplace_back(concat_text("optimizer.", i), parameters[i]);
        }
        for (const auto& [name, tensor] : optimizer.states().tensors) {
          result.tensors.emplace_back("optimizer." + name, tensor);
        }
        return result;
      }),
      structure_([optimizer] { return optimizer.structure(); }) {}

// Keeps each program together with the arguments that it was made for.
class CompiledFunction::Cache {
 public:
  Cache(TensorFunction function, CompileOptions options)
      : function_(std::move(function)), options_(std::move(options)) {
    if (!function_) throw ValueError("compile: expected a function, got none");
    if (options_.cache_size < 1) throw ValueError("compile: expected cache_size of at least 1, got 0");
    check_options(options_.program);
  }

  std::vector<Tensor> call(std::span<const Tensor> given) {
    if (is_tracing()) return function_(given);  // part of a larger function that is being traced
    std::vector<Tensor> arguments;
    for (const Tensor& argument : given) arguments.push_back(contiguous(argument));
    const std::shared_ptr<const compiler::TracedCall> traced = find(arguments);
    traced->add_gradients(arguments);
    std::vector<Tensor> outputs = traced->program->run(arguments);
    compiler::finish_call(traced, arguments, outputs);
    return outputs;
  }

  int64_t traces() const { return traces_; }
  void clear() { entries_.clear(); }

  std::vector<std::shared_ptr<const Program>> programs() const {
    std::vector<std::shared_ptr<const Program>> result;
    for (const Entry& entry : entries_) result.push_back(entry.traced->program);
    return result;
  }

 private:
  struct Argument {
    DType dtype;
    Dims shape;
    bool requires_grad;

    bool fits(const Tensor& tensor) const {
      return tensor.dtype() == dtype && tensor.shape() == shape && tensor.requires_grad() == requires_grad;
    }
  };

  struct Entry {
    std::vector<Argument> arguments;
    std::vector<int64_t> structures;  // structure numbers of the state sources
    std::shared_ptr<const compiler::TracedCall> traced;

    bool serves(std::span<const Tensor> given, std::span<const StateSource> sources) const {
      if (given.size() != arguments.size() || !traced->serves()) return false;
      for (size_t i = 0; i < given.size(); ++i) {
        if (!arguments[i].fits(given[i])) return false;
      }
      for (size_t i = 0; i < sources.size(); ++i) {
        if (sources[i].structure() != structures[i]) return false;
      }
      return true;
    }
  };

  std::shared_ptr<const compiler::TracedCall> find(std::span<const Tensor> arguments) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (!entry->serves(arguments, options_.states)) continue;
      // The most recently used entry is tried first.
      if (entry != entries_.begin()) entries_.splice(entries_.begin(), entries_, entry);
      return entries_.front().traced;
    }
    return trace(arguments);
  }

  std::shared_ptr<const compiler::TracedCall> trace(std::span<const Tensor> arguments) {
    ++traces_;
    ParamSet states;
    for (const StateSource& source : options_.states) {
      const ParamSet found = source.tensors();
      states.tensors.insert(states.tensors.end(), found.tensors.begin(), found.tensors.end());
    }
    Entry entry;
    entry.traced = compiler::trace_call(function_, states, arguments, options_.program);
    for (const Tensor& argument : arguments) {
      entry.arguments.push_back({argument.dtype(), argument.shape(), argument.requires_grad()});
    }
    // Read after tracing, because the first step creates moments.
    for (const StateSource& source : options_.states) entry.structures.push_back(source.structure());
    entries_.push_front(std::move(entry));
    if (entries_.size() > options_.cache_size) entries_.pop_back();
    return entries_.front().traced;
  }

  TensorFunction function_;
  CompileOptions options_;
  std::list<Entry> entries_;
  int64_t traces_ = 0;
};

std::vector<Tensor> CompiledFunction::operator()(std::span<const Tensor> arguments) const {
  return cache_->call(arguments);
}

std::vector<Tensor> CompiledFunction::operator()(std::initializer_list<Tensor> arguments) const {
  return cache_->call(std::span(arguments.begin(), arguments.size()));
}

int64_t CompiledFunction::traces() const { return cache_->traces(); }
std::vector<std::shared_ptr<const Program>> CompiledFunction::programs() const { return cache_->programs(); }
void CompiledFunction::clear() { cache_->clear(); }

CompiledFunction compile(TensorFunction function, CompileOptions options) {
  return CompiledFunction(std::make_shared<CompiledFunction::Cache>(std::move(function), std::move(options)));
}

}  // namespace pydl
