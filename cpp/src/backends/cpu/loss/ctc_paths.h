// The paths of one CTC sample through its states.
#pragma once

#include <algorithm>
#include <cmath>

#include "op/ctc_batch.h"

namespace pydl::cpu {

/// A likelihood of any size, represented as mantissa * 2^(512 exponent) with a mantissa in [2^-256, 2^256] or zero. It
/// is as safe as its logarithm, and sums need no exponentials.
struct WideNumber {
  double mantissa;
  double exponent;

  static constexpr double lowest = -1e9;  // the exponent of zero
  static constexpr double log_base = 512 * 0.69314718055994530942;

  static WideNumber exp(double x) {
    if (!(x > lowest)) return {x != x ? x : 0, x != x ? 0 : lowest};
    const double exponent = std::nearbyint(x / log_base);
    return {std::exp(x - exponent * log_base), exponent};
  }

  static WideNumber normal(double mantissa, double exponent) {
    const double up = mantissa < 0x1p-256 ? 0x1p512 : 1;
    const double factor = mantissa > 0x1p256 ? 0x1p-512 : up;
    return {mantissa * factor, exponent + (factor < 1 ? 1.0 : factor > 1 ? -1.0 : 0.0)};
  }

  double log() const { return std::log(mantissa) + exponent * log_base; }
};

/// Wide numbers by state, with `margin` zeros on both sides for transitions from before the first state and beyond the
/// last.
struct WideRow {
  static constexpr int64_t margin = 2;

  double* mantissas;
  double* exponents;

  /// A row of `length` states, which takes 2 (length + 2 margin) doubles of memory.
  WideRow(double* memory, int64_t length)
      : mantissas(memory + margin), exponents(memory + length + 2 * margin + margin) {}

  static int64_t doubles(int64_t length) { return 2 * (length + 2 * margin); }
  void clear(int64_t length) const {
    std::fill_n(mantissas - margin, length + 2 * margin, 0.0);
    std::fill_n(exponents - margin, length + 2 * margin, WideNumber::lowest);
  }
  void set(int64_t state, WideNumber number) const {
    mantissas[state] = number.mantissa;
    exponents[state] = number.exponent;
  }
  WideNumber operator[](int64_t state) const { return {mantissas[state], exponents[state]}; }

  /// this[s] + this[s + near] + skip * this[s + far], not normalised.
  WideNumber sum(int64_t s, int64_t near, int64_t far, double skip) const {
    // A term that does not count must not determine the exponent.
    const double far_exponent = skip == 0 ? WideNumber::lowest : exponents[s + far];
    const double top = std::max(exponents[s], std::max(exponents[s + near], far_exponent));
    return {mantissas[s] * weight(top - exponents[s]) + mantissas[s + near] * weight(top - exponents[s + near]) +
                skip * mantissas[s + far] * weight(top - far_exponent),
            top};
  }

 private:
  // A term that is two exponents smaller is less than 2^-512 of the sum.
  static double weight(double below) { return below == 0 ? 1 : below == 1 ? 0x1p-512 : 0; }
};

/// The log-probabilities of a sample and its gradient. Consecutive steps are `stride` apart.
template <class T>
struct CtcSteps {
  const T* log_probs;
  T* gradient;
  int64_t stride;
};

/// Prefixes are all paths up to a step, suffixes all paths after it. The prefixes of `kept` steps are kept.
template <class T>
class CtcPaths {
 public:
  CtcPaths(const op::CtcSample& sample, const CtcSteps<T>& steps, double* memory, int64_t length, int64_t kept)
      : sample_(sample), steps_(steps), memory_(memory), length_(length), kept_(kept) {
    for (int64_t i = 0; i < kept_ + 4; ++i) row(i).clear(length_);
    for (int64_t s = 0; s < sample_.states; ++s) skips()[s] = sample_.may_skip(s) ? 1 : 0;
  }

  /// The size of the memory in doubles, for samples of at most `length` states.
  static int64_t doubles(int64_t length, int64_t kept) { return (kept + 4) * WideRow::doubles(length); }

  /// Returns the loss and leaves the prefixes in memory.
  double loss() {
    if (sample_.steps == 0) return sample_.states == 1 ? 0 : HUGE_VAL;
    const WideRow emissions = row(kept_);
    for (int64_t t = 0; t < sample_.steps; ++t) {
      read_emissions(t, emissions);
      const WideRow here = row(t % kept_);
      if (t == 0) {
        for (int64_t s = 0; s < std::min<int64_t>(sample_.states, 2); ++s) here.set(s, emissions[s]);
        continue;
      }
      const WideRow before = row((t - 1) % kept_);
      for (int64_t s = 0; s < sample_.states; ++s) {
        here.set(s, product(before.sum(s, -1, -2, skips()[s]), emissions[s]));
      }
    }
    const WideNumber total = row((sample_.steps - 1) % kept_).sum(sample_.states - 1, -1, 0, 0);
    total_ = WideNumber::normal(total.mantissa, total.exponent);
    return -total_.log();
  }

  /// Subtracts g times the share of the paths that pass each class at each step. Requires a call of `loss` with all
  /// steps kept.
  void subtract_gradient(T g) const {
    const int64_t states = sample_.states;
    const WideRow emissions = row(kept_);
    for (int64_t t = sample_.steps - 1; t >= 0; --t) {
      const WideRow here = row(kept_ + 1 + t % 2);
      if (t == sample_.steps - 1) {
        for (int64_t s = std::max<int64_t>(states - 2, 0); s < states; ++s) here.set(s, {1, 0});
      } else {
        // At this point, the emissions are those of step t + 1.
        const WideRow behind = row(kept_ + 1 + (t + 1) % 2);
        for (int64_t s = 0; s < states; ++s) behind.set(s, product(behind[s], emissions[s]));
        for (int64_t s = 0; s < states; ++s) {
          const WideNumber sum = behind.sum(s, 1, 2, skips()[s + 2]);
          here.set(s, WideNumber::normal(sum.mantissa, sum.exponent));
        }
      }
      subtract_shares(g, row(t), here, steps_.gradient + t * steps_.stride);
      read_emissions(t, emissions);
    }
  }

 private:
  // Rows: the kept prefixes, the emissions, two rows of suffixes, and the skips.
  WideRow row(int64_t index) const { return {memory_ + index * WideRow::doubles(length_), length_}; }
  double* skips() const { return row(kept_ + 3).mantissas; }

  static WideNumber product(WideNumber a, WideNumber b) {
    return WideNumber::normal(a.mantissa * b.mantissa, a.exponent + b.exponent);
  }

  void read_emissions(int64_t t, const WideRow& emissions) const {
    const T* log_probs = steps_.log_probs + t * steps_.stride;
    const WideNumber blank = WideNumber::exp(static_cast<double>(log_probs[sample_.label(0)]));
    emissions.set(0, blank);
    for (int64_t s = 1; s < sample_.states; s += 2) {
      emissions.set(s, WideNumber::exp(static_cast<double>(log_probs[sample_.label(s)])));
      emissions.set(s + 1, blank);
    }
  }

  void subtract_shares(T g, const WideRow& prefixes, const WideRow& suffixes, T* y) const {
    for (int64_t s = 0; s < sample_.states; ++s) {
      const double mantissa = prefixes.mantissas[s] * suffixes.mantissas[s] / total_.mantissa;
      const double exponent = prefixes.exponents[s] + suffixes.exponents[s] - total_.exponent;
      // A share is at most 1, and the mantissa is within 2^768 of it, so with any other exponent the share is
      // negligible.
      const double factor = exponent == 0 ? 1 : exponent == 1 ? 0x1p512 : exponent == -1 ? 0x1p-512 : 0;
      const double share = mantissa * factor;
      y[sample_.label(s)] -= g * static_cast<T>(share);
    }
  }

  const op::CtcSample& sample_;
  CtcSteps<T> steps_;
  double* memory_;
  int64_t length_;
  int64_t kept_;
  WideNumber total_{0, 0};
};

}  // namespace pydl::cpu
