// Losses, composed from ops.
#include "core/named.h"
#include "pydl/autocast.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::mean ? mean(losses) : sum(losses);
}

void require_one_shape(const char* name, const Tensor& prediction, const Tensor& target) {
  if (prediction.shape() != target.shape()) {
    throw ValueError(concat_text(name, ": expected a target of shape ", prediction.shape(), ", got ", target.shape()));
  }
}

// Class weights (K), shaped so that they broadcast along the class axis of `like`.
Tensor weights_along(const Tensor& class_weights, const Tensor& like, int64_t axis) {
  if (class_weights.shape() != Dims{like.size(axis)}) {
    throw ValueError(concat_text("cross_entropy: expected class weights of shape (", like.size(axis), ",), got ",
                                 class_weights.shape()));
  }
  Dims shape = Dims::filled(like.rank(), 1);
  shape[static_cast<int>(axis)] = like.size(axis);
  return reshape(class_weights, shape);
}

// Losses for class probabilities (N, K, ...). The mean is taken over the samples, as in PyTorch.
Tensor soft_cross_entropy(const Tensor& log_p, const Tensor& target, int64_t axis, const CrossEntropyOptions& options) {
  const auto classes = static_cast<double>(log_p.size(axis));
  Tensor wanted = target;
  if (options.label_smoothing > 0) {
    wanted = wanted * (1 - options.label_smoothing) + options.label_smoothing / classes;
  }
  Tensor weighted = log_p * wanted;
  if (options.class_weights.defined()) weighted = weighted * weights_along(options.class_weights, log_p, axis);
  return reduced(-sum(weighted, std::vector<int64_t>{axis}), options.reduction);
}

void check_class_targets(const Tensor& logits, const Tensor& target, int64_t axis) {
  Dims expected = logits.shape();
  expected.erase(static_cast<int>(axis));
  if (!is_integer(target.dtype()) || target.shape() != expected) {
    throw ValueError(concat_text("cross_entropy: logits of shape ", logits.shape(), " expect class indices of shape ",
                                 expected, " or class probabilities of shape ", logits.shape(), ", got ",
                                 target.dtype(), " of shape ", target.shape()));
  }
}

// Cross-entropy of class indices with class weights and smoothing.
Tensor weighted_cross_entropy(const Tensor& logits, const Tensor& target, int64_t axis,
                              const CrossEntropyOptions& options) {
  Tensor losses = softmax_cross_entropy(logits, target, axis, options.ignore_index, Reduction::none);
  const Tensor counted = not_equal(target, options.ignore_index);
  Tensor scale = astype(counted, losses.dtype());
  if (options.class_weights.defined()) {
    weights_along(options.class_weights, logits, axis);  // checks the shape
    scale = scale * take(options.class_weights, where(counted, target, scalar_like(0, target)), 0);
  }
  losses = losses * scale;
  if (options.label_smoothing > 0) {
    const auto classes = static_cast<double>(logits.size(axis));
    Tensor per_class = log_softmax(logits, axis);
    if (options.class_weights.defined()) per_class = per_class * weights_along(options.class_weights, logits, axis);
    const Tensor spread = sum(per_class, std::vector<int64_t>{axis}) * astype(counted, losses.dtype());
    losses = losses * (1 - options.label_smoothing) - spread * (options.label_smoothing / classes);
  }
  if (options.reduction == Reduction::mean) return sum(losses) / sum(scale);
  return options.reduction == Reduction::sum ? sum(losses) : losses;
}

// `log_x`, the logarithm of probabilities x, bounded below by -100. At x = 0 its slope is large but finite, as in
// PyTorch, so that confident wrong predictions still get a gradient.
Tensor bounded_log(const Tensor& x, const Tensor& log_x) {
  const double slope = x.dtype() == DType::float16 ? 1e4 : 1e12;
  return where(equal(x, scalar_like(0, x)), x * slope - 100.0, maximum(log_x, scalar_like(-100.0, x)));
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) try {
  if (logits.rank() == 0) throw ValueError("cross_entropy: expected logits (K), or (N, K, ...), got rank 0");
  const int64_t axis = logits.rank() == 1 ? 0 : 1;
  if (options.label_smoothing < 0 || options.label_smoothing > 1) {
    throw ValueError(concat_text("cross_entropy: expected label_smoothing in [0, 1], got ", options.label_smoothing));
  }
  if (is_floating(target.dtype()) && target.shape() == logits.shape()) {
    return soft_cross_entropy(log_softmax(logits, axis), target, axis, options);
  }
  check_class_targets(logits, target, axis);
  const Tensor index = astype(target, DType::int64);
  if (options.class_weights.defined() || options.label_smoothing > 0) {
    return weighted_cross_entropy(logits, index, axis, options);
  }
  return softmax_cross_entropy(logits, index, axis, options.ignore_index, options.reduction);
} catch (const Error&) {
  core::rethrow_as("cross_entropy");
}

Tensor mse_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  require_one_shape("mse_loss", prediction, target);
  return reduced(square(widened(prediction) - target), reduction);
} catch (const Error&) {
  core::rethrow_as("mse_loss");
}

Tensor l1_loss(const Tensor& prediction, const Tensor& target, Reduction reduction) try {
  require_one_shape("l1_loss", prediction, target);
  return reduced(abs(widened(prediction) - target), reduction);
} catch (const Error&) {
  core::rethrow_as("l1_loss");
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target, Reduction reduction) try {
  require_one_shape("binary_cross_entropy_with_logits", logits, target);
  const Tensor x = widened(logits);
  return reduced(softplus(x) - x * astype(target, x.dtype()), reduction);
} catch (const Error&) {
  core::rethrow_as("binary_cross_entropy_with_logits");
}

Tensor binary_cross_entropy(const Tensor& probability, const Tensor& target, Reduction reduction) try {
  require_one_shape("binary_cross_entropy", probability, target);
  const Tensor p = widened(probability);
  const Tensor wanted = astype(target, p.dtype());
  const Tensor yes = bounded_log(p, log(p));
  const Tensor no = bounded_log(1.0 - p, log1p(-p));
  return reduced(-(wanted * yes + (1.0 - wanted) * no), reduction);
} catch (const Error&) {
  core::rethrow_as("binary_cross_entropy");
}

}  // namespace pydl::nn
