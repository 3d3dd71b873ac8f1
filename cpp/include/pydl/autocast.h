// Mixed precision: products and convolutions of float32 tensors computed in 16 bits, with float32 accumulation.
#pragma once

#include <optional>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// The dtype in which `matmul`, `linear` and convolutions on this thread compute with float32 operands; nothing outside
/// of all scopes.
PYDL_API std::optional<DType> autocast_dtype();
/// Sets this dtype for the calling thread: bfloat16, float16, or none.
PYDL_API void set_autocast_dtype(std::optional<DType> dtype);

/// Sets this dtype for a scope. Gradients are computed in the dtypes of the recorded ops, inside of scopes and outside.
class PYDL_API AutocastScope {
 public:
  explicit AutocastScope(std::optional<DType> dtype);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  std::optional<DType> previous_;
};

/// The dtype of a product of operands whose common dtype is `dtype`.
PYDL_API DType product_dtype(DType dtype);

/// x itself, or x in float32 if it is 16-bit and inside of a scope: the dtype in which losses and normalised
/// exponentials compute.
PYDL_API Tensor widened(const Tensor& x);

}  // namespace pydl
