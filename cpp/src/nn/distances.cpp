// Distances between vectors, and the losses that measure them.
#include "loss_parts.h"
#include "pydl/statistics.h"

namespace pydl::nn {

namespace {

Tensor norm_at_least(const Tensor& x, double p, int64_t axis, double epsilon) {
  const Tensor norm = vector_norm(x, Axes{axis}, true, p);
  return maximum(norm, scalar_like(epsilon, norm));
}

// The shape of vectors without their axis, the last one.
Dims without_last(const char* name, const Tensor& x) {
  if (x.rank() == 0) throw ValueError(concat_text(name, ": expected vectors, got a tensor of rank 0"));
  Dims shape = x.shape();
  shape.erase(x.rank() - 1);
  return shape;
}

}  // namespace

Tensor normalize_vectors(const Tensor& x, double p, int64_t axis, double epsilon) try {
  const Tensor vectors = computed(x);
  return vectors / norm_at_least(vectors, p, axis, epsilon);
} catch (const Error&) {
  core::rethrow_as("normalize_vectors");
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t axis, double epsilon) try {
  const Tensor a = computed(x1);
  const Tensor b = computed(x2);
  const Dims shape = broadcast_shapes("cosine_similarity", a.shape(), b.shape());
  const Tensor left = broadcast_to(a, shape);
  const Tensor right = broadcast_to(b, shape);
  return sum(left / norm_at_least(left, 2, axis, epsilon) * (right / norm_at_least(right, 2, axis, epsilon)),
             Axes{axis});
} catch (const Error&) {
  core::rethrow_as("cosine_similarity");
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double epsilon, bool keepdims) try {
  return vector_norm(computed(x1) - computed(x2) + epsilon, Axes{-1}, keepdims, p);
} catch (const Error&) {
  core::rethrow_as("pairwise_distance");
}

Tensor hinge_embedding_loss(const Tensor& distance, const Tensor& target, double margin, Reduction reduction) try {
  require_one_shape("hinge_embedding_loss", distance, target);
  const Tensor x = computed(distance);
  const Tensor zero = scalar_like(0, x);
  const Tensor together = where(equal(target, -1), zero, x);
  const Tensor apart = where(equal(target, 1), zero, above_margin(margin - x));
  return reduced(together + apart, reduction);
} catch (const Error&) {
  core::rethrow_as("hinge_embedding_loss");
}

Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin,
                           Reduction reduction) try {
  require_same_shape("margin_ranking_loss", "x2", x2, x1.shape());
  require_one_shape("margin_ranking_loss", x1, target);
  const Tensor d = computed(x1) - x2;
  return reduced(above_margin(margin - astype(target, d.dtype()) * d), reduction);
} catch (const Error&) {
  core::rethrow_as("margin_ranking_loss");
}

Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin,
                             Reduction reduction) try {
  const char* name = "cosine_embedding_loss";
  if (x1.rank() != 1 && x1.rank() != 2) {
    throw ValueError(concat_text(name, ": expected vectors (N, D), or (D), got shape ", x1.shape()));
  }
  require_same_shape(name, "x2", x2, x1.shape());
  require_same_shape(name, "a target", target, without_last(name, x1));
  const Tensor a = computed(x1);
  const Tensor b = computed(x2);
  constexpr double epsilon = 1e-12;
  const Tensor scale = (sum(square(a), Axes{-1}) + epsilon) * (sum(square(b), Axes{-1}) + epsilon);
  const Tensor cosine = sum(a * b, Axes{-1}) / sqrt(scale);
  const Tensor zero = scalar_like(0, cosine);
  const Tensor together = where(equal(target, 1), 1.0 - cosine, zero);
  const Tensor apart = where(equal(target, -1), above_margin(cosine - margin), zero);
  return reduced(together + apart, reduction);
} catch (const Error&) {
  core::rethrow_as("cosine_embedding_loss");
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginOptions& options) try {
  require_same_shape("triplet_margin_loss", "positive", positive, anchor.shape());
  require_same_shape("triplet_margin_loss", "negative", negative, anchor.shape());
  const Tensor near = pairwise_distance(anchor, positive, options.p, options.epsilon);
  Tensor far = pairwise_distance(anchor, negative, options.p, options.epsilon);
  if (options.swap) far = minimum(far, pairwise_distance(positive, negative, options.p, options.epsilon));
  return reduced(above_margin(near - far + options.margin), options.reduction);
} catch (const Error&) {
  core::rethrow_as("triplet_margin_loss");
}

Tensor contrastive_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin,
                        Reduction reduction) try {
  require_same_shape("contrastive_loss", "x2", x2, x1.shape());
  require_same_shape("contrastive_loss", "a target", target, without_last("contrastive_loss", x1));
  const Tensor d = computed(x1) - x2;
  const Tensor together = astype(target, d.dtype());
  const Tensor apart = relu(margin - vector_norm(d, Axes{-1}));
  return reduced(together * sum(square(d), Axes{-1}) + (1.0 - together) * square(apart), reduction);
} catch (const Error&) {
  core::rethrow_as("contrastive_loss");
}

}  // namespace pydl::nn
