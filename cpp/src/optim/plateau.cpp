// A schedule that reduces the rate when a value improves no more.
#include <cmath>
#include <limits>

#include "pydl/error.h"
#include "pydl/ops.h"
#include "pydl/schedules.h"

namespace pydl::optim {

namespace {

void require_in_range(bool condition, const char* what, double value) {
  if (!condition) throw ValueError(concat_text("Plateau: expected ", what, ", got ", value));
}

void check_plateau(const PlateauOptions& options) {
  require_in_range(options.factor >= 0 && options.factor < 1, "a factor in [0, 1)", options.factor);
  require_in_range(options.patience >= 0, "a patience of at least 0", static_cast<double>(options.patience));
  require_in_range(options.cooldown >= 0, "a cooldown of at least 0", static_cast<double>(options.cooldown));
  require_in_range(options.threshold >= 0 && std::isfinite(options.threshold), "a threshold of at least 0",
                   options.threshold);
  require_in_range(options.least >= 0 && std::isfinite(options.least), "a least rate of at least 0", options.least);
  require_in_range(options.least_change >= 0 && std::isfinite(options.least_change), "a least change of at least 0",
                   options.least_change);
}

double worst(bool maximize) {
  return maximize ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

}  // namespace

Plateau::Plateau(const PlateauOptions& options) : options_(options), best_(worst(options.maximize)) {
  check_plateau(options);
}

bool Plateau::improves(double value) const {
  const double sign = options_.maximize ? 1 : -1;
  const double bound = options_.relative ? best_ * (1 + sign * options_.threshold) : best_ + sign * options_.threshold;
  return options_.maximize ? value > bound : value < bound;
}

double Plateau::next(double lr, double value) {
  if (improves(value)) {
    best_ = value;
    waited_ = 0;
  } else {
    ++waited_;
  }
  if (cooling_ > 0) {
    --cooling_;
    waited_ = 0;
  }
  if (waited_ <= options_.patience) return lr;
  cooling_ = options_.cooldown;
  waited_ = 0;
  const double reduced = std::max(lr * options_.factor, options_.least);
  return lr - reduced > options_.least_change ? reduced : lr;
}

ParamSet Plateau::states() const {
  ParamSet result;
  result.tensors = {{"best", Tensor::scalar(best_, DType::float64)},
                    {"waited", Tensor::scalar(waited_, DType::int64)},
                    {"cooling", Tensor::scalar(cooling_, DType::int64)}};
  return result;
}

void Plateau::load_states(const ParamSet& states) {
  const auto find = [&](const char* name, DType dtype) {
    const Tensor* found = states.find(name);
    if (found != nullptr && found->defined() && found->rank() == 0 && found->dtype() == dtype) return *found;
    throw ValueError(concat_text("Plateau: load_states: expected ", name, " as a single number of ", dtype));
  };
  const Tensor best = find("best", DType::float64);
  const Tensor waited = find("waited", DType::int64);
  const Tensor cooling = find("cooling", DType::int64);
  if (states.tensors.size() != 3) {
    throw ValueError("Plateau: load_states: there are tensors that are not part of this state");
  }
  best_ = best.item();
  waited_ = waited.item_int();
  cooling_ = cooling.item_int();
}

}  // namespace pydl::optim
