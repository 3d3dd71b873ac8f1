// Losses of decisions: each element is 0 or 1, or a probability.
#include "loss_parts.h"

namespace pydl::nn {

namespace {

// `log_x`, the logarithm of probabilities x, bounded below by -100. At x = 0 its slope is large but finite, as in
// PyTorch, so that confident wrong predictions still get a gradient.
Tensor bounded_log(const Tensor& x, const Tensor& log_x) {
  const double slope = x.dtype() == DType::float16 ? 1e4 : 1e12;
  return where(equal(x, scalar_like(0, x)), x * slope - 100.0, maximum(log_x, scalar_like(-100.0, x)));
}

Tensor weighted(const char* name, const Tensor& losses, const Tensor& weight) {
  if (!weight.defined()) return losses;
  require_broadcastable(name, "a weight", weight, losses.shape());
  return losses * weight;
}

}  // namespace

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target, Reduction reduction,
                                        const Tensor& weight, const Tensor& positive_weight) try {
  const char* name = "binary_cross_entropy_with_logits";
  require_one_shape(name, logits, target);
  const Tensor x = computed(logits);
  const Tensor wanted = astype(target, x.dtype());
  Tensor losses;
  if (positive_weight.defined()) {
    require_broadcastable(name, "pos_weight", positive_weight, target.shape());
    losses = (1.0 - wanted) * x + ((positive_weight - 1.0) * wanted + 1.0) * softplus(-x);
  } else {
    losses = softplus(x) - x * wanted;
  }
  return reduced(weighted(name, losses, weight), reduction);
} catch (const Error&) {
  core::rethrow_as("binary_cross_entropy_with_logits");
}

Tensor binary_cross_entropy(const Tensor& probability, const Tensor& target, Reduction reduction,
                            const Tensor& weight) try {
  require_one_shape("binary_cross_entropy", probability, target);
  const Tensor p = computed(probability);
  const Tensor wanted = astype(target, p.dtype());
  const Tensor yes = bounded_log(p, log(p));
  const Tensor no = bounded_log(1.0 - p, log1p(-p));
  return reduced(weighted("binary_cross_entropy", -(wanted * yes + (1.0 - wanted) * no), weight), reduction);
} catch (const Error&) {
  core::rethrow_as("binary_cross_entropy");
}

Tensor sigmoid_focal_loss(const Tensor& logits, const Tensor& target, double alpha, double gamma,
                          Reduction reduction) try {
  require_one_shape("sigmoid_focal_loss", logits, target);
  require_at_least("sigmoid_focal_loss", "gamma", gamma, 0);
  if (!(alpha <= 1)) {
    throw ValueError(concat_text("sigmoid_focal_loss: expected alpha in [0, 1], or below 0 for none, got ", alpha));
  }
  const Tensor x = computed(logits);
  const Tensor yes = astype(target, x.dtype());
  const Tensor no = 1.0 - yes;
  Tensor losses = softplus(x) - x * yes;
  if (gamma > 0) {
    const Tensor wrong = yes * sigmoid(-x) + no * sigmoid(x);
    losses = losses * (gamma == 2 ? square(wrong) : pow(wrong, scalar_like(gamma, wrong)));
  }
  if (alpha >= 0) losses = losses * (yes * alpha + no * (1 - alpha));
  return reduced(losses, reduction);
} catch (const Error&) {
  core::rethrow_as("sigmoid_focal_loss");
}

Tensor dice_loss(const Tensor& probability, const Tensor& target, const Axes& axes, double smooth,
                 Reduction reduction) try {
  require_one_shape("dice_loss", probability, target);
  require_at_least("dice_loss", "smooth", smooth, 0);
  const Tensor p = computed(probability);
  const Tensor wanted = astype(target, p.dtype());
  const Tensor both = sum(p * wanted, axes) * 2.0 + smooth;
  return reduced(1.0 - both / (sum(p, axes) + sum(wanted, axes) + smooth), reduction);
} catch (const Error&) {
  core::rethrow_as("dice_loss");
}

}  // namespace pydl::nn
