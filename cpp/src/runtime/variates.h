// Random numbers that rejection methods draw, which need another count of uniform numbers for each element. Every
// element has a stream of its own, so that a result depends on seed, offset and position alone, and a call advances its
// generator by as many numbers as it has elements.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "runtime/philox.h"
#include "runtime/variate_math.h"

namespace pydl::runtime {

/// The beginning of a stream, where it is computed in advance: the first numbers, the logarithm that the first one
/// gives, and the normal number that those from `normal_at` on give.
struct StreamStart {
  const double* units = nullptr;  ///< at distances of `distance`
  int64_t distance = 0;
  int64_t count = 0;
  const double* log = nullptr;
  const double* normal = nullptr;
  int64_t normal_at = 0;
};

/// The uniform numbers of element `index` of a call whose generator was at {seed, offset}.
class ElementStream {
 public:
  ElementStream(uint64_t seed, uint64_t offset, int64_t index)
      : seed_(seed),
        // Two elements share a block of the generator, and take turns on its branches. Branch 0 is the block itself.
        counter_(offset + static_cast<uint64_t>(index / 2)),
        branch_(1 + static_cast<uint64_t>(index % 2)) {}
  ElementStream(uint64_t seed, uint64_t offset, int64_t index, const StreamStart& start)
      : ElementStream(seed, offset, index) {
    start_ = start;
    branch_ += static_cast<uint64_t>(start.count);  // two numbers come from a branch, and every other one is ours
  }

  /// In [0, 1), 53 bits.
  double next() {
    const int64_t position = position_++;
    if (position < start_.count) return start_.units[position * start_.distance];
    if (is_odd_) {
      is_odd_ = false;
      return second_;
    }
    const auto words = philox(seed_, counter_, branch_);
    branch_ += 2;
    second_ = unit_double(words[2], words[3]);
    is_odd_ = true;
    return unit_double(words[0], words[1]);
  }

  /// The logarithm of a number in (0, 1].
  double next_log() {
    if (position_ > 0 || start_.log == nullptr) return log_of_positive(1.0 - next());
    position_ = 1;
    return *start_.log;
  }

  /// Standard normal.
  double next_normal() {
    if (start_.normal != nullptr && position_ == start_.normal_at) {
      position_ += 2;
      return *start_.normal;
    }
    const double first = next();
    return normal_of_units(first, next());
  }

 private:
  uint64_t seed_;
  uint64_t counter_;
  uint64_t branch_;
  double second_ = 0;
  bool is_odd_ = false;
  int64_t position_ = 0;
  StreamStart start_;
};

namespace variates {

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
/// Below, the series of functions that would cancel are exact to the last bits after few terms.
inline constexpr double small = 0.02;

/// log(1 + t) - t + t^2 / 2 - t^3 / 3, without cancellation.
inline double log1p_rest(double t) {
  if (std::abs(t) >= small) return std::log1p(t) - t * (1 - t * (0.5 - t / 3));
  const double t2 = t * t;
  return t2 * t2 * (-1.0 / 4 + t * (1.0 / 5 - t * (1.0 / 6 - t * (1.0 / 7 - t * (1.0 / 8 - t / 9)))));
}

/// (1 + x) log(1 + x) - x, without cancellation.
inline double deviance(double x) {
  if (std::abs(x) >= small) return (1 + x) * std::log1p(x) - x;
  return x * x * (1.0 / 2 - x * (1.0 / 6 - x * (1.0 / 12 - x * (1.0 / 20 - x * (1.0 / 30 - x * (1.0 / 42 - x / 56))))));
}

/// The logarithm of the probability of k events at this rate.
inline double log_poisson(double k, double rate) {
  if (k < 10) {
    double log_factorial = 0;
    for (int i = 2; i <= static_cast<int>(k); ++i) log_factorial += std::log(i);
    return k * std::log(rate) - rate - log_factorial;
  }
  // Stirling's series for k!; the large terms are in the deviance.
  const double rest = (1.0 / 12 - (1.0 / 360 - 1.0 / (1260 * k * k)) / (k * k)) / k;
  return -rate * deviance((k - rate) / rate) - 0.5 * std::log(2 * std::numbers::pi * k) - rest;
}

/// By adding probabilities until they exceed a uniform number. For small rates.
inline double poisson_by_sum(double rate, ElementStream& stream) {
  constexpr int most = 100;  // less probable than any number of 53 bits
  const double u = stream.next();
  double probability = std::exp(-rate);
  double sum = probability;
  int k = 0;
  while (u >= sum && k < most) {
    probability *= rate / ++k;
    sum += probability;
  }
  return k;
}

/// By transformed rejection (Hoermann 1993, "The transformed rejection method for generating Poisson random variables",
/// algorithm PTRS). For rates of at least 10.
inline double poisson_by_rejection(double rate, ElementStream& stream) {
  const double b = 0.931 + 2.53 * std::sqrt(rate);
  const double a = -0.059 + 0.02483 * b;
  const double log_alpha = std::log(1.1239 + 1.1328 / (b - 3.4));
  const double surely = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double u = stream.next() - 0.5;
    const double v = stream.next();
    const double distance = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / distance + b) * u + rate + 0.43);
    if (distance >= 0.07 && v <= surely) return k;
    if (!(k >= 0) || (distance < 0.013 && v > distance)) continue;
    if (std::log(v) + log_alpha - std::log(a / (distance * distance) + b) <= log_poisson(k, rate)) return k;
  }
}

/// The number of events at this rate; NaN unless it is finite and not negative.
inline double poisson(double rate, ElementStream& stream) {
  if (!(rate >= 0) || std::isinf(rate)) return not_a_number;
  return rate < 10 ? poisson_by_sum(rate, stream) : poisson_by_rejection(rate, stream);
}

/// A gamma variate of scale 1, or its logarithm, which does not underflow (Marsaglia and Tsang 2000, "A simple method
/// for generating gamma variables"). NaN if the concentration is negative or NaN.
inline double gamma(double concentration, bool logarithm, ElementStream& stream) {
  if (!(concentration >= 0)) return not_a_number;
  if (concentration == 0 || std::isinf(concentration)) {
    return logarithm ? std::log(concentration) : concentration;
  }
  // A concentration below 1 is raised by 1, and the variate multiplied by u^(1 / concentration).
  const bool raised = concentration < 1;
  const double log_factor = raised ? stream.next_log() / concentration : 0;
  const double d = (raised ? concentration + 1 : concentration) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = stream.next_normal();
    const double t = c * x;
    if (t <= -1) continue;
    // The logarithm of 1 - u must be at most x^2 / 2 + d (1 - v + log v) for v = (1 + t)^3. Where the polynomial of
    // Marsaglia and Tsang allows it, this holds without logarithms.
    const double u = stream.next();
    if (u <= 0.0331 * (x * x) * (x * x) && std::log1p(-u) > 3 * d * log1p_rest(t)) continue;
    if (logarithm) return log_factor + std::log(d) + 3 * std::log1p(t);
    const double v = (1 + t) * (1 + t) * (1 + t);
    return raised ? d * v * std::exp(log_factor) : d * v;
  }
}

/// In the tail 0 < low < high: by a truncated exponential, or, in narrow intervals, by a uniform number (Robert 1995,
/// "Simulation of truncated normal variables").
inline double normal_in_tail(double low, double high, ElementStream& stream) {
  const double width = high - low;
  const bool narrow = width * (high + low) < 2;
  const double rate = 0.5 * (low + std::hypot(low, 2.0));
  const double mass = -std::expm1(-rate * width);
  while (true) {
    const double u = stream.next();
    const double x = low + (narrow ? u * width : -std::log1p(-u * mass) / rate);
    const double distance = narrow ? 0.5 * (x - low) * (x + low) : 0.5 * (x - rate) * (x - rate);
    if (stream.next_log() <= -distance) return x < high ? x : high;
  }
}

/// Standard normal numbers between bounds on both sides of 0.
inline double normal_around_zero(double low, double high, ElementStream& stream) {
  const bool narrow = high - low < 2.5;
  while (true) {
    const double x = narrow ? low + (high - low) * stream.next() : stream.next_normal();
    if (narrow ? stream.next_log() <= -0.5 * x * x : (low <= x && x <= high)) return x;
  }
}

/// A standard normal number in [low, high]; NaN if there is none.
inline double truncated_normal(double low, double high, ElementStream& stream) {
  if (!(low <= high)) return not_a_number;
  if (low == high) return low;
  if (low > 0) return normal_in_tail(low, high, stream);
  if (high < 0) return -normal_in_tail(-high, -low, stream);
  return normal_around_zero(low, high, stream);
}

}  // namespace variates

}  // namespace pydl::runtime
