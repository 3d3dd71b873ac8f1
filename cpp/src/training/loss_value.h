// The value of a loss for a batch, with how much the batch counts.
#pragma once

#include "pydl/trainer.h"

namespace pydl::train {

struct LossValue {
  Tensor mean;    ///< of rank 0
  Tensor weight;  ///< what it was divided by, float64 of rank 0: a number of samples, or a sum of weights
};

/// `weights` (N) are those of the samples; undefined without any.
LossValue measure(const Loss& loss, std::span<const Tensor> outputs, std::span<const Tensor> targets,
                  const Tensor& weights, int64_t samples);

}  // namespace pydl::train
