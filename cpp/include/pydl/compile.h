// Compiled functions: traced at their first call, programs from then on.
//
//   CompiledFunction step = compile(
//       [&](std::span<const Tensor> batch) -> std::vector<Tensor> {
//         const Tensor loss = nn::cross_entropy(model(batch[0]), batch[1]);
//         loss.backward();
//         optimizer.step();
//         optimizer.zero_grad();
//         return {loss};
//       },
//       {.states = {params, optimizer}});
//   double loss = step({x, y})[0].item();
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/optimizer.h"
#include "pydl/params.h"
#include "pydl/program.h"

namespace pydl {

/// The state of a compiled function: the tensors that it reads or changes in addition to its arguments. These are a set
/// of tensors (as it is at the time of the call), a single tensor, or an optimiser with its parameters and its own
/// state.
class PYDL_API StateSource {
 public:
  StateSource(const ParamSet& params);
  StateSource(const Tensor& tensor);
  StateSource(const optim::Optimizer& optimizer);

  /// The current tensors, by the names that messages use.
  ParamSet tensors() const { return list_(); }
  /// Changes whenever tensors were replaced by new ones.
  int64_t structure() const { return structure_ ? structure_() : 0; }

 private:
  std::function<ParamSet()> list_;
  std::function<int64_t()> structure_;
};

using TensorFunction = std::function<std::vector<Tensor>(std::span<const Tensor> arguments)>;

struct CompileOptions {
  std::vector<StateSource> states = {};
  size_t cache_size = 16;       ///< the number of programs to keep; the least recently used ones are dropped
  ProgramOptions program = {};  ///< passes to leave out, and whether to collect explanations
};

/// A function that is traced at its first call. There is a separate program for every combination of argument shapes
/// and dtypes, of which arguments require gradients, grad mode, autocast dtype, and number of threads. This is a
/// handle: copies share the programs. Only one thread at a time may call it.
///
/// Everything that the function reads besides its arguments and states becomes a constant of the program, including
/// numbers and flags. Values that change must be passed as tensors. Random numbers continue the streams of their
/// generators. The caller can differentiate results that were recorded: the derivative is a program too.
///
/// After the call, a gradient that `backward` computed for a state is in its `grad`, as it is without compilation.
/// Gradients that an update has used and that the function itself drops (`zero_grad`) are not available.
class PYDL_API CompiledFunction {
 public:
  // A move copies, so that no handle is left empty.
  CompiledFunction(const CompiledFunction&) = default;
  CompiledFunction& operator=(const CompiledFunction&) = default;

  /// Throws `TraceError` if the function reads values, uses a tensor that was not declared, keeps a tensor that it
  /// computed, or lets gradients reach an argument.
  std::vector<Tensor> operator()(std::span<const Tensor> arguments) const;
  std::vector<Tensor> operator()(std::initializer_list<Tensor> arguments) const;

  /// How often the function was traced.
  int64_t traces() const;
  /// The programs that are kept, most recently used first.
  std::vector<std::shared_ptr<const Program>> programs() const;
  /// Drops all programs.
  void clear();

 private:
  friend PYDL_API CompiledFunction compile(TensorFunction function, CompileOptions options);
  class Cache;
  explicit CompiledFunction(std::shared_ptr<Cache> cache) : cache_(std::move(cache)) {}

  std::shared_ptr<Cache> cache_;
};

/// Returns a function that is compiled when it is called. `ValueError` if the cache size is 0.
PYDL_API CompiledFunction compile(TensorFunction function, CompileOptions options = {});

}  // namespace pydl
