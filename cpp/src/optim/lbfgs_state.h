// The iterations of L-BFGS and what they remember. The optimisers of C++ and of Python both consist of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/module_api.h"
#include "pydl/lbfgs.h"

namespace pydl::optim {

/// What is known of the function: the last steps and the changes of the gradient, as vectors of all parameters. No
/// tensor of it is ever overwritten, so copies may share them.
struct PYDL_MODULE_API LbfgsMemory {
  struct Pair {
    Tensor step;
    Tensor change;     // of the gradient
    double curvature;  // their inner product
  };

  /// Makes up to `options.iterations` iterations, which overwrite the parameters, and returns the loss before them.
  /// `closure` computes the loss and the gradients of the parameters. The learning rate is that of the tensor.
  double iterate(const std::vector<Tensor>& parameters, const LbfgsOptions& options, const Tensor& lr,
                 const std::function<double()>& closure);

  /// All of it by name, with the learning rate as "lr.0".
  ParamSet tensors(const Tensor& lr) const;
  /// Copies what `tensors` returned for such parameters, and returns the learning rate. `caller` names the function in
  /// messages.
  double load(const ParamSet& states, const std::vector<Tensor>& parameters, const std::string& caller);

  std::vector<Pair> pairs;
  double scale = 1;  // of the first guess of the inverse Hessian
  Tensor direction;
  Tensor gradient;  // at the last point
  double size = 0;  // of the last step, times the direction
  int64_t iterations = 0;
  int64_t evaluations = 0;
};

}  // namespace pydl::optim
