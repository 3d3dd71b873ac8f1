// Tensors like others, and spaced numbers that are composed of `linspace`.
#include <cmath>

#include "core/named.h"
#include "pydl/creation.h"
#include "pydl/ops.h"

namespace pydl {

Tensor full_like(const Tensor& x, Scalar value, std::optional<DType> dtype) try {
  return full(x.shape(), value, dtype.value_or(x.dtype()));
} catch (const OverflowError& error) {
  throw OverflowError(core::renamed("full_like", error.what()));
} catch (const Error&) {
  core::rethrow_as("full_like");
}

Tensor empty_like(const Tensor& x, std::optional<DType> dtype) try {
  return Tensor::empty(x.shape(), dtype.value_or(x.dtype()));
} catch (const Error&) {
  core::rethrow_as("empty_like");
}

Tensor linspace_open(double start, double stop, int64_t count, DType dtype) try {
  if (count <= 0) return linspace(start, stop, count, dtype);
  // The last of one more is stop itself.
  if (is_integer(dtype)) return slice(linspace(start, stop, count + 1, dtype), {0}, {count}, {1});
  const double step = (stop - start) / static_cast<double>(count);
  return linspace(start, start + step * static_cast<double>(count - 1), count, dtype);
} catch (const Error&) {
  core::rethrow_as("linspace_open");
}

Tensor logspace(double start, double stop, int64_t count, double base, bool endpoint, DType dtype) try {
  if (!is_floating(dtype)) throw TypeError(concat_text("logspace: expected a floating-point dtype, got ", dtype));
  const Tensor exponents =
      endpoint ? linspace(start, stop, count, DType::float64) : linspace_open(start, stop, count, DType::float64);
  return astype(pow(Tensor::scalar(base, DType::float64), exponents), dtype);
} catch (const Error&) {
  core::rethrow_as("logspace");
}

}  // namespace pydl
