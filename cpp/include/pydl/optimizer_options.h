// The options of each optimiser, with the defaults of torch.optim where it has the optimiser.
#pragma once

#include <cstdint>

namespace pydl::optim {

// Three options are shared. `weight_decay` times the parameter is added to the gradient; with `decoupled`, parameters
// are instead multiplied by 1 - lr * weight_decay before each step (Loshchilov and Hutter, 2017). With `maximize`,
// steps are made along the gradient instead of against it.

/// Stochastic gradient descent.
struct PYDL_API SgdOptions {
  static constexpr double default_lr = 0.01;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool decoupled = false;
  bool maximize = false;
  bool operator==(const SgdOptions&) const = default;
};

/// Hinton (2012).
struct PYDL_API RmspropOptions {
  static constexpr double default_lr = 0.01;
  double alpha = 0.99;
  double epsilon = 1e-8;
  double momentum = 0;
  double weight_decay = 0;
  bool centered = false;  ///< divide by the standard deviation of gradients instead of the root of their mean square
  bool maximize = false;
  bool operator==(const RmspropOptions&) const = default;
};

/// Kingma and Ba (2015); with `decoupled` AdamW.
struct PYDL_API AdamOptions {
  static constexpr double default_lr = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;
  bool amsgrad = false;  ///< divide by the largest second moment so far (Reddi et al., 2018)
  bool maximize = false;
  bool operator==(const AdamOptions&) const = default;
};

/// Duchi et al. (2011).
struct PYDL_API AdagradOptions {
  static constexpr double default_lr = 0.01;
  double lr_decay = 0;
  double initial_accumulator_value = 0;
  double epsilon = 1e-10;
  double weight_decay = 0;
  bool maximize = false;
  bool operator==(const AdagradOptions&) const = default;
};

/// Zeiler (2012).
struct PYDL_API AdadeltaOptions {
  static constexpr double default_lr = 1.0;
  double rho = 0.9;
  double epsilon = 1e-6;
  double weight_decay = 0;
  bool maximize = false;
  bool operator==(const AdadeltaOptions&) const = default;
};

/// Adam with the infinity norm (Kingma and Ba, 2015).
struct PYDL_API AdamaxOptions {
  static constexpr double default_lr = 0.002;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool maximize = false;
  bool operator==(const AdamaxOptions&) const = default;
};

/// Adam with Nesterov's momentum (Dozat, 2016).
struct PYDL_API NadamOptions {
  static constexpr double default_lr = 0.002;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 0.004;
  bool decoupled = false;
  bool maximize = false;
  bool operator==(const NadamOptions&) const = default;
};

/// Adam whose first steps, of which the second moment says little, do not divide by it (Liu et al., 2020).
struct PYDL_API RadamOptions {
  static constexpr double default_lr = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;
  bool maximize = false;
  bool operator==(const RadamOptions&) const = default;
};

/// Steps by the signs of gradients alone (Riedmiller and Braun, 1993); for whole data sets rather than batches.
struct PYDL_API RpropOptions {
  static constexpr double default_lr = 0.01;
  double eta_minus = 0.5;
  double eta_plus = 1.2;
  double step_min = 1e-6;
  double step_max = 50;
  bool maximize = false;
  bool operator==(const RpropOptions&) const = default;
};

/// The sign of a running mean of gradients (Chen et al., 2023). Weight decay is decoupled.
struct PYDL_API LionOptions {
  static constexpr double default_lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
  bool maximize = false;
  bool operator==(const LionOptions&) const = default;
};

/// Adam whose step has, for each tensor, a length in proportion to that of the parameter (You et al., 2020). Weight
/// decay is part of that step.
struct PYDL_API LambOptions {
  static constexpr double default_lr = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-6;
  double weight_decay = 0;
  bool maximize = false;
  bool operator==(const LambOptions&) const = default;
};

/// Momentum made orthogonal by Newton-Schulz iterations, for matrices (Jordan et al., 2024). Weight decay is decoupled.
struct PYDL_API MuonOptions {
  static constexpr double default_lr = 0.001;
  double momentum = 0.95;
  double weight_decay = 0.1;
  double a = 3.4445;  ///< coefficients of an iteration: x = a x + (b x x' + c (x x')^2) x
  double b = -4.775;
  double c = 2.0315;
  double epsilon = 1e-7;  ///< least norm that a momentum is divided by
  int64_t steps = 5;      ///< the number of iterations
  bool nesterov = true;
  bool match_adamw = false;  ///< scale steps of (A, B) by 0.2 sqrt(max(A, B)) instead of sqrt(max(1, A / B))
  bool maximize = false;
  bool operator==(const MuonOptions&) const = default;
};

}  // namespace pydl::optim
