// L-BFGS, which computes the loss several times in a step; the other optimisers are in optimizer.h.
//
//   optim::Lbfgs optimizer(params, {.line_search = true});
//   for (int i = 0; i < 20; ++i) {
//     optimizer.step([&] {
//       optimizer.zero_grad();
//       const Tensor loss = nn::mse_loss(model(x), y);
//       loss.backward();
//       return loss;
//     });
//   }
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "pydl/export.h"
#include "pydl/optimizer.h"
#include "pydl/params.h"

namespace pydl::optim {

struct LbfgsOptions {
  double lr = 1;                      ///< the length of steps, or what a line search begins with
  int64_t iterations = 20;            ///< at most, in a step
  std::optional<int64_t> calls = {};  ///< of the function, at most, in a step; by default 5/4 of the iterations
  double gradient_tolerance = 1e-7;   ///< a step ends when no element of the gradient is larger
  double change_tolerance = 1e-9;     ///< a step ends when neither loss nor parameters change by more
  int64_t history = 100;              ///< the number of iterations that are remembered
  bool line_search = false;  ///< look along each direction for a point that fulfils the strong Wolfe conditions
  Clipping clipping = {};    ///< of the gradients of each call
};

/// Limited-memory BFGS (Liu and Nocedal, 1989), for smooth losses of whole data sets; the results are those of Python's
/// pydl.optim.LBFGS. This is a handle: copies share parameters and state.
class PYDL_API Lbfgs {
 public:
  /// Clears the gradients, computes the loss and its gradients, and returns the loss. It may be a compiled function.
  using Closure = std::function<Tensor()>;

  /// Takes the tensors of a set that require gradients, or a list of leaves. `ValueError` if there are none, and for
  /// options that are out of range.
  explicit Lbfgs(const ParamSet& params, const LbfgsOptions& options = {});
  explicit Lbfgs(const std::vector<Tensor>& parameters, const LbfgsOptions& options = {});
  // A move copies, so that no handle is left empty.
  Lbfgs(const Lbfgs&) = default;
  Lbfgs& operator=(const Lbfgs&) = default;

  /// Makes up to `iterations` iterations and returns the loss before them. `TraceError` in a compiled function.
  double step(const Closure& closure);
  /// Drops the gradients of all parameters.
  void zero_grad();

  const std::vector<Tensor>& parameters() const;
  double lr() const;
  /// `ValueError` if the value is negative or infinite.
  void set_lr(double value);
  /// The number of iterations so far.
  int64_t steps() const;

  /// Learning rate, counts, and the memory of steps and gradients, with the names of Python's.
  ParamSet states() const;
  /// Copies what `states` returned for the same parameters in the same order. `ValueError` if it does not fit.
  void load_states(const ParamSet& states);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace pydl::optim
