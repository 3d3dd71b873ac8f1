// Metrics: sums that add up over batches, and the numbers that follow from them.
#include "pydl/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/scatter.h"
#include "training/decisions.h"

namespace pydl::train {

namespace {

double ratio_or_zero(double part, double whole) { return whole == 0 ? 0 : part / whole; }

using WeightedSums = std::function<Tensor(const Tensor& output, const Tensor& target, const Tensor& weights)>;

// A metric whose sums are those of a function that takes weights, or an undefined tensor.
Metric metric_of(const std::string& name, const WeightedSums& sums,
                 std::function<double(std::span<const double>)> value) {
  Metric result{name, [sums](const Tensor& output, const Tensor& target) { return sums(output, target, {}); },
                std::move(value)};
  result.weighted_sums = sums;
  return result;
}

// Weights (N) in the shape (N, 1, ...) of float64.
Tensor beside(const std::string& name, const Tensor& weights, const Dims& shape) {
  if (weights.rank() != 1 || shape.empty() || weights.size() != shape[0]) {
    throw ValueError(concat_text(name, ": expected a weight for each of the samples of shape ", shape,
                                 ", got weights of shape ", weights.shape()));
  }
  Dims column = Dims::filled(shape.rank(), 1);
  column[0] = weights.size();
  return reshape(astype(weights, DType::float64), column);
}

// How much each element counts: 0 or 1, times the weight of its sample if there are weights.
Tensor amounts(const std::string& name, const Tensor& counts, const Tensor& weights) {
  const Tensor ones_and_zeros = astype(counts, DType::float64);
  return weights.defined() ? ones_and_zeros * beside(name, weights, counts.shape()) : ones_and_zeros;
}

Tensor amount_of(const Tensor& condition, const Tensor& amounts) {
  return sum(astype(condition, DType::float64) * amounts);
}

Metric share_metric(const std::string& name, const DecisionOptions& options,
                    std::function<Tensor(const Decisions&, const Tensor& output)> right) {
  return metric_of(
      name,
      [name, options, right = std::move(right)](const Tensor& output, const Tensor& target, const Tensor& weights) {
        const Decisions d = decide(name, output, target, options);
        const Tensor counted = amounts(name, d.counts, weights);
        return stack({amount_of(right(d, output), counted), sum(counted), d.invalid});
      },
      [name, options](std::span<const double> sums) {
        require_decisions(name, sums, options.ignore_index);
        return sums[0] / sums[1];
      });
}

// --- counts of classes ---

// The sums of these metrics are hits, found and wanted of every class, of decisions between two those of the positive
// class, and then the number of targets that are not decisions.
Tensor class_sums(const std::string& name, const Tensor& output, const Tensor& target, const Tensor& weights,
                  const DecisionOptions& options) {
  const Decisions d = decide(name, output, target, options);
  const Tensor counted = amounts(name, d.counts, weights);
  if (d.binary) {
    const Tensor found = astype(d.found, DType::boolean);
    const Tensor wanted = astype(d.wanted, DType::boolean);
    return stack({amount_of(logical_and(found, wanted), counted), amount_of(found, counted), amount_of(wanted, counted),
                  d.invalid});
  }
  const Tensor hits = astype(equal(d.found, d.wanted), DType::float64) * counted;
  const auto by_class = [&](const Tensor& amount, const Tensor& classes) {
    return segment_sum(reshape(amount, {-1}), reshape(classes, {-1}), d.classes);
  };
  return concat(
      {by_class(hits, d.wanted), by_class(counted, d.found), by_class(counted, d.wanted), reshape(d.invalid, {1})});
}

using Ratio = double (*)(double hits, double found, double wanted);

double class_value(std::span<const double> sums, Average average, Ratio ratio) {
  const size_t classes = sums.size() / 3;
  const auto hits = sums.subspan(0, classes);
  const auto found = sums.subspan(classes, classes);
  const auto wanted = sums.subspan(2 * classes, classes);
  double total[3] = {0, 0, 0};
  double mean = 0;
  double present = 0;  // a class that was neither found nor wanted says nothing
  for (size_t i = 0; i < classes; ++i) {
    total[0] += hits[i];
    total[1] += found[i];
    total[2] += wanted[i];
    present += found[i] + wanted[i] > 0 ? 1 : 0;
    mean += ratio(hits[i], found[i], wanted[i]);
  }
  if (average == Average::micro || classes == 1) return ratio(total[0], total[1], total[2]);
  return mean / present;
}

Metric class_metric(const std::string& name, Average average, const DecisionOptions& options, Ratio ratio) {
  return metric_of(
      name,
      [=](const Tensor& output, const Tensor& target, const Tensor& weights) {
        return class_sums(name, output, target, weights, options);
      },
      [=](std::span<const double> sums) {
        require_decisions(name, sums, options.ignore_index);
        return class_value(sums, average, ratio);
      });
}

// --- numbers ---

struct Pair {
  Tensor output;
  Tensor target;
  Tensor amount;  // how much each element counts
};

Pair as_numbers(const std::string& name, const Tensor& output, const Tensor& target, const Tensor& weights) {
  if (!output.defined() || !target.defined()) throw ValueError(name + ": an undefined tensor was given");
  const Dims& longer = output.rank() > target.rank() ? output.shape() : target.shape();
  const Dims& shorter = output.rank() > target.rank() ? target.shape() : output.shape();
  Dims column = shorter;
  column.push_back(1);
  if (longer != shorter && longer != column) {
    throw ValueError(
        concat_text(name, ": expected targets of the shape of the output, ", output.shape(), ", got ", target.shape()));
  }
  return {astype(output, DType::float64), astype(reshape(target, output.shape()), DType::float64),
          amounts(name, ones(output.shape(), DType::boolean), weights)};
}

Metric mean_metric(const std::string& name, Tensor (*error)(const Tensor& difference), double (*finish)(double mean)) {
  return metric_of(
      name,
      [=](const Tensor& output, const Tensor& target, const Tensor& weights) {
        const Pair pair = as_numbers(name, output, target, weights);
        return stack({sum(error(pair.output - pair.target) * pair.amount), sum(pair.amount)});
      },
      [=](std::span<const double> sums) { return finish(sums[0] / sums[1]); });
}

}  // namespace

Meter::Meter(Metric metric) : metric_(std::move(metric)) {
  if (!metric_.sums || !metric_.value) {
    throw ValueError(concat_text("Meter: the metric '", metric_.name, "' lacks one of its functions, sums and value"));
  }
}

void Meter::update(const Tensor& output, const Tensor& target) {
  const GradMode without_history(false);
  add(metric_.sums(output, target));
}

void Meter::update(const Tensor& output, const Tensor& target, const Tensor& weights) {
  if (!metric_.weighted_sums) {
    throw ValueError(concat_text("Meter: the metric '", metric_.name, "' has no function for weights, weighted_sums"));
  }
  if (!weights.defined()) throw ValueError("Meter: undefined weights were given");
  const GradMode without_history(false);
  add(metric_.weighted_sums(output, target, weights));
}

void Meter::add(const Tensor& sums) {
  if (!sums.defined() || sums.rank() != 1) {
    throw ValueError(concat_text("Meter: expected the metric '", metric_.name, "' to have sums of rank 1"));
  }
  const Tensor dense = contiguous(astype(sums.detach(), DType::float64));
  if (totals_.empty()) totals_.resize(static_cast<size_t>(dense.size()), 0.0);
  if (totals_.size() != static_cast<size_t>(dense.size())) {
    throw ValueError(concat_text("Meter: expected ", totals_.size(), " sums of the metric '", metric_.name,
                                 "' as of the batches before, got ", dense.size()));
  }
  for (size_t i = 0; i < totals_.size(); ++i) totals_[i] += dense.data<double>()[i];
}

double Meter::value() const {
  return totals_.empty() ? std::numeric_limits<double>::quiet_NaN() : metric_.value(totals_);
}

Metric weighted(Metric metric) {
  if (!metric.weighted_sums) {
    throw ValueError(
        concat_text("weighted: the metric '", metric.name, "' has no function for weights, weighted_sums"));
  }
  metric.weighted = true;
  return metric;
}

Metric accuracy(const DecisionOptions& options) {
  return share_metric("accuracy", options, [](const Decisions& d, const Tensor&) { return equal(d.found, d.wanted); });
}

Metric top_k_accuracy(int64_t k, const DecisionOptions& options) {
  if (k < 1) throw ValueError(concat_text("top_k_accuracy: expected k of at least 1, got ", k));
  return share_metric("top_k_accuracy", options, [k](const Decisions& d, const Tensor& output) {
    if (d.binary) {
      throw ValueError(concat_text("top_k_accuracy: expected scores of classes along axis 1, got outputs of shape ",
                                   output.shape()));
    }
    const Tensor score = gather(output, expand_dims(d.wanted, 1), 1);
    // Of a score that is NaN, all are above, itself included.
    const Tensor above = sum(astype(logical_not(less_equal(output, score)), DType::int64), {1});
    return less(above, full({}, std::min(k, d.classes), DType::int64));
  });
}

Metric precision(Average average, const DecisionOptions& options) {
  return class_metric("precision", average, options,
                      [](double hits, double found, double) { return ratio_or_zero(hits, found); });
}

Metric recall(Average average, const DecisionOptions& options) {
  return class_metric("recall", average, options,
                      [](double hits, double, double wanted) { return ratio_or_zero(hits, wanted); });
}

Metric f1(Average average, const DecisionOptions& options) {
  return class_metric("f1", average, options,
                      [](double hits, double found, double wanted) { return ratio_or_zero(2 * hits, found + wanted); });
}

Tensor confusion_matrix(const Tensor& output, const Tensor& target, const DecisionOptions& options) {
  const GradMode without_history(false);
  const Decisions d = decide("confusion_matrix", output, target, options);
  const Tensor cells = d.wanted * d.classes + d.found;
  const Tensor counts =
      segment_sum(reshape(astype(d.counts, DType::float64), {-1}), reshape(cells, {-1}), d.classes * d.classes);
  return reshape(counts, {d.classes, d.classes});
}

Metric mean_absolute_error() {
  return mean_metric("mean_absolute_error", [](const Tensor& x) { return abs(x); }, [](double mean) { return mean; });
}

Metric mean_squared_error() {
  return mean_metric("mean_squared_error", [](const Tensor& x) { return square(x); }, [](double mean) { return mean; });
}

Metric root_mean_squared_error() {
  return mean_metric(
      "root_mean_squared_error", [](const Tensor& x) { return square(x); },
      [](double mean) { return std::sqrt(mean); });
}

Metric r2() {
  return metric_of(
      "r2",
      [](const Tensor& output, const Tensor& target, const Tensor& weights) {
        const auto [found, wanted, amount] = as_numbers("r2", output, target, weights);
        return stack(
            {sum(square(found - wanted) * amount), sum(amount), sum(wanted * amount), sum(square(wanted) * amount)});
      },
      [](std::span<const double> sums) { return 1 - sums[0] / (sums[3] - sums[2] * sums[2] / sums[1]); });
}

}  // namespace pydl::train
