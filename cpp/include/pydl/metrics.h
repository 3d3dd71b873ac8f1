// Metrics: what a network is judged by. Each is a few sums over samples that add up over batches of any size, and a
// number computed from them, so that the result does not depend on how the samples are divided.
//
//   train::Meter accuracy(train::accuracy());
//   for (const data::Batch& batch : batches) accuracy.update(model(batch[0]), batch[1]);
//   double share = accuracy.value();
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl::train {

/// A metric by its two functions; a program may define its own.
struct Metric {
  std::string name;
  /// The sums of a batch, float64 (K), by pydl's functions alone: training steps with metrics are compiled.
  std::function<Tensor(const Tensor& output, const Tensor& target)> sums;
  /// The metric, from the K sums over all batches.
  std::function<double(std::span<const double> sums)> value;
  size_t output = 0;                 ///< which output of the model is measured,
  size_t target = 0;                 ///< and with which target of the batch it is compared
  std::vector<Tensor> tensors = {};  ///< what the functions read besides their arguments
  /// The sums of a batch of which each sample counts as much as its weight (N); empty if the metric has no such ones.
  std::function<Tensor(const Tensor& output, const Tensor& target, const Tensor& weights)> weighted_sums = {};
  bool weighted = false;  ///< whether a trainer gives it the sample weights of the batch
};

/// The metric as one that a trainer with sample weights weighs by them; others count every sample once, as in Python.
/// `ValueError` for a metric without `weighted_sums`; the metrics below have them.
PYDL_API Metric weighted(Metric metric);

/// A metric over the batches so far. `ValueError` for a metric without functions.
class PYDL_API Meter {
 public:
  explicit Meter(Metric metric);
  /// Adds a batch.
  void update(const Tensor& output, const Tensor& target);
  /// Adds a batch of which each sample counts as much as its weight, (N). `ValueError` for a metric without
  /// `weighted_sums`, and other shapes.
  void update(const Tensor& output, const Tensor& target, const Tensor& weights);
  void add(const Tensor& sums);
  /// NaN before the first batch.
  double value() const;
  void reset() { totals_.clear(); }
  const Metric& metric() const { return metric_; }
  const std::vector<double>& totals() const { return totals_; }

 private:
  Metric metric_;
  std::vector<double> totals_;
};

// --- decisions ---------------------------------------------------------------------------------------
// An output (N, K, ...) with K > 1 has scores of classes along axis 1; the largest one decides. The target is class
// indices (N, ...) or (N, 1, ...), or of the shape of the output: one-hot. In an output (N) or (N, 1), or any one if
// `each`, every element is a decision between two: positive if it is larger than the threshold; targets are 0 and 1.
// The values throw `ValueError` if there were targets that are neither such nor `ignore_index`.

struct DecisionOptions {
  double threshold = 0;         ///< 0 for logits, 0.5 for probabilities
  bool each = false;            ///< every element is a decision of its own: samples with several labels
  int64_t ignore_index = -100;  ///< targets that do not count
};

/// The share of right decisions.
PYDL_API Metric accuracy(const DecisionOptions& options = {});
/// The share of samples whose class is among the k with the largest scores. Equal scores at the limit are all among
/// them, and one that is NaN is never right. `ValueError` for k below 1.
PYDL_API Metric top_k_accuracy(int64_t k = 5, const DecisionOptions& options = {});

/// How numbers of several classes become one: their mean, or the ratio of sums over all classes. Decisions between two
/// have the number of the positive class alone.
enum class Average { macro, micro };

/// hits / found, hits / wanted, and 2 hits / (found + wanted); 0 for a class where nothing is to be divided by.
PYDL_API Metric precision(Average average = Average::macro, const DecisionOptions& options = {});
PYDL_API Metric recall(Average average = Average::macro, const DecisionOptions& options = {});
PYDL_API Metric f1(Average average = Average::macro, const DecisionOptions& options = {});

/// How often each class, a row, was taken for each class, a column: float64 (K, K), or (2, 2) of decisions between two.
/// Matrices of batches may be added. Other targets than classes are not counted.
PYDL_API Tensor confusion_matrix(const Tensor& output, const Tensor& target, const DecisionOptions& options = {});

// --- numbers -----------------------------------------------------------------------------------------
// Outputs and targets are of one shape; (N) and (N, 1) are the same. Sums are of float64.

/// Means over all elements of |output - target|, its square, and the root of the latter.
PYDL_API Metric mean_absolute_error();
PYDL_API Metric mean_squared_error();
PYDL_API Metric root_mean_squared_error();
/// The coefficient of determination: 1 - sum((output - target)^2) / sum((target - mean)^2).
PYDL_API Metric r2();

}  // namespace pydl::train
