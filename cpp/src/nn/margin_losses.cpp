// Losses that demand a margin between the scores of classes, or of decisions.
#include "loss_parts.h"
#include "pydl/statistics.h"

namespace pydl::nn {

namespace {

// Scores (N, K), or (K), as (N, K).
Tensor as_rows(const char* name, const Tensor& scores) {
  if (scores.rank() != 1 && scores.rank() != 2) {
    throw ValueError(concat_text(name, ": expected scores (N, K), or (K), got shape ", scores.shape()));
  }
  return scores.rank() == 2 ? scores : reshape(scores, {1, scores.size()});
}

// One loss per sample, in the rank that belongs to the scores that were given.
Tensor reduced_rows(const Tensor& losses, const Tensor& scores, Reduction reduction) {
  return reduced(scores.rank() == 1 ? reshape(losses, {}) : losses, reduction);
}

// 0 counts as -1, as in Keras.
Tensor signed_target(const Tensor& target, DType dtype) {
  const Tensor t = astype(target, dtype);
  return where(equal(t, scalar_like(0, t)), scalar_like(-1, t), t);
}

Tensor hinge(const char* name, const Tensor& score, const Tensor& target) {
  require_one_shape(name, score, target);
  const Tensor x = computed(score);
  return relu(1.0 - signed_target(target, x.dtype()) * x);
}

}  // namespace

Tensor multi_margin_loss(const Tensor& scores, const Tensor& target, const MultiMarginOptions& options) try {
  if (options.p != 1 && options.p != 2) {
    throw ValueError(concat_text("multi_margin_loss: expected p of 1 or 2, got ", options.p));
  }
  const Tensor x = as_rows("multi_margin_loss", computed(scores));
  check_class_targets("multi_margin_loss", scores, target, class_axis("multi_margin_loss", scores));
  const Tensor given = reshape(astype(target, DType::int64), {x.size(0), 1});
  const int64_t classes = x.size(1);
  // `gather` counts negative indices from the end; no class is meant by them here.
  const Tensor index = where(less(given, scalar_like(0, given)), scalar_like(classes, given), given);
  const Tensor others = not_equal(reshape(pydl::arange(0, classes, 1, DType::int64), {1, classes}), index);
  const Tensor wrong = relu(x - gather(x, index, 1) + options.margin) * astype(others, x.dtype());
  Tensor losses = sum(options.p == 2 ? square(wrong) : wrong, Axes{1}) / static_cast<double>(classes);
  if (options.class_weights.defined()) {
    require_class_weights("multi_margin_loss", options.class_weights, classes);
    losses = losses * take(options.class_weights, reshape(index, {x.size(0)}), 0);
  }
  return reduced_rows(losses, scores, options.reduction);
} catch (const Error&) {
  core::rethrow_as("multi_margin_loss");
}

Tensor multilabel_margin_loss(const Tensor& scores, const Tensor& target, Reduction reduction) try {
  require_one_shape("multilabel_margin_loss", scores, target);
  if (!is_integer(target.dtype())) {
    throw ValueError(concat_text("multilabel_margin_loss: expected integers as target, got ", target.dtype()));
  }
  const Tensor x = as_rows("multilabel_margin_loss", computed(scores));
  const int64_t rows = x.size(0);
  const int64_t classes = x.size(1);
  const Tensor labels = reshape(astype(target, DType::int64), {rows, classes});
  const Tensor zero = scalar_like(0, labels);
  const Tensor valid = cumprod(astype(greater_equal(labels, zero), DType::int64), 1);  // up to the first negative one
  const Tensor index = labels * valid;
  const Tensor position = reshape(pydl::arange(0, classes, 1, DType::int64), {1, 1, classes});
  const Tensor valid_pairs = reshape(not_equal(valid, zero), {rows, classes, 1});
  const Tensor is_label = any(logical_and(valid_pairs, equal(reshape(index, {rows, classes, 1}), position)), Axes{1});
  const Tensor wrong = relu(1.0 - reshape(gather(x, index, 1), {rows, classes, 1}) + reshape(x, {rows, 1, classes}));
  const Tensor pairs = logical_and(valid_pairs, logical_not(reshape(is_label, {rows, 1, classes})));
  const Tensor counted = where(pairs, wrong, scalar_like(0, wrong));
  return reduced_rows(sum(counted, Axes{1, 2}) / static_cast<double>(classes), scores, reduction);
} catch (const Error&) {
  core::rethrow_as("multilabel_margin_loss");
}

Tensor multilabel_soft_margin_loss(const Tensor& logits, const Tensor& target, const Tensor& weight,
                                   Reduction reduction) try {
  if (logits.rank() == 0) {
    throw ValueError("multilabel_soft_margin_loss: expected logits with an axis of labels, got rank 0");
  }
  const Tensor losses = binary_cross_entropy_with_logits(logits, target, Reduction::none, weight);
  return reduced(mean(losses, Axes{-1}), reduction);
} catch (const Error&) {
  core::rethrow_as("multilabel_soft_margin_loss");
}

Tensor hinge_loss(const Tensor& score, const Tensor& target, Reduction reduction) try {
  return reduced(hinge("hinge_loss", score, target), reduction);
} catch (const Error&) {
  core::rethrow_as("hinge_loss");
}

Tensor squared_hinge_loss(const Tensor& score, const Tensor& target, Reduction reduction) try {
  return reduced(square(hinge("squared_hinge_loss", score, target)), reduction);
} catch (const Error&) {
  core::rethrow_as("squared_hinge_loss");
}

Tensor soft_margin_loss(const Tensor& score, const Tensor& target, Reduction reduction) try {
  require_one_shape("soft_margin_loss", score, target);
  const Tensor x = computed(score);
  return reduced(softplus(-astype(target, x.dtype()) * x), reduction);
} catch (const Error&) {
  core::rethrow_as("soft_margin_loss");
}

}  // namespace pydl::nn
