// The paths of one CTC sample through its states: as likelihoods, scaled at each step, and as logarithms.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "op/ctc_batch.h"

namespace pydl::cpu {

/// Where the log-probabilities of a sample lie, and its gradient: a step is `stride` behind the one before.
template <class T>
struct CtcSteps {
  const T* log_probs;
  T* gradient;
  int64_t stride;
};

/// The memory of a sample: rows of states, with `margin` entries on both sides for what comes from before and goes
/// behind. All rows of a table are kept, or the last two.
struct CtcMemory {
  static constexpr int64_t margin = 2;

  double* memory;
  int64_t row;
  int64_t kept;

  static int64_t row_of(int64_t states) { return states + 2 * margin; }
  static int64_t doubles(int64_t row, int64_t kept) { return (2 * kept + 3) * row + kept; }

  void fill(double value) const { std::fill_n(memory, doubles(row, kept), value); }
  double* prefixes(int64_t t) const { return memory + t % kept * row + margin; }
  double* emissions(int64_t t) const { return prefixes(t) + kept * row; }
  double* suffixes(int64_t t) const { return memory + (2 * kept + t % 2) * row + margin; }
  double* skips() const { return memory + (2 * kept + 2) * row + margin; }
  double& scale(int64_t t) const { return memory[(2 * kept + 3) * row + t % kept]; }
};

/// Likelihoods of prefixes and suffixes, divided at each step by the sum of the prefixes, in double. What underflows
/// has less than 1e-40 of the paths, as long as the loss is below `largest_loss` and probabilities are below 1.
template <class T>
class ScaledPaths {
 public:
  ScaledPaths(const op::CtcSample& sample, const CtcSteps<T>& steps, const CtcMemory& memory)
      : sample_(sample), steps_(steps), memory_(memory) {}

  /// The loss, and nothing where it takes logarithms.
  std::optional<double> loss() {
    if (sample_.steps == 0) return {};
    memory_.fill(0);
    for (int64_t s = 0; s < sample_.states; ++s) memory_.skips()[s] = sample_.may_skip(s) ? 1 : 0;
    double logarithm = 0;
    for (int64_t t = 0; t < sample_.steps; ++t) {
      if (!read_emissions(t)) return {};
      const double total = fill_prefixes(t);
      if (!(total > 0)) return {};
      memory_.scale(t) = 1 / total;
      double* here = memory_.prefixes(t);
      for (int64_t s = 0; s < sample_.states; ++s) here[s] *= memory_.scale(t);
      logarithm += std::log(total);
    }
    const double* last = memory_.prefixes(sample_.steps - 1) + sample_.states - 1;
    end_ = last[0] + last[-1];
    const double loss = -(logarithm + std::log(end_));
    if (loss < largest_loss) return loss;
    return {};
  }

  void subtract_gradient(T g) const {
    const int64_t states = sample_.states;
    for (int64_t t = sample_.steps - 1; t >= 0; --t) {
      double* here = memory_.suffixes(t);
      if (t == sample_.steps - 1) {
        here[states - 1] = 1;
        if (states > 1) here[states - 2] = 1;
      } else {
        double* behind = memory_.suffixes(t + 1);
        const double* emissions = memory_.emissions(t + 1);
        const double* skips = memory_.skips();
        for (int64_t s = 0; s < states; ++s) behind[s] *= emissions[s] * memory_.scale(t + 1);
        for (int64_t s = 0; s < states; ++s) here[s] = behind[s] + behind[s + 1] + behind[s + 2] * skips[s + 2];
      }
      const double* prefixes = memory_.prefixes(t);
      T* y = steps_.gradient + t * steps_.stride;
      const double share = static_cast<double>(g) / end_;
      for (int64_t s = 0; s < states; ++s) y[sample_.label(s)] -= static_cast<T>(share * prefixes[s] * here[s]);
    }
  }

 private:
  static constexpr double largest_loss = 600;

  bool read_emissions(int64_t t) const {
    const T* log_probs = steps_.log_probs + t * steps_.stride;
    double* emissions = memory_.emissions(t);
    const auto blank = static_cast<double>(log_probs[sample_.label(0)]);
    double top = blank;
    std::fill_n(emissions, sample_.states, std::exp(blank));
    for (int64_t s = 1; s < sample_.states; s += 2) {
      const auto log_prob = static_cast<double>(log_probs[sample_.label(s)]);
      top = std::max(top, log_prob);
      emissions[s] = std::exp(log_prob);
    }
    return top < 1e-3;
  }

  double fill_prefixes(int64_t t) const {
    double* here = memory_.prefixes(t);
    const double* emissions = memory_.emissions(t);
    if (t == 0) {
      std::copy_n(emissions, std::min<int64_t>(sample_.states, 2), here);
      return here[0] + here[1];
    }
    const double* before = memory_.prefixes(t - 1);
    const double* skips = memory_.skips();
    double total = 0;
    for (int64_t s = 0; s < sample_.states; ++s) {
      here[s] = emissions[s] * (before[s] + before[s - 1] + before[s - 2] * skips[s]);
      total += here[s];
    }
    return total;
  }

  const op::CtcSample& sample_;
  CtcSteps<T> steps_;
  CtcMemory memory_;
  double end_ = 0;
};

/// The same as logarithms, for targets however unlikely.
template <class T>
class LogPaths {
 public:
  LogPaths(const op::CtcSample& sample, const CtcSteps<T>& steps, const CtcMemory& memory)
      : sample_(sample), steps_(steps), memory_(memory) {}

  double loss() {
    if (sample_.steps == 0) return loss_ = sample_.states == 1 ? 0 : -nothing;
    memory_.fill(nothing);
    for (int64_t s = 0; s < sample_.states; ++s) memory_.skips()[s] = sample_.may_skip(s) ? 0 : nothing;
    for (int64_t t = 0; t < sample_.steps; ++t) {
      const T* log_probs = steps_.log_probs + t * steps_.stride;
      double* emissions = memory_.emissions(t);
      for (int64_t s = 0; s < sample_.states; ++s) emissions[s] = static_cast<double>(log_probs[sample_.label(s)]);
      double* here = memory_.prefixes(t);
      if (t == 0) {
        std::copy_n(emissions, std::min<int64_t>(sample_.states, 2), here);
        continue;
      }
      const double* before = memory_.prefixes(t - 1);
      for (int64_t s = 0; s < sample_.states; ++s) {
        here[s] = emissions[s] + log_add(before[s], before[s - 1], before[s - 2] + memory_.skips()[s]);
      }
    }
    const double* last = memory_.prefixes(sample_.steps - 1) + sample_.states - 1;
    return loss_ = -log_add(last[0], last[-1], nothing);
  }

  void subtract_gradient(T g) const {
    const int64_t states = sample_.states;
    for (int64_t t = sample_.steps - 1; t >= 0; --t) {
      double* here = memory_.suffixes(t);
      if (t == sample_.steps - 1) {
        here[states - 1] = 0;
        if (states > 1) here[states - 2] = 0;
      } else {
        double* behind = memory_.suffixes(t + 1);
        const double* emissions = memory_.emissions(t + 1);
        const double* skips = memory_.skips();
        for (int64_t s = 0; s < states; ++s) behind[s] += emissions[s];
        for (int64_t s = 0; s < states; ++s) {
          here[s] = log_add(behind[s], behind[s + 1], behind[s + 2] + skips[s + 2]);
        }
      }
      const double* prefixes = memory_.prefixes(t);
      T* y = steps_.gradient + t * steps_.stride;
      for (int64_t s = 0; s < states; ++s) {
        y[sample_.label(s)] -= g * static_cast<T>(std::exp(prefixes[s] + here[s] + loss_));
      }
    }
  }

 private:
  static constexpr double nothing = -std::numeric_limits<double>::infinity();

  // log(exp(a) + exp(b) + exp(c)); the largest term is 1 and needs no exponential.
  static double log_add(double a, double b, double c) {
    if (a < b) std::swap(a, b);
    if (a < c) std::swap(a, c);
    if (a == nothing) return a + b + c;
    return a + std::log1p(std::exp(b - a) + std::exp(c - a));
  }

  const op::CtcSample& sample_;
  CtcSteps<T> steps_;
  CtcMemory memory_;
  double loss_ = 0;
};

}  // namespace pydl::cpu
