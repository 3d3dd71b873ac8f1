// Losses of numbers, and of the parameters of distributions.
#include <cmath>
#include <limits>
#include <numbers>

#include "loss_parts.h"

namespace pydl::nn {

namespace {

Tensor difference(const char* name, const Tensor& prediction, const Tensor& target) {
  require_one_shape(name, prediction, target);
  return computed(prediction) - target;
}

Tensor at_least(const Tensor& x, double limit) { return maximum(x, scalar_like(limit, x)); }

// The variance in a shape that broadcasts with predictions, at least epsilon. The limit has no influence on gradients.
Tensor limited_variance(const Tensor& variance, const Dims& shape, double epsilon) {
  Dims without = shape;
  if (!without.empty()) without.erase(without.rank() - 1);
  Dims with_one = without;
  if (!shape.empty()) with_one.push_back(1);
  if (variance.shape() != shape && variance.shape() != without && variance.shape() != with_one) {
    throw ValueError(concat_text("gaussian_nll_loss: expected a variance of shape ", shape, ", ", without, " or ",
                                 with_one, ", got ", variance.shape()));
  }
  const Tensor given = variance.shape() == without && without != shape ? expand_dims(variance, -1) : variance;
  const Tensor v = computed(given);
  return v + (at_least(v, epsilon) - v).detach();
}

}  // namespace

Tensor mse_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  require_one_shape("mse_loss", prediction, target);
  return reduced(squared_difference(widened(prediction), target), reduction);
} catch (const Error&) {
  core::rethrow_as("mse_loss");
}

Tensor l1_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  require_one_shape("l1_loss", prediction, target);
  return reduced(abs(widened(prediction) - target), reduction);
} catch (const Error&) {
  core::rethrow_as("l1_loss");
}

Tensor smooth_l1_loss(const Tensor& prediction, const Tensor& target, double beta, Reduction reduction) try {
  require_at_least("smooth_l1_loss", "beta", beta, 0);
  require_one_shape("smooth_l1_loss", prediction, target);
  const Tensor x = computed(prediction);
  if (beta == 0) return reduced(abs(x - target), reduction);
  return reduced(huber(x, target, scalar_like(beta, x)), reduction) * (1.0 / beta);
} catch (const Error&) {
  core::rethrow_as("smooth_l1_loss");
}

Tensor huber_loss(const Tensor& prediction, const Tensor& target, double delta, Reduction reduction) try {
  if (!(delta > 0)) throw ValueError(concat_text("huber_loss: expected delta above 0, got ", delta));
  require_one_shape("huber_loss", prediction, target);
  const Tensor x = computed(prediction);
  return reduced(huber(x, target, scalar_like(delta, x)), reduction);
} catch (const Error&) {
  core::rethrow_as("huber_loss");
}

Tensor log_cosh_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  const Tensor d = difference("log_cosh_loss", prediction, target);
  const Tensor size = abs(d);
  // cosh(d) = 1 + 2 sinh(d / 2)^2: without cancellation for small differences.
  const Tensor is_small = less(size, scalar_like(1, size));
  const Tensor near = where(is_small, d, scalar_like(0, d));
  const Tensor small = log1p(square(sinh(near * 0.5)) * 2.0);
  const Tensor large = size + softplus(size * -2.0) - std::numbers::ln2;
  return reduced(where(is_small, small, large), reduction);
} catch (const Error&) {
  core::rethrow_as("log_cosh_loss");
}

Tensor msle_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  require_one_shape("msle_loss", prediction, target);
  const Tensor x = computed(prediction);
  const Tensor t = astype(target, promote(x.dtype(), computed(target).dtype()));
  return reduced(square(log1p(at_least(x, 0)) - log1p(at_least(t, 0))), reduction);
} catch (const Error&) {
  core::rethrow_as("msle_loss");
}

Tensor mape_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  const Tensor d = difference("mape_loss", prediction, target);
  return reduced(abs(d) / at_least(abs(astype(target, d.dtype())), 1e-7) * 100.0, reduction);
} catch (const Error&) {
  core::rethrow_as("mape_loss");
}

Tensor kl_div(const Tensor& log_probs, const Tensor& target, const KlDivOptions& options) try {
  require_one_shape("kl_div", log_probs, target);
  const Tensor x = computed(log_probs);
  const Tensor t = computed(target);
  const double nothing = options.log_target ? -std::numeric_limits<double>::infinity() : 0;
  const Tensor absent = equal(t, scalar_like(nothing, t));
  // What has no probability adds nothing, also where the other logarithm is infinite.
  const Tensor safe = where(absent, scalar_like(options.log_target ? 0.0 : 1.0, t), t);
  const Tensor terms = options.log_target ? exp(safe) * (safe - x) : safe * (log(safe) - x);
  const Tensor losses = where(absent, scalar_like(0, terms), terms);
  if (!options.batch_mean) return reduced(losses, options.reduction);
  if (losses.rank() == 0) throw ValueError("kl_div: expected an axis of samples for batchmean, got rank 0");
  return sum(losses) / static_cast<double>(losses.size(0));
} catch (const Error&) {
  core::rethrow_as("kl_div");
}

Tensor poisson_nll_loss(const Tensor& prediction, const Tensor& target, const PoissonNllOptions& options) try {
  require_one_shape("poisson_nll_loss", prediction, target);
  const Tensor x = computed(prediction);
  const Tensor t = computed(target);
  Tensor losses = options.log_input ? exp(x) - t * x : x - t * log(x + options.epsilon);
  if (options.full) {
    const Tensor above_one = greater(t, scalar_like(1, t));
    const Tensor safe = where(above_one, t, scalar_like(2, t));
    const Tensor stirling = safe * log(safe) - safe + log(safe * (2 * std::numbers::pi)) * 0.5;
    losses = losses + where(above_one, stirling, scalar_like(0, stirling));
  }
  return reduced(losses, options.reduction);
} catch (const Error&) {
  core::rethrow_as("poisson_nll_loss");
}

Tensor gaussian_nll_loss(const Tensor& prediction, const Tensor& target, const Tensor& variance,
                         const GaussianNllOptions& options) try {
  if (!(options.epsilon > 0)) {
    throw ValueError(concat_text("gaussian_nll_loss: expected eps above 0, got ", options.epsilon));
  }
  const Tensor d = difference("gaussian_nll_loss", prediction, target);
  const Tensor v = limited_variance(variance, prediction.shape(), options.epsilon);
  Tensor losses = (log(v) + square(d) / v) * 0.5;
  if (options.full) losses = losses + 0.5 * std::log(2 * std::numbers::pi);
  return reduced(losses, options.reduction);
} catch (const Error&) {
  core::rethrow_as("gaussian_nll_loss");
}

}  // namespace pydl::nn
