// Second derivatives of the normalisation of rows.
#pragma once

#include "op/attrs/norm.h"
#include "pydl/tensor.h"

namespace pydl::ops {

/// The gradient for x of the sum of h times normalize_backward(g, x), in the dtype of the statistics.
Tensor normalize_backward_gradient(const Tensor& h, const Tensor& g, const Tensor& x, const op::NormalizeAttrs& attrs);

/// Statistics in 16-bit floats would lose most of their information.
inline DType dtype_of_statistics(DType dtype) { return item_size(dtype) == 2 ? DType::float32 : dtype; }

}  // namespace pydl::ops
