// Optimiser updates. Each is one fused op that updates all parameters in place, as in torch.optim.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pydl/export.h"
#include "pydl/optimizer_options.h"
#include "pydl/tensor.h"

namespace pydl::optim {

/// Without momentum, `velocities` is empty. `step` (int64, rank 0) counts calls; `lr` is float64 of rank 0.
PYDL_API void sgd_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> velocities,
                         std::span<const Tensor> gradients, const Tensor& lr, const SgdOptions& options);

/// `sgd_update` without options, for one table (K, D...) whose gradient is `take_backward(gradient, index, 0, K,
/// skip)`. Touches only the rows that the index selects. Indices that are out of range are ignored, and there is no
/// step counter.
PYDL_API void sgd_update_rows(const Tensor& parameter, const Tensor& gradient, const Tensor& index, const Tensor& lr,
                              std::optional<int64_t> skip = {});

/// Without momentum, `velocities` is empty. `centered` needs more states: see `update`.
PYDL_API void rmsprop_update(const Tensor& step, std::span<const Tensor> parameters,
                             std::span<const Tensor> square_averages, std::span<const Tensor> velocities,
                             std::span<const Tensor> gradients, const Tensor& lr, const RmspropOptions& options);

/// `amsgrad` needs more states: see `update`.
PYDL_API void adam_update(const Tensor& step, std::span<const Tensor> parameters, std::span<const Tensor> first_moments,
                          std::span<const Tensor> second_moments, std::span<const Tensor> gradients, const Tensor& lr,
                          const AdamOptions& options);

// Every update by its options. `states` are lists with one tensor for each parameter, and have the dtype of the
// parameter or, for 16-bit parameters, float32. The lists are those of the names that `Optimizer::states` shows, in
// this order:
//   Sgd       velocity, with momentum
//   RmsProp   square_average; velocity, with momentum; gradient_average, if centered
//   Adam      first_moment, second_moment; max_second_moment, with amsgrad
//   Adagrad   sum
//   Adadelta  square_average, delta_average
//   Adamax    first_moment, infinity_norm
//   Nadam, Radam, Lamb   first_moment, second_moment
//   Rprop     previous_gradient, step_size
//   Lion      first_moment
//   Muon      velocity
using TensorLists = std::span<const std::vector<Tensor>>;
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const SgdOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const RmspropOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const AdamOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const AdagradOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const AdadeltaOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const AdamaxOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const NadamOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const RadamOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const RpropOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const LionOptions& options);
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const LambOptions& options);
/// Parameters are matrices. This update is composed of other ops.
PYDL_API void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
                     std::span<const Tensor> gradients, const Tensor& lr, const MuonOptions& options);

}  // namespace pydl::optim
