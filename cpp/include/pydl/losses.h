// Losses and the distances that some of them measure, as pure functions. Python modules and C++ programs call the same
// ones. Predictions and targets have one shape where nothing else is written: (N,) and (N, 1) are never combined into
// (N, N). The mean is taken over all elements, or samples, of the result of `Reduction::none`.
#pragma once

#include "pydl/export.h"
#include "pydl/ops.h"

namespace pydl::nn {

using pydl::Reduction;

// --- classes ---------------------------------------------------------------------------------------
// Scores are (N, K, ...), or (K) for one sample. A class index is an integer in 0 .. K - 1, of the shape of the scores
// without the axis of the classes. An index that is not a class, and not `ignore_index`, throws `IndexError`.

struct CrossEntropyOptions {
  Tensor class_weights = {};    ///< (K): scale of each class
  int64_t ignore_index = -100;  ///< targets that are ignored
  double label_smoothing = 0;   ///< fraction of the target that is spread over all classes
  Reduction reduction = Reduction::mean;
};

/// Cross-entropy of softmax(logits). The target is either class indices or class probabilities, floating-point of the
/// shape of the logits. Same as torch.nn.functional.cross_entropy.
PYDL_API Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});

struct NllOptions {
  Tensor class_weights = {};    ///< (K): scale of each class; the mean is weighted by it
  int64_t ignore_index = -100;  ///< targets that are ignored
  Reduction reduction = Reduction::mean;
};

/// -log_probs[target] of logarithms of probabilities and class indices.
PYDL_API Tensor nll_loss(const Tensor& log_probs, const Tensor& target, const NllOptions& options = {});

struct FocalOptions {
  Tensor alpha = {};            ///< scale of all classes, of rank 0, or of each class, (K); 1 if undefined
  double gamma = 2;             ///< how much samples that are right already count less; at least 0
  int64_t ignore_index = -100;  ///< targets that are ignored
  Reduction reduction = Reduction::mean;
};

/// The focal loss (Lin et al., 2017) of p = softmax(logits): alpha (1 - p)^gamma (-log p) of the target's class, or,
/// for class probabilities as target, the sum over the classes, weighted by them. The mean is taken over the targets
/// that are not ignored.
PYDL_API Tensor softmax_focal_loss(const Tensor& logits, const Tensor& target, const FocalOptions& options = {});

struct MultiMarginOptions {
  int64_t p = 1;              ///< exponent of a violation: 1 or 2
  double margin = 1;          ///< by how much the target's score shall exceed the others
  Tensor class_weights = {};  ///< (K): scale of the samples of each class
  Reduction reduction = Reduction::mean;
};

/// The sum over the classes j other than the target y of max(0, margin - x[y] + x[j])^p, divided by K. Scores (N, K) or
/// (K), class indices (N) or of rank 0.
PYDL_API Tensor multi_margin_loss(const Tensor& scores, const Tensor& target, const MultiMarginOptions& options = {});
/// The sum over labels y of a sample and classes j that are not labels of it of max(0, 1 - x[y] + x[j]), divided by K.
/// The target has the shape of the scores, (N, K) or (K): the labels of a sample, up to the first negative number. The
/// work for a sample is K^2.
PYDL_API Tensor multilabel_margin_loss(const Tensor& scores, const Tensor& target,
                                       Reduction reduction = Reduction::mean);
/// Binary cross-entropy of sigmoid(logits), averaged over the last axis, the labels; `weight`, where it is defined,
/// scales them.
PYDL_API Tensor multilabel_soft_margin_loss(const Tensor& logits, const Tensor& target, const Tensor& weight = {},
                                            Reduction reduction = Reduction::mean);

// --- decisions -------------------------------------------------------------------------------------
// Weights, where they are defined, broadcast to the shape of the target. They do not change by what a mean is divided.

/// Binary cross-entropy of sigmoid(logits) and targets in [0, 1], without overflow. `positive_weight` scales what
/// positive targets contribute.
PYDL_API Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                                 Reduction reduction = Reduction::mean, const Tensor& weight = {},
                                                 const Tensor& positive_weight = {});
/// Binary cross-entropy of probabilities and targets in [0, 1]; logarithms are clamped to at least -100.
PYDL_API Tensor binary_cross_entropy(const Tensor& probability, const Tensor& target,
                                     Reduction reduction = Reduction::mean, const Tensor& weight = {});
/// The focal loss (Lin et al., 2017) of p = sigmoid(logits): (1 - q)^gamma times the binary cross-entropy, q = p for
/// the target 1 and 1 - p for 0. Unless it is negative, alpha scales positive targets, and 1 - alpha negative ones.
PYDL_API Tensor sigmoid_focal_loss(const Tensor& logits, const Tensor& target, double alpha = 0.25, double gamma = 2,
                                   Reduction reduction = Reduction::mean);
/// 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), the sums over `axes`; by default over all of them.
PYDL_API Tensor dice_loss(const Tensor& probability, const Tensor& target, const Axes& axes = {}, double smooth = 1e-7,
                          Reduction reduction = Reduction::mean);
/// max(0, 1 - target * score). Targets are -1, or 0, and 1.
PYDL_API Tensor hinge_loss(const Tensor& score, const Tensor& target, Reduction reduction = Reduction::mean);
/// The square of `hinge_loss`.
PYDL_API Tensor squared_hinge_loss(const Tensor& score, const Tensor& target, Reduction reduction = Reduction::mean);
/// log(1 + exp(-target * score)), without overflow. Targets are -1 and 1.
PYDL_API Tensor soft_margin_loss(const Tensor& score, const Tensor& target, Reduction reduction = Reduction::mean);

// --- numbers and distributions ---------------------------------------------------------------------

/// (prediction - target)^2.
PYDL_API Tensor mse_loss(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
/// |prediction - target|.
PYDL_API Tensor l1_loss(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
/// With d = prediction - target: d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.
PYDL_API Tensor smooth_l1_loss(const Tensor& prediction, const Tensor& target, double beta = 1,
                               Reduction reduction = Reduction::mean);
/// With d = prediction - target: d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2).
PYDL_API Tensor huber_loss(const Tensor& prediction, const Tensor& target, double delta = 1,
                           Reduction reduction = Reduction::mean);
/// log(cosh(prediction - target)), without overflow, and exact for small differences.
PYDL_API Tensor log_cosh_loss(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
/// (log(1 + prediction) - log(1 + target))^2. Negative numbers count as 0.
PYDL_API Tensor msle_loss(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);
/// 100 |prediction - target| / max(|target|, 1e-7): percent.
PYDL_API Tensor mape_loss(const Tensor& prediction, const Tensor& target, Reduction reduction = Reduction::mean);

struct KlDivOptions {
  bool log_target = false;  ///< whether the target is given by its logarithms too
  bool batch_mean = false;  ///< whether the sum is divided by the size of the first axis, instead of `reduction`
  Reduction reduction = Reduction::mean;
};

/// target (log(target) - log_probs): the terms of the Kullback-Leibler divergence of the target from exp(log_probs).
/// Where the target is 0, so is the term.
PYDL_API Tensor kl_div(const Tensor& log_probs, const Tensor& target, const KlDivOptions& options = {});

struct PoissonNllOptions {
  bool log_input = true;  ///< whether the prediction is the logarithm of the rate
  bool full = false;      ///< whether Stirling's approximation of log(target!) is added for targets above 1
  double epsilon = 1e-8;  ///< added to rates before their logarithm is taken
  Reduction reduction = Reduction::mean;
};

/// The negative logarithm of the probability of counts: exp(x) - target x, or rate - target log(rate).
PYDL_API Tensor poisson_nll_loss(const Tensor& prediction, const Tensor& target, const PoissonNllOptions& options = {});

struct GaussianNllOptions {
  bool full = false;      ///< whether log(2 pi) / 2 is added
  double epsilon = 1e-6;  ///< smaller variances count as this; they receive a gradient nevertheless
  Reduction reduction = Reduction::mean;
};

/// (log(variance) + (prediction - target)^2 / variance) / 2. The variance has the shape of the prediction, the same
/// without the last axis, or with a last axis of 1.
PYDL_API Tensor gaussian_nll_loss(const Tensor& prediction, const Tensor& target, const Tensor& variance,
                                  const GaussianNllOptions& options = {});

// --- distances -------------------------------------------------------------------------------------

/// x / max(norm, epsilon), with the norm of order p along `axis`.
PYDL_API Tensor normalize_vectors(const Tensor& x, double p = 2, int64_t axis = 1, double epsilon = 1e-12);
/// The cosine of the angle between vectors along `axis`; each norm is at least epsilon. x1 and x2 broadcast.
PYDL_API Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t axis = 1, double epsilon = 1e-8);
/// The norm of order p of x1 - x2 + epsilon along the last axis. x1 and x2 broadcast.
PYDL_API Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double epsilon = 1e-6,
                                  bool keepdims = false);
/// x where the target is 1, max(0, margin - x) where it is -1, the sum of both elsewhere.
PYDL_API Tensor hinge_embedding_loss(const Tensor& distance, const Tensor& target, double margin = 1,
                                     Reduction reduction = Reduction::mean);
/// max(0, -target (x1 - x2) + margin): x1 shall be larger where the target is 1, and smaller where it is -1.
PYDL_API Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin = 0,
                                    Reduction reduction = Reduction::mean);
/// 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1. x1 and x2 (N, D) with a target
/// (N), or (D) with a target of rank 0.
PYDL_API Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin = 0,
                                      Reduction reduction = Reduction::mean);

struct TripletMarginOptions {
  double margin = 1;
  double p = 2;           ///< order of the norm
  double epsilon = 1e-6;  ///< as for `pairwise_distance`
  bool swap = false;      ///< whether the distance of positive and negative counts too, where it is smaller
  Reduction reduction = Reduction::mean;
};

/// max(0, d(anchor, positive) - d(anchor, negative) + margin), with the distance d of `pairwise_distance`.
PYDL_API Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                    const TripletMarginOptions& options = {});
/// With d the Euclidean distance of x1 and x2 along the last axis: target d^2 + (1 - target) max(0, margin - d)^2
/// (Hadsell et al., 2006). The target, of the shape of d, is 1 for pairs that belong together, and 0 for others.
PYDL_API Tensor contrastive_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, double margin = 1,
                                 Reduction reduction = Reduction::mean);

}  // namespace pydl::nn
