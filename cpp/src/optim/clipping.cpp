// Clipping of gradients, by their joint norm or by the values of their elements.
#include <cmath>

#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/optimizer.h"
#include "pydl/program.h"

namespace pydl::optim {

namespace {

// The sum over the squares of all gradients, computed in `narrowest` or wider; float64 of rank 0.
Tensor sum_of_squares(std::span<const Tensor> owners, DType narrowest) {
  Tensor total = zeros({}, DType::float64);
  for (const Tensor& owner : owners) {
    const Tensor gradient = owner.grad();
    total = total + astype(sum(square(astype(gradient, promote(gradient.dtype(), narrowest)))), DType::float64);
  }
  return total;
}

// Float32 is enough unless squares overflow, or so many underflow that it matters. A trace computes both sums, because
// it must not depend on values; an eager call computes the second one only if it is needed.
Tensor joint_norm(std::span<const Tensor> owners) {
  const Tensor total = sum_of_squares(owners, DType::float32);
  const Tensor suffices = logical_and(isfinite(total), greater(total, 1e-30));
  if (!is_tracing() && suffices.item() != 0) return sqrt(total);
  return sqrt(where(suffices, total, sum_of_squares(owners, DType::float64)));
}

// (sum of |g|^order)^(1 / order) over all gradients, in double; divided by the largest one, powers do not overflow.
Tensor joint_norm(std::span<const Tensor> owners, double order) {
  if (order == 2) return joint_norm(owners);
  Tensor largest = zeros({}, DType::float64);
  for (const Tensor& owner : owners) {
    if (owner.size() == 0) continue;
    largest = maximum(largest, astype(max(abs(owner.grad())), DType::float64));
  }
  if (std::isinf(order)) return largest;
  const Tensor usable = logical_and(isfinite(largest), greater(largest, 0));
  const Tensor unit = where(usable, largest, ones({}, DType::float64));
  const Tensor power = full({}, order, DType::float64);
  Tensor total = zeros({}, DType::float64);
  for (const Tensor& owner : owners) {
    total = total + sum(pow(abs(astype(owner.grad(), DType::float64)) / unit, power));
  }
  return where(usable, unit * pow(total, full({}, 1 / order, DType::float64)), largest);
}

void require_finite(const Tensor& norm) {
  if (is_tracing()) {
    throw TraceError(
        "clip_grad_norm: error_if_nonfinite needs the value of the norm, which is not known while a function is "
        "traced; leave it out, return the norm from the compiled function, and check it after the call");
  }
  if (std::isfinite(norm.item())) return;
  throw Error(concat_text("clip_grad_norm: the norm of the gradients is ", norm.item(),
                          "; look for what made a gradient infinite or not a number, or leave error_if_nonfinite out "
                          "to go on"));
}

// Computed in at least float32, because a factor of 16 bits could be 0.
Tensor scaled(const Tensor& gradient, const Tensor& factor) {
  const DType dtype = promote(gradient.dtype(), DType::float32);
  return astype(astype(gradient, dtype) * astype(factor, dtype), gradient.dtype());
}

// Those of the parameters that have a gradient.
std::vector<Tensor> owners_of_gradients(std::span<const Tensor> parameters, const char* caller) {
  std::vector<Tensor> owners;
  for (const Tensor& parameter : parameters) {
    if (!parameter.defined()) throw ValueError(concat_text(caller, ": an undefined tensor was given"));
    if (parameter.grad().defined()) owners.push_back(parameter);
  }
  return owners;
}

// A traced gradient is replaced, because it may be an argument of the program, which must not be overwritten.
void replace_gradient(Tensor& owner, const Tensor& gradient) {
  if (is_tracing()) {
    owner.set_grad(gradient);
  } else {
    assign(owner.grad(), gradient);
  }
}

}  // namespace

Tensor clip_grad_norm(std::span<const Tensor> parameters, double max_norm, bool error_if_nonfinite, double norm_type) {
  if (!(max_norm >= 0)) {
    throw ValueError(concat_text("clip_grad_norm: expected max_norm of at least 0, got ", max_norm));
  }
  if (!(norm_type > 0)) {
    throw ValueError(concat_text("clip_grad_norm: expected norm_type above 0, got ", norm_type));
  }
  std::vector<Tensor> owners = owners_of_gradients(parameters, "clip_grad_norm");
  const GradMode without_history(false);
  const Tensor norm = joint_norm(owners, norm_type);
  if (error_if_nonfinite) require_finite(norm);
  const Tensor bound = full({}, max_norm, DType::float64);
  const Tensor fits = less_equal(norm, bound);
  if (!is_tracing() && fits.item() != 0) return norm;
  // If the norm is NaN, all gradients become NaN, as in PyTorch. A product with 1 changes no bits.
  const Tensor factor = where(fits, ones({}, DType::float64), bound / norm);
  for (Tensor& owner : owners) replace_gradient(owner, scaled(owner.grad(), factor));
  return norm;
}

void clip_grad_value(std::span<const Tensor> parameters, double max_value) {
  if (!(max_value >= 0)) {
    throw ValueError(concat_text("clip_grad_value: expected max_value of at least 0, got ", max_value));
  }
  const GradMode without_history(false);
  for (Tensor& owner : owners_of_gradients(parameters, "clip_grad_value")) {
    const DType dtype = owner.grad().dtype();
    // Bounds beyond the range of 16 bits become infinite there, and bound nothing.
    replace_gradient(owner, clip(owner.grad(), full({}, -max_value, dtype), full({}, max_value, dtype)));
  }
}

}  // namespace pydl::optim
