// Mixed precision: products and convolutions of float32 tensors computed in 16 bits, with float32 accumulation.
#pragma once

#include <optional>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// The dtype in which `matmul`, `linear` and convolutions of this thread compute what is float32; none outside of all
/// scopes.
PYDL_API std::optional<DType> autocast_dtype();
/// Sets it for the calling thread: bfloat16, float16, or none.
PYDL_API void set_autocast_dtype(std::optional<DType> dtype);

/// Sets it for a scope. Gradients are computed in the dtypes of what was recorded, inside of scopes and outside.
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

/// x itself, or in float32 inside of a scope where it is 16-bit: what losses and normalised exponentials compute in.
PYDL_API Tensor widened(const Tensor& x);

}  // namespace pydl
