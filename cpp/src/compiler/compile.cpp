// Compiled functions in C++, and the cache in which they look up the program for a call.
#include "pydl/compile.h"

#include "compiler/program_cache.h"
#include "compiler/tracing.h"
#include "pydl/autograd.h"
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
      : function_(std::move(function)), options_(std::move(options)), entries_(options_.cache_size) {
    if (!function_) throw ValueError("compile: expected a function, got none");
    if (options_.cache_size < 1) throw ValueError("compile: expected cache_size of at least 1, got 0");
    check_options(options_.program);
  }

  std::vector<Tensor> call(std::span<const Tensor> given) {
    // Part of a larger function that is being traced, or to be looked at step by step.
    if (is_tracing() || detects_anomaly()) return function_(given);
    std::vector<Tensor> arguments;
    for (const Tensor& argument : given) arguments.push_back(contiguous(argument));
    std::shared_ptr<const Entry> entry = entries_.find([&](const Entry& known) { return serves(known, arguments); });
    if (!entry) entry = entries_.add(trace(arguments));
    const compiler::TracedCall& traced = *entry->traced;
    traced.add_gradients(arguments);
    std::vector<Tensor> outputs = traced.program->run(arguments);
    compiler::finish_call(entry->traced, arguments, outputs);
    return outputs;
  }

  int64_t traces() const { return traces_; }
  void clear() { entries_.clear(); }

  std::vector<std::shared_ptr<const Program>> programs() const {
    std::vector<std::shared_ptr<const Program>> result;
    for (const auto& entry : entries_.entries()) result.push_back(entry->traced->program);
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
  };

  bool serves(const Entry& entry, std::span<const Tensor> given) const {
    if (given.size() != entry.arguments.size() || !entry.traced->serves()) return false;
    for (size_t i = 0; i < given.size(); ++i) {
      if (!entry.arguments[i].fits(given[i])) return false;
    }
    for (size_t i = 0; i < options_.states.size(); ++i) {
      if (options_.states[i].structure() != entry.structures[i]) return false;
    }
    return true;
  }

  Entry trace(std::span<const Tensor> arguments) {
    ++traces_;
    Entry entry;
    for (const Tensor& argument : arguments) {
      entry.arguments.push_back({argument.dtype(), argument.shape(), argument.requires_grad()});
    }
    compiler::Tracing tracing("a compiled function", compiler::tensors_of(options_.states), arguments,
                              compiler::Purpose::program);
    tracing.run(function_);
    entry.traced = tracing.finish(options_.program);
    tracing.require_nothing_kept();
    // Read after tracing, because the first step creates moments.
    for (const StateSource& source : options_.states) entry.structures.push_back(source.structure());
    return entry;
  }

  TensorFunction function_;
  CompileOptions options_;
  compiler::ProgramCache<Entry> entries_;
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
