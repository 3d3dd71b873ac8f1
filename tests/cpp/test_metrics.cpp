// Metrics over uneven batches, against their definitions.
#include "pydl/metrics.h"

#include <limits>

#include "pydl/ops.h"
#include "support.h"

using namespace pydl;

namespace {

Tensor rows(const Tensor& x, int64_t start, int64_t count) {
  return take(x, arange(start, start + count, int64_t{1}, DType::int64));
}

// The value over batches of sizes 1, 2, 3, ...
double streamed(const train::Metric& metric, const Tensor& output, const Tensor& target) {
  train::Meter meter(metric);
  int64_t start = 0;
  for (int64_t size = 1; start < output.size(0); ++size) {
    const int64_t count = std::min(size, output.size(0) - start);
    meter.update(rows(output, start, count), rows(target, start, count));
    start += count;
  }
  return meter.value();
}

Tensor integers(std::initializer_list<int64_t> values) {
  return Tensor::from_values<int64_t>(std::span(values.begin(), values.size()), {static_cast<int64_t>(values.size())});
}

// Scores whose largest ones are at these classes.
Tensor scores(const Tensor& classes, int64_t count) {
  const Tensor x = uniform({classes.size(), count}, 0, 1, DType::float64);
  for (int64_t i = 0; i < classes.size(); ++i) x.data<double>()[i * count + classes.data<int64_t>()[i]] = 2;
  return x;
}

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST(accuracy_of_classes) {
  const Tensor found = integers({0, 1, 2, 2, 1, 0, 2});
  const Tensor wanted = integers({0, 1, 1, 2, -100, 2, -100});
  CHECK_CLOSE(streamed(train::accuracy(), scores(found, 4), wanted), 3.0 / 5, 1e-15);
  CHECK_CLOSE(streamed(train::accuracy({.ignore_index = 2}), scores(found, 4), integers({0, 1, 1, 2, 0, 2, 1})),
              2.0 / 5, 1e-15);
  CHECK_CLOSE(streamed(train::accuracy(), scores(found, 4), reshape(wanted, {7, 1})), 3.0 / 5, 1e-15);
  const Tensor rows_of = support::doubles({1, 0, 0, 1, 0, 1}, {3, 2});
  CHECK_CLOSE(streamed(train::accuracy(), support::doubles({2, 1, 1, 2, 2, 1}, {3, 2}), rows_of), 2.0 / 3, 1e-15);
  // Positions of images: (N, K, L) with (N, L).
  const Tensor positions = support::doubles({1, 2, 2, 1, 3, 0, 0, 5}, {2, 2, 2});
  const Tensor labels = reshape(integers({1, 0, 0, 0}), {2, 2});
  CHECK_CLOSE(streamed(train::accuracy(), positions, labels), 3.0 / 4, 1e-15);
}

TEST(accuracy_of_decisions_between_two) {
  const Tensor logits = support::doubles({1, -1, 2, -2, 0}, {5, 1});
  CHECK_CLOSE(streamed(train::accuracy(), logits, integers({1, 0, 0, 1, 0})), 3.0 / 5, 1e-15);
  CHECK_CLOSE(streamed(train::accuracy({.threshold = 1.5}), logits, integers({1, 0, 1, -100, 0})), 3.0 / 4, 1e-15);
  const Tensor several = support::doubles({1, -1, 2, -2}, {2, 2});
  CHECK_CLOSE(streamed(train::accuracy({.each = true}), several, support::doubles({1, 1, 1, 0}, {2, 2})), 3.0 / 4,
              1e-15);
}

TEST(top_k_accuracy_of_scores) {
  const Tensor x = support::doubles({3, 2, 1, 1, 2, 3, 2, 2, 0, not_a_number, 1, 0}, {4, 3});
  const Tensor y = integers({1, 0, 1, 1});
  CHECK_CLOSE(streamed(train::top_k_accuracy(1), x, y), 1.0 / 4, 1e-15);
  CHECK_CLOSE(streamed(train::top_k_accuracy(2), x, y), 3.0 / 4, 1e-15);
  CHECK_CLOSE(streamed(train::top_k_accuracy(7), x, y), 1.0, 1e-15);
  CHECK_CLOSE(streamed(train::top_k_accuracy(7), x, integers({1, 0, 1, 0})), 3.0 / 4, 1e-15);  // NaN is never right
}

TEST(counts_of_classes) {
  const Tensor found = integers({0, 1, 2, 2, 1, 0, 2, 0});
  const Tensor wanted = integers({0, 1, 1, 2, 1, 2, -100, 0});
  const Tensor x = scores(found, 4);  // the last class does not occur
  const Tensor expected = support::doubles({2, 0, 0, 0, 0, 2, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0}, {4, 4});
  CHECK_TENSORS_CLOSE(train::confusion_matrix(x, wanted), expected, 0);
  using train::Average;
  CHECK_CLOSE(streamed(train::precision(), x, wanted), (2.0 / 3 + 1 + 0.5) / 3, 1e-15);
  CHECK_CLOSE(streamed(train::recall(), x, wanted), (1 + 2.0 / 3 + 0.5) / 3, 1e-15);
  CHECK_CLOSE(streamed(train::f1(), x, wanted), (0.8 + 0.8 + 0.5) / 3, 1e-15);
  CHECK_CLOSE(streamed(train::precision(Average::micro), x, wanted), 5.0 / 7, 1e-15);
  CHECK_CLOSE(streamed(train::f1(Average::micro), x, wanted), 5.0 / 7, 1e-15);
  const Tensor logits = support::doubles({1, -1, 2, -2, 3}, {5});
  const Tensor truth = integers({1, 1, 0, 0, 1});
  CHECK_CLOSE(streamed(train::precision(), logits, truth), 2.0 / 3, 1e-15);
  CHECK_CLOSE(streamed(train::recall(), logits, truth), 2.0 / 3, 1e-15);
  CHECK_CLOSE(streamed(train::f1(), logits, integers({0, 1, 0, 0, 0})), 0, 1e-15);
  CHECK_TENSORS_CLOSE(train::confusion_matrix(logits, truth), support::doubles({1, 1, 1, 2}, {2, 2}), 0);
}

TEST(errors_of_numbers) {
  const Tensor x = support::random_doubles({11, 3});
  const Tensor y = support::random_doubles({11, 3});
  const double squares = mean(square(x - y)).item();
  CHECK_CLOSE(streamed(train::mean_squared_error(), x, y), squares, 1e-14);
  CHECK_CLOSE(streamed(train::root_mean_squared_error(), x, y), std::sqrt(squares), 1e-14);
  CHECK_CLOSE(streamed(train::mean_absolute_error(), x, y), mean(abs(x - y)).item(), 1e-14);
  const double spread = sum(square(y - mean(y))).item();
  CHECK_CLOSE(streamed(train::r2(), x, y), 1 - squares * 33 / spread, 1e-12);
  CHECK_CLOSE(streamed(train::mean_squared_error(), ones({4, 1}), zeros({4})), 1, 0);
  // 16 bits: sums are of float64.
  CHECK_CLOSE(streamed(train::mean_absolute_error(), full({999}, 1, DType::float16), zeros({999}, DType::float16)), 1,
              0);
}

TEST(meters) {
  train::Meter meter(train::accuracy());
  CHECK(std::isnan(meter.value()));
  meter.update(ones({2}), integers({1, 0}));
  CHECK_EQUAL(meter.value(), 0.5);
  meter.update(ones({0}), zeros({0}, DType::int64));
  CHECK_EQUAL(meter.value(), 0.5);
  meter.reset();
  CHECK(std::isnan(meter.value()));
  const train::Metric own{"largest", [](const Tensor& output, const Tensor&) { return reshape(sum(output), {1}); },
                          [](std::span<const double> sums) { return sums[0]; }};
  CHECK_EQUAL(streamed(own, ones({5}), ones({5})), 5.0);
}

TEST(metrics_refuse_targets_that_do_not_fit) {
  CHECK_THROWS(ValueError, "accuracy: expected targets that are decisions",
               streamed(train::accuracy(), ones({3, 2}), integers({0, 5, 1})));
  CHECK_THROWS(ValueError, "got 1 others", streamed(train::f1(), ones({3}), support::doubles({0, 0.5, 1}, {3})));
  CHECK_THROWS(ValueError, "got 1 others",
               streamed(train::recall(), ones({1, 2}), support::doubles({0.5, 0.2}, {1, 2})));
  CHECK_THROWS(ValueError, "got 2 others",
               streamed(train::accuracy(), ones({2, 3}), support::doubles({0.5, 1.5}, {2})));
  CHECK_THROWS(ValueError, "precision: outputs of shape (3, 2)",
               train::Meter(train::precision()).update(ones({3, 2}), zeros({2}, DType::int64)));
  CHECK_THROWS(ValueError, "expected scores of classes",
               train::Meter(train::top_k_accuracy()).update(ones({3}), zeros({3}, DType::int64)));
  CHECK_THROWS(ValueError, "mean_squared_error: expected targets of the shape of the output, (3,), got (1, 3)",
               train::Meter(train::mean_squared_error()).update(ones({3}), ones({1, 3})));
}

// --- weights of samples ---

namespace {

// Weights that are whole numbers count samples as often.
void check_weighted(const train::Metric& metric, const Tensor& output, const Tensor& target) {
  const Tensor weights = integers({2, 0, 1, 3, 1, 0, 2});
  std::vector<int64_t> places;
  for (int64_t i = 0; i < weights.size(); ++i) {
    for (int64_t k = 0; k < weights.data<int64_t>()[i]; ++k) places.push_back(i);
  }
  const Tensor order = Tensor::from_values<int64_t>(places, {static_cast<int64_t>(places.size())});
  train::Meter repeated(metric);
  repeated.update(take(output, order), take(target, order));
  train::Meter weighted(metric);
  for (const auto& [start, count] : {std::pair<int64_t, int64_t>{0, 3}, {3, 4}}) {
    weighted.update(rows(output, start, count), rows(target, start, count), rows(weights, start, count));
  }
  CHECK_CLOSE(weighted.value(), repeated.value(), 1e-13);
}

}  // namespace

TEST(weights_of_samples) {
  const Tensor wanted = integers({0, 1, 1, 2, -100, 2, 1});
  const Tensor classes = scores(integers({0, 1, 2, 2, 1, 0, 2}), 4);
  for (const train::Metric& metric : {train::accuracy(), train::top_k_accuracy(2), train::precision(),
                                      train::recall(train::Average::micro), train::f1()}) {
    check_weighted(metric, classes, wanted);
  }
  const Tensor logits = support::doubles({1, -1, 2, -2, 0.5, -3, 4}, {7, 1});
  const Tensor bits = integers({1, 1, 0, 0, 1, 1, 1});
  for (const train::Metric& metric : {train::accuracy(), train::precision(), train::recall(), train::f1()}) {
    check_weighted(metric, logits, bits);
  }
  // Several decisions or numbers of each sample.
  const Tensor wide = uniform({7, 3}, -1, 1, DType::float64);
  const Tensor labels =
      astype(greater(uniform({7, 3}, -1, 1, DType::float64), zeros({}, DType::float64)), DType::int64);
  check_weighted(train::f1(train::Average::macro, {.each = true}), wide, labels);
  for (const train::Metric& metric :
       {train::mean_absolute_error(), train::mean_squared_error(), train::root_mean_squared_error(), train::r2()}) {
    check_weighted(metric, wide, uniform({7, 3}, -1, 1, DType::float64));
    check_weighted(metric, logits, reshape(astype(bits, DType::float64), {7}));
  }
}
