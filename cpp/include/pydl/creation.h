// Tensors like others, and numbers that are evenly spaced.
#pragma once

#include <optional>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// All elements equal to `value`, in the shape of x, and in its dtype if no other is given.
PYDL_API Tensor full_like(const Tensor& x, Scalar value, std::optional<DType> dtype = {});
/// Memory with undefined contents, in the shape of x, and in its dtype if no other is given.
PYDL_API Tensor empty_like(const Tensor& x, std::optional<DType> dtype = {});
/// `count` evenly spaced numbers from `start`, the last of which is a step before `stop`. `linspace` includes it.
PYDL_API Tensor linspace_open(double start, double stop, int64_t count, DType dtype = DType::float32);
/// base to the power of `count` evenly spaced numbers.
PYDL_API Tensor logspace(double start, double stop, int64_t count, double base = 10, bool endpoint = true,
                         DType dtype = DType::float32);

}  // namespace pydl
