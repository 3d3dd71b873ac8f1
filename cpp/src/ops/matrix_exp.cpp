// The exponential function of matrices: scaling, a Pade approximation of degree 13, and squaring (Higham, 2005).
#include <array>
#include <limits>

#include "core/named.h"
#include "pydl/linalg.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl::linalg {

namespace {

// Up to this norm, the approximation is exact to double precision.
constexpr double largest_norm = 5.37;
// A compiled function has a fixed number of steps. 2^32 times the norm above is 2e10.
constexpr int64_t compiled_steps = 32;

// Of the numerator, over the first one. The denominator has the opposite sign for odd powers.
constexpr std::array<double, 14> coefficients = [] {
  std::array<double, 14> result{};
  double value = 1;
  for (int k = 0; k < 14; ++k) {
    result[static_cast<size_t>(k)] = value;
    value *= static_cast<double>(13 - k) / static_cast<double>((26 - k) * (k + 1));
  }
  return result;
}();

// The sum of the three matrices, times three coefficients that are two apart.
Tensor combined(const std::array<Tensor, 3>& powers, size_t first) {
  Tensor sum = powers[0] * coefficients[first];
  for (size_t i = 1; i < 3; ++i) sum = add(sum, powers[i] * coefficients[first + 2 * i]);
  return sum;
}

Tensor approximation(const Tensor& x) {
  const Tensor identity = eye(x.size(-1), x.size(-1), 0, x.dtype());
  const Tensor square = matmul(x, x);
  const Tensor fourth = matmul(square, square);
  const std::array<Tensor, 3> powers = {square, fourth, matmul(fourth, square)};
  const auto half = [&](size_t lowest) {
    const Tensor high = matmul(powers[2], combined(powers, lowest + 8));
    return add(add(high, combined(powers, lowest + 2)), identity * coefficients[lowest]);
  };
  const Tensor even = half(0);
  const Tensor odd = matmul(x, half(1));
  return solve(subtract(even, odd), add(even, odd));
}

// How often each matrix must be halved.
Tensor halvings(const Tensor& x) {
  const Tensor norm = matrix_norm(x.detach(), MatrixNorm::columns, true);
  const Tensor steps = ceil(log2(maximum(norm / largest_norm, scalar_like(1.0, norm))));
  return where(isfinite(norm), steps, scalar_like(0.0, norm));
}

}  // namespace

Tensor matrix_exp(const Tensor& x) try {
  if (x.rank() < 2 || x.size(-2) != x.size(-1)) {
    throw ValueError(concat_text("expected square matrices, got shape ", x.shape()));
  }
  const Tensor real = is_floating(x.dtype()) ? x : astype(x, DType::float32);
  if (real.size() == 0) return real;
  const Tensor steps = halvings(real);
  const int64_t most = is_tracing() ? compiled_steps : static_cast<int64_t>(max(steps).item());
  Tensor scale = ones_like(steps);
  for (int64_t i = 0; i < most; ++i) scale = where(greater(steps, i), scale * 0.5, scale);
  Tensor result = approximation(multiply(real, scale));
  for (int64_t i = 0; i < most; ++i) result = where(greater(steps, i), matmul(result, result), result);
  if (!is_tracing()) return result;
  return where(greater(steps, compiled_steps), scalar_like(std::numeric_limits<double>::quiet_NaN(), result), result);
} catch (const Error&) {
  core::rethrow_as("matrix_exp");
}

}  // namespace pydl::linalg
