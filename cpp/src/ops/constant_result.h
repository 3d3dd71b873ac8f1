// Results that do not change with small changes of an input.
#pragma once

#include "pydl/ops.h"

namespace pydl::ops {

/// A result, to which x, of a shape that broadcasts to that of the result, contributes zeros as its gradient: others
/// than none, so that `grad` finds a derivative. The elements of x do not matter, and may be NaN.
inline Tensor with_zero_gradient(const Tensor& result, const Tensor& x) {
  if (!is_floating(x.dtype())) return result;
  return where(Tensor::scalar(0, DType::boolean), x, result);
}

}  // namespace pydl::ops
