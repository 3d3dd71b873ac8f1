// Optimiser updates. Each is one fused op that updates all parameters in place, as in torch.optim.
#pragma once

#include <optional>
#include <span>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl::optim {

struct SgdOptions {
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool operator==(const SgdOptions&) const = default;
};

/// Without momentum, `velocities` is empty. `step` (int64, rank 0) counts calls; `lr` is float64 of rank 0.
PYDL_API void sgd_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> velocities,
                         std::span<const Tensor> gradients, const Tensor& lr, const SgdOptions& options);

/// `sgd_update` without options, for one table (K, D...) whose gradient is `take_backward(gradient, index, 0, K,
/// skip)`. Touches only the rows that the index selects. Indices that are out of range are ignored, and there is no
/// step counter.
PYDL_API void sgd_update_rows(const Tensor& parameter, const Tensor& gradient, const Tensor& index, const Tensor& lr,
                              std::optional<int64_t> skip = {});

struct RmspropOptions {
  double alpha = 0.99;
  double epsilon = 1e-8;
  double momentum = 0;
  double weight_decay = 0;
  bool operator==(const RmspropOptions&) const = default;
};

PYDL_API void rmsprop_update(const Tensor& step, std::span<const Tensor> parameters,
                             std::span<const Tensor> square_averages, std::span<const Tensor> velocities,
                             std::span<const Tensor> gradients, const Tensor& lr, const RmspropOptions& options);

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  ///< apply weight decay separately from the gradient (AdamW; Loshchilov and Hutter, 2017)
  bool operator==(const AdamOptions&) const = default;
};

PYDL_API void adam_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> first_moments,
                          std::span<const Tensor> second_moments, std::span<const Tensor> gradients, const Tensor& lr,
                          const AdamOptions& options);

}  // namespace pydl::optim
