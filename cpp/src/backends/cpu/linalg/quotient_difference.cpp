// The differential quotient-difference algorithm with shifts (Fernando and Parlett, "Accurate singular values and
// differential qd algorithms", 1994). A step makes factors of the matrix less a shift, which must stay below its
// smallest eigenvalue. Laguerre's method finds such shifts, similarly to the rational QR algorithm (Reinsch and Bauer,
// 1968); a bolder guess from the last rows is tried where these have nearly converged.
#include "backends/cpu/linalg/quotient_difference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace pydl::cpu {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

// The sums of the reciprocals of eigenvalues and of their squares, from derivatives of the determinant.
struct Reciprocals {
  double sum = 0;
  double squares = 0;

  // A number that is not above the smallest one of so many eigenvalues.
  double least(int64_t count) const {
    const auto n = static_cast<double>(count);
    const double spread = std::max(n * squares - sum * sum, 0.0);
    const double divisor = sum + std::sqrt((n - 1) * spread);
    const double bound = n / divisor;
    return sum > 0 && std::isfinite(bound) ? bound : 0;
  }
};

// Squares of a diagonal and of what is above it.
struct Squares {
  double* q;
  double* e;
};

class Iteration {
 public:
  Iteration(Squares given, Squares room, int64_t count) : now_(given), next_(room), last_(count - 1) {
    for (int64_t i = 0; i < count; ++i) largest_ = std::max({largest_, now_.q[i], i < last_ ? now_.e[i] : 0.0});
  }

  // Values are written from the end on; those that are finished are not read again.
  void run(double* values) {
    const int64_t most_steps = 80 * (last_ + 1);
    for (int64_t step = 0; last_ >= 0; ++step) {
      if (last_ == first_ || has_converged() || step > most_steps) {
        finish(values);
        continue;
      }
      split();
      advance();
    }
  }

 private:
  // Without the element, values change by less than their rounding errors.
  bool is_negligible(int64_t i) const {
    const double e = now_.e[i];
    return e <= epsilon * epsilon * (shift_ + std::min(now_.q[i], now_.q[i + 1])) || e <= 1e-290 * largest_;
  }
  // The square root of q e is the residual of the last row as an eigenvector.
  bool has_converged() const {
    const double e = now_.e[last_ - 1];
    const double error = 0.5 * epsilon * (shift_ + safe_);
    return is_negligible(last_ - 1) || (now_.q[last_] * e <= error * error && e <= error);
  }

  void finish(double* values) {
    values[last_] = now_.q[last_] + shift_;
    --last_;
    // What is left of the block converges to its own smallest value.
    safe_ = safe_without_last_;
    safe_without_last_ = 0;
    if (last_ < 0 || !std::signbit(now_.e[last_])) return;
    shift_ = -now_.e[last_];  // where the matrix was divided, see `split`
    first_ = 0;
    safe_ = 0;
  }

  // Blocks are finished one by one, the last one first. The element that is 0 keeps the shift, with a negative sign.
  void split() {
    int64_t i = last_ - 1;
    while (i > first_ && !std::signbit(now_.e[i - 1]) && !is_negligible(i - 1)) --i;
    if (i == first_) return;
    first_ = i;
    if (std::signbit(now_.e[i - 1])) return;
    now_.e[i - 1] = -shift_;
    std::copy(now_.q, now_.q + i, next_.q);
    std::copy(now_.e, now_.e + i, next_.e);
    safe_ = safe_without_last_ = 0;
  }

  void advance() {
    const double bold = bold_shift();
    if (bold > safe_) {
      if (step(bold)) return;
      // As a function of the shift, the last d falls at least as fast as the shift grows.
      const double corrected = bold + late_;
      if (late_ < 0 && corrected > safe_ && step(corrected * (1 - 8 * epsilon))) return;
    }
    if (safe_ > 0 && step(safe_ * (1 - 64 * epsilon))) return;
    step(0);
  }

  // From the last two rows, less what the third one may change.
  double bold_shift() const {
    const double q = now_.q[last_];
    const double e = now_.e[last_ - 1];
    const double above = now_.q[last_ - 1] + e;
    // The smaller eigenvalue of [above, sqrt(q e); sqrt(q e), q].
    const double half = 0.5 * (above - q);
    const double square = q * e;
    if (!(half > 0) || square > 0.25 * half * half) return 0;
    const double less = square / (half + std::sqrt(half * half + square));
    double shift = q - less;
    if (last_ - 1 > first_) {
      // The residual of the eigenvector, squared, over the distance to other eigenvalues.
      const double gap = above - q;
      const double neighbour = now_.q[last_ - 1] * now_.e[last_ - 2];
      shift -= neighbour * (less / gap) / gap * 1.1;
    }
    return shift;
  }

  // Returns whether the shift was below the smallest eigenvalue.
  bool step(double shift) {
    const double* q = now_.q;
    const double* e = now_.e;
    double d = q[first_] - shift;
    double slope = -1;  // of d as a function of the shift
    double bend = 0;    // its second derivative
    Reciprocals reciprocals;
    double least = std::numeric_limits<double>::infinity();
    for (int64_t k = first_; k < last_; ++k) {
      least = std::min(least, d);
      const double sum = d + e[k];
      const double inverse = 1 / sum;
      const double factor = q[k + 1] * inverse;
      next_.q[k] = sum;
      next_.e[k] = e[k] * factor;
      const double share = slope * inverse;
      const double bent = bend * inverse;
      reciprocals.sum -= share;
      reciprocals.squares += share * share - bent;
      slope = share * next_.e[k] - 1;
      bend = (bent - 2 * share * share) * next_.e[k];
      d = d * factor - shift;
    }
    next_.q[last_] = d;
    if (!(least >= 0) || !(d >= 0) || !std::isfinite(d)) {
      late_ = least >= 0 ? d : 0;
      return false;
    }
    safe_without_last_ = reciprocals.least(last_ - first_);
    const double share = slope / d;
    safe_ = d > 0 ? Reciprocals{reciprocals.sum - share, reciprocals.squares + share * share - bend / d}.least(
                        last_ - first_ + 1)
                  : 0;
    shift_ += shift;
    std::swap(now_, next_);
    return true;
  }

  Squares now_;
  Squares next_;
  int64_t first_ = 0;
  int64_t last_;
  double shift_ = 0;              // of the block
  double safe_ = 0;               // not above the smallest eigenvalue of the block
  double safe_without_last_ = 0;  // the same without the last row
  double late_ = 0;               // the last d of a step that failed nowhere else
  double largest_ = 0;
};

}  // namespace

void squared_singular_values(double* q, double* e, int64_t count, double* room) {
  if (count == 0) return;
  // Values are written where no step reads: steps write both pairs of arrays up to the last row of the block.
  Iteration({q, e}, {room, room + count}, count).run(room + 2 * count);
  std::copy(room + 2 * count, room + 3 * count, q);
}

// Of the factors of the matrix less a number below all eigenvalues (Gershgorin), which makes it positive definite.
void tridiagonal_eigenvalues(double* diagonal, double* below, int64_t count, double* room) {
  double lowest = diagonal[0];
  double largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double others = (i > 0 ? std::abs(below[i - 1]) : 0) + (i + 1 < count ? std::abs(below[i]) : 0);
    lowest = std::min(lowest, diagonal[i] - others);
    largest = std::max(largest, std::abs(diagonal[i]) + others);
  }
  if (largest == 0) return;
  // Rounding errors of the factors must not reach 0.
  lowest -= 16 * epsilon * largest;
  double before = 0;
  for (int64_t i = 0; i < count; ++i) {
    diagonal[i] = std::max(diagonal[i] - lowest - before, epsilon * largest);
    if (i + 1 == count) break;
    before = below[i] * below[i] / diagonal[i];
    below[i] = before;
  }
  squared_singular_values(diagonal, below, count, room);
  for (int64_t i = 0; i < count; ++i) diagonal[i] += lowest;
}

}  // namespace pydl::cpu
