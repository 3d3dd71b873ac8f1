#include "training/averages.h"

#include "pydl/ops.h"

namespace pydl::train {

Averages::Averages(const std::vector<Metric>& metrics) : meters_(metrics.begin(), metrics.end()) {}

void Averages::add(double loss, double weight, std::span<const Tensor> sums) {
  if (weight > 0) {  // where nothing counts, the loss may be 0 / 0
    loss_ += loss * weight;
    weight_ += weight;
  }
  for (size_t i = 0; i < meters_.size(); ++i) meters_[i].add(sums[i]);
}

void Averages::merge(const Averages& other) {
  loss_ += other.loss_;
  weight_ += other.weight_;
  for (size_t i = 0; i < meters_.size(); ++i) {
    const std::vector<double>& totals = other.meters_[i].totals();
    if (!totals.empty()) {
      meters_[i].add(Tensor::from_values<double>(totals, Dims{static_cast<int64_t>(totals.size())}));
    }
  }
}

Values Averages::values() const {
  Values result{{"loss", loss_ / weight_}};
  for (const Meter& meter : meters_) result[meter.metric().name] = meter.value();
  return result;
}

void Averages::reset() {
  loss_ = weight_ = 0;
  for (Meter& meter : meters_) meter.reset();
}

Tensor Averages::totals() const {
  std::vector<double> all = {loss_, weight_};
  for (const Meter& meter : meters_) {
    all.push_back(static_cast<double>(meter.totals().size()));
    all.insert(all.end(), meter.totals().begin(), meter.totals().end());
  }
  return Tensor::from_values<double>(all, Dims{static_cast<int64_t>(all.size())});
}

void Averages::set_totals(const Tensor& totals) {
  const auto refuse = [] { throw ValueError("Trainer: load_states: the totals are those of other metrics"); };
  if (totals.rank() != 1 || totals.dtype() != DType::float64 || totals.size() < 2) refuse();
  const Tensor dense = contiguous(totals);
  const std::span<const double> all(dense.data<double>(), static_cast<size_t>(dense.size()));
  size_t next = 2;
  std::vector<Meter> meters;
  for (const Meter& meter : meters_) {
    meters.emplace_back(meter.metric());
    const size_t count = next < all.size() ? static_cast<size_t>(all[next++]) : all.size();
    if (count > all.size() - next) refuse();
    if (count > 0) {
      meters.back().add(Tensor::from_values<double>(all.subspan(next, count), Dims{static_cast<int64_t>(count)}));
    }
    next += count;
  }
  if (next != all.size()) refuse();
  loss_ = all[0];
  weight_ = all[1];
  meters_ = std::move(meters);
}

}  // namespace pydl::train
