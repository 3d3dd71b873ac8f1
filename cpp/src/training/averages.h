// Loss and metrics over the batches so far.
#pragma once

#include "pydl/trainer.h"

namespace pydl::train {

class Averages {
 public:
  explicit Averages(const std::vector<Metric>& metrics);

  /// Takes the mean loss of a batch, what it was divided by, and the sums of each metric.
  void add(double loss, double weight, std::span<const Tensor> sums);
  /// Adds what another one has.
  void merge(const Averages& other);
  Values values() const;
  void reset();

  /// Everything as one tensor, float64 (K), and back. `ValueError` if the metrics are others.
  Tensor totals() const;
  void set_totals(const Tensor& totals);

 private:
  double loss_ = 0;
  double weight_ = 0;
  std::vector<Meter> meters_;
};

}  // namespace pydl::train
