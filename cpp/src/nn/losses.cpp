// Losses of classes: cross-entropy, and those that are like it.
#include "loss_parts.h"

namespace pydl::nn {

int64_t class_axis(const char* name, const Tensor& scores) {
  if (scores.rank() == 0) throw ValueError(concat_text(name, ": expected scores (K), or (N, K, ...), got rank 0"));
  return scores.rank() == 1 ? 0 : 1;
}

void check_class_targets(const char* name, const Tensor& scores, const Tensor& target, int64_t axis) {
  Dims expected = scores.shape();
  expected.erase(static_cast<int>(axis));
  if (!is_integer(target.dtype()) || target.shape() != expected) {
    throw ValueError(concat_text(name, ": scores of shape ", scores.shape(), " expect class indices of shape ",
                                 expected, ", got ", target.dtype(), " of shape ", target.shape()));
  }
}

namespace {

// Class weights (K), shaped so that they broadcast along the class axis of `like`.
Tensor weights_along(const char* name, const Tensor& class_weights, const Tensor& like, int64_t axis) {
  require_class_weights(name, class_weights, like.size(axis));
  return line_along(class_weights, like.rank(), axis);
}

// What the targets' classes weigh, in the dtype of `losses`; 0 for those that are ignored.
Tensor scale_of(const Tensor& class_weights, const Tensor& target, const Tensor& counted, DType dtype) {
  const Tensor scale = astype(counted, dtype);
  if (!class_weights.defined()) return scale;
  return scale * take(class_weights, where(counted, target, scalar_like(0, target)), 0);
}

// Losses for class probabilities (N, K, ...). The mean is taken over the samples, as in PyTorch.
Tensor soft_cross_entropy(const Tensor& log_p, const Tensor& target, int64_t axis, const CrossEntropyOptions& options) {
  const auto classes = static_cast<double>(log_p.size(axis));
  Tensor wanted = target;
  if (options.label_smoothing > 0) {
    wanted = wanted * (1 - options.label_smoothing) + options.label_smoothing / classes;
  }
  Tensor weighted = log_p * wanted;
  if (options.class_weights.defined()) {
    weighted = weighted * weights_along("cross_entropy", options.class_weights, log_p, axis);
  }
  return reduced(-sum(weighted, std::vector<int64_t>{axis}), options.reduction);
}

// Cross-entropy of class indices with class weights and smoothing.
Tensor weighted_cross_entropy(const Tensor& logits, const Tensor& target, int64_t axis,
                              const CrossEntropyOptions& options) {
  const Tensor& weights = options.class_weights;
  if (weights.defined()) require_class_weights("cross_entropy", weights, logits.size(axis));
  Tensor losses = softmax_cross_entropy(logits, target, axis, options.ignore_index, Reduction::none);
  const Tensor counted = not_equal(target, options.ignore_index);
  const Tensor scale = scale_of(weights, target, counted, losses.dtype());
  losses = losses * scale;
  if (options.label_smoothing > 0) {
    const auto classes = static_cast<double>(logits.size(axis));
    Tensor per_class = log_softmax(logits, axis);
    if (weights.defined()) per_class = per_class * weights_along("cross_entropy", weights, logits, axis);
    const Tensor spread = sum(per_class, std::vector<int64_t>{axis}) * astype(counted, losses.dtype());
    losses = losses * (1 - options.label_smoothing) - spread * (options.label_smoothing / classes);
  }
  if (options.reduction == Reduction::mean) return sum(losses) / sum(scale);
  return options.reduction == Reduction::sum ? sum(losses) : losses;
}

// The scale of each class, in the shape that broadcasts along the axis, or of rank 0.
Tensor alpha_along(const FocalOptions& options, const Tensor& like, int64_t axis) {
  if (options.alpha.rank() == 0) return astype(options.alpha, like.dtype());
  return weights_along("softmax_focal_loss", options.alpha, like, axis);
}

// (1 - p)^gamma from the logarithm of p. Rounding may put p above 1.
Tensor doubt(const Tensor& log_p, double gamma) {
  const Tensor wrong = above_margin(-expm1(log_p));
  return gamma == 2 ? square(wrong) : pow(wrong, scalar_like(gamma, wrong));
}

Tensor soft_focal_loss(const Tensor& logits, const Tensor& target, int64_t axis, const FocalOptions& options) {
  const Tensor log_p = log_softmax(logits, axis);
  Tensor terms = -log_p * target;
  if (options.gamma > 0) terms = terms * doubt(log_p, options.gamma);
  if (options.alpha.defined()) terms = terms * alpha_along(options, log_p, axis);
  return reduced(sum(terms, std::vector<int64_t>{axis}), options.reduction);
}

Tensor focal_loss_of_indices(const Tensor& logits, const Tensor& target, int64_t axis, const FocalOptions& options) {
  if (options.alpha.defined()) alpha_along(options, logits, axis);  // checks the shape
  const Tensor entropy = softmax_cross_entropy(logits, target, axis, options.ignore_index, Reduction::none);
  Tensor losses = options.gamma > 0 ? entropy * doubt(-entropy, options.gamma) : entropy;
  const Tensor counted = not_equal(target, options.ignore_index);
  if (options.alpha.defined()) {
    losses = losses * (options.alpha.rank() == 0 ? alpha_along(options, logits, axis)
                                                 : scale_of(options.alpha, target, counted, losses.dtype()));
  }
  if (options.reduction == Reduction::mean) return sum(losses) / sum(astype(counted, losses.dtype()));
  return options.reduction == Reduction::sum ? sum(losses) : losses;
}

// Indices in which those that are not classes, and not ignored, are too large for `gather`, which counts negative ones
// from the end.
Tensor refusable(const Tensor& target, const Tensor& counted, int64_t classes) {
  const Tensor limit = scalar_like(classes, target);
  const Tensor zero = scalar_like(0, target);
  return where(counted, where(less(target, zero), limit, target), zero);
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) try {
  const int64_t axis = class_axis("cross_entropy", logits);
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1)) {
    throw ValueError(concat_text("cross_entropy: expected label_smoothing in [0, 1], got ", options.label_smoothing));
  }
  if (is_floating(target.dtype()) && target.shape() == logits.shape()) {
    return soft_cross_entropy(log_softmax(logits, axis), target, axis, options);
  }
  Dims expected = logits.shape();
  expected.erase(static_cast<int>(axis));
  if (!is_integer(target.dtype()) || target.shape() != expected) {
    throw ValueError(concat_text("cross_entropy: logits of shape ", logits.shape(), " expect class indices of shape ",
                                 expected, " or class probabilities of shape ", logits.shape(), ", got ",
                                 target.dtype(), " of shape ", target.shape()));
  }
  const Tensor index = astype(target, DType::int64);
  if (options.class_weights.defined() || options.label_smoothing > 0) {
    return weighted_cross_entropy(logits, index, axis, options);
  }
  return softmax_cross_entropy(logits, index, axis, options.ignore_index, options.reduction);
} catch (const Error&) {
  core::rethrow_as("cross_entropy");
}

Tensor nll_loss(const Tensor& log_probs, const Tensor& target, const NllOptions& options) try {
  const int64_t axis = class_axis("nll_loss", log_probs);
  check_class_targets("nll_loss", log_probs, target, axis);
  if (options.class_weights.defined()) {
    require_class_weights("nll_loss", options.class_weights, log_probs.size(axis));
  }
  const Tensor x = computed(log_probs);
  const Tensor index = astype(target, DType::int64);
  const Tensor counted = not_equal(index, options.ignore_index);
  const Tensor position = expand_dims(refusable(index, counted, x.size(axis)), axis);
  const Tensor chosen = squeeze(gather(x, position, axis), Axes{axis});
  const Tensor scale = scale_of(options.class_weights, index, counted, x.dtype());
  // An ignored element may be infinite, so its product with 0 would be NaN.
  const Tensor losses = -where(counted, chosen, scalar_like(0, chosen)) * scale;
  if (options.reduction == Reduction::mean) return sum(losses) / sum(scale);
  return options.reduction == Reduction::sum ? sum(losses) : losses;
} catch (const Error&) {
  core::rethrow_as("nll_loss");
}

Tensor softmax_focal_loss(const Tensor& logits, const Tensor& target, const FocalOptions& options) try {
  const int64_t axis = class_axis("softmax_focal_loss", logits);
  require_at_least("softmax_focal_loss", "gamma", options.gamma, 0);
  const Tensor x = computed(logits);
  if (is_floating(target.dtype()) && target.shape() == x.shape()) return soft_focal_loss(x, target, axis, options);
  check_class_targets("softmax_focal_loss", x, target, axis);
  return focal_loss_of_indices(x, astype(target, DType::int64), axis, options);
} catch (const Error&) {
  core::rethrow_as("softmax_focal_loss");
}

}  // namespace pydl::nn
