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

/// What a compiled function reads or changes beside its arguments: the tensors that a set has now, a tensor, or an
/// optimiser with its parameters and whatever it will keep.
class PYDL_API StateSource {
 public:
  StateSource(const ParamSet& params);
  StateSource(const Tensor& tensor);
  StateSource(const optim::Optimizer& optimizer);

  /// The tensors as they are now, by names for messages.
  ParamSet tensors() const { return list_(); }
  /// Differs where tensors were made anew.
  int64_t structure() const { return structure_ ? structure_() : 0; }

 private:
  std::function<ParamSet()> list_;
  std::function<int64_t()> structure_;
};

using TensorFunction = std::function<std::vector<Tensor>(std::span<const Tensor> arguments)>;

struct CompileOptions {
  std::vector<StateSource> states = {};
  size_t cache_size = 16;       ///< how many programs are kept, the last used ones
  ProgramOptions program = {};  ///< passes to leave out, and whether to explain
};

/// A function that is traced at its first call. Every combination of shapes and dtypes of the arguments, and which of
/// them require gradients, grad mode, autocast dtype and number of threads has a program of its own. A handle: copies
/// share the programs. Calls are made by one thread at a time.
///
/// What the function sees beside arguments and states is built into the program, numbers and flags among it: what
/// changes is passed as a tensor. Random numbers continue the streams of their generators. Results that were recorded
/// can be differentiated by the caller: the derivative is a program too.
///
/// A gradient that `backward` brings to a state is its `grad` after the call, as without compilation; but where an
/// update has used it and the function itself drops gradients (`zero_grad`), there is none.
class PYDL_API CompiledFunction {
 public:
  // A move copies, so that no handle is left empty.
  CompiledFunction(const CompiledFunction&) = default;
  CompiledFunction& operator=(const CompiledFunction&) = default;

  /// Throws `TraceError` where the function asks for values, uses a tensor that was not declared, keeps a tensor that
  /// it computed, or lets gradients reach an argument.
  std::vector<Tensor> operator()(std::span<const Tensor> arguments) const;
  std::vector<Tensor> operator()(std::initializer_list<Tensor> arguments) const;

  /// How often the function was traced.
  int64_t traces() const;
  /// The programs that are kept, the last used first.
  std::vector<std::shared_ptr<const Program>> programs() const;
  /// Forgets all programs.
  void clear();

 private:
  friend PYDL_API CompiledFunction compile(TensorFunction function, CompileOptions options);
  class Cache;
  explicit CompiledFunction(std::shared_ptr<Cache> cache) : cache_(std::move(cache)) {}

  std::shared_ptr<Cache> cache_;
};

/// Makes a function that is compiled when it is called. `ValueError` for a cache without room.
PYDL_API CompiledFunction compile(TensorFunction function, CompileOptions options = {});

}  // namespace pydl
