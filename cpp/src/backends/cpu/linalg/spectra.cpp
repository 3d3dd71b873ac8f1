#include "backends/cpu/linalg/spectra.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "backends/cpu/linalg/reflections.h"

namespace pydl::cpu {

namespace {

using Rows = Block<double>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
// What is below is 0 beside the largest element, which is 1.
constexpr double negligible = 1e-290;
constexpr int most_steps_per_value = 60;

// Makes the largest element 1; returns what it was.
double normalise(const Rows& a) {
  double largest = 0;
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.columns; ++j) largest = std::max(largest, std::abs(a(i, j)));
  }
  if (largest == 0) return 1;
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.columns; ++j) a(i, j) /= largest;
  }
  return largest;
}

void set_identity(const Rows& a) {
  for (int64_t i = 0; i < a.rows; ++i) {
    std::fill(a.row(i), a.row(i) + a.columns, 0.0);
    if (i < a.columns) a(i, i) = 1;
  }
}

// (a, b) becomes (c a + s b, c b - s a).
struct Rotation {
  double c;
  double s;
};

// The rotation that maps (x, y) to (length, 0).
Rotation rotation_of(double x, double y, double& length) {
  const double square = x * x + y * y;
  length = has_usual_square(square) ? std::sqrt(square) : std::hypot(x, y);
  if (length == 0) return {1, 0};
  // The reciprocal of a smaller number could be infinite.
  if (length < 1e-300) return {x / length, y / length};
  const double factor = 1 / length;
  return {x * factor, y * factor};
}

// Rotations of neighbouring rows. They are collected and applied several sweeps at a time, so that parts of the rows
// stay in the cache. Without rows, there is nothing to do.
class Rotations {
 public:
  Rotations(const Rows& rows, Workspace& workspace) : rows_(rows) {
    if (rows.rows == 0) return;
    sweeps_ = workspace.take<RotationSweep>(most_sweeps);
    numbers_ = workspace.take<double>(2 * most_sweeps * rows.rows);
  }

  void begin(int64_t first, int64_t step) {
    if (rows_.rows == 0) return;
    if (sweep_count_ == most_sweeps) flush();
    double* cosines = numbers_ + 2 * sweep_count_ * rows_.rows;
    sweeps_[sweep_count_++] = {first, step, 0, cosines, cosines + rows_.rows};
  }

  // The next one of the sweep that was begun.
  void add(const Rotation& rotation) {
    if (rows_.rows == 0) return;
    RotationSweep& sweep = sweeps_[sweep_count_ - 1];
    double* cosines = numbers_ + 2 * (sweep_count_ - 1) * rows_.rows;
    cosines[sweep.count] = rotation.c;
    cosines[rows_.rows + sweep.count++] = rotation.s;
  }

  void flush() {
    if (sweep_count_ == 0) return;
    spectral_kernels().rotate(rows_.data, rows_.row_stride, rows_.columns, sweeps_, sweep_count_);
    sweep_count_ = 0;
  }

  // Of two rows that need not be neighbours.
  void apply(const Rotation& rotation, int64_t a, int64_t b) {
    if (rows_.rows == 0) return;
    flush();
    const RotationSweep sweep = {a, b - a, 1, &rotation.c, &rotation.s};
    spectral_kernels().rotate(rows_.data, rows_.row_stride, rows_.columns, &sweep, 1);
  }

 private:
  static constexpr int64_t most_sweeps = 16;

  Rows rows_;
  RotationSweep* sweeps_ = nullptr;
  double* numbers_ = nullptr;
  int64_t sweep_count_ = 0;
};

// Reflections that are applied to a row, while it is in the cache, before the next row.
constexpr int64_t reflections_at_once = 16;

// Orders numbers, and the rows that belong to them, by exchanges.
template <class Before>
void sort_with_rows(double* values, int64_t count, std::initializer_list<const Rows*> rows, const Before& before) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t best = std::min_element(values + i, values + count, before) - values;
    if (best == i) continue;
    std::swap(values[i], values[best]);
    for (const Rows* each : rows) {
      if (each->rows > 0) std::swap_ranges(each->row(i), each->row(i) + each->columns, each->row(best));
    }
  }
}

// --- symmetric matrices -------------------------------------------------------------------------------------------

// The diagonal and what is below it, such that a = t(q) T q for the matrix q that `vectors` becomes, if it has rows.
// Only the lower triangle is read. The last row is the first one of which only two elements remain: what its reflection
// changes in the rows above is done together with the product that the next reflection needs.
void make_tridiagonal(const Rows& a, double* diagonal, double* below, const Rows& vectors, Workspace& workspace) {
  const SpectralKernels& inner = spectral_kernels();
  const int64_t n = a.rows;
  auto* tau = workspace.take<double>(n);
  auto* w = workspace.take<double>(n);
  auto* product = workspace.take<double>(n);
  std::fill(w, w + n, 0.0);
  const double* v = w;
  for (int64_t k = n - 1; k >= 0; --k) {
    double* row = a.row(k);
    inner.add_scaled(row, -v[k], w, k + 1);
    inner.add_scaled(row, -w[k], v, k + 1);
    diagonal[k] = row[k];
    if (k == 0) break;
    const Reflection reflection = reflect_to_last(row, k);
    tau[k] = reflection.tau;
    below[k - 1] = reflection.first;
    inner.update_symmetric(a.data, a.row_stride, k, v, w, row, product);
    for (int64_t i = 0; i < k; ++i) product[i] *= tau[k];
    inner.add_scaled(product, -0.5 * tau[k] * inner.dot(product, row, k), row, k);
    std::swap(product, w);
    v = row;
  }
  if (vectors.rows == 0) return;
  set_identity(vectors);
  for (int64_t first = 1; first < n; first += reflections_at_once) {
    const int64_t end = std::min(first + reflections_at_once, n);
    for (int64_t i = 0; i + 1 < end; ++i) {
      for (int64_t k = std::max(first, i + 1); k < end; ++k) inner.reflect_row(vectors.row(i), a.row(k), tau[k], k);
    }
  }
}

// One QL step of rows first..last with Wilkinson's shift.
void ql_step(double* diagonal, double* below, int64_t first, int64_t last, Rotations& rotations) {
  const double half_gap = (diagonal[first + 1] - diagonal[first]) / (2 * below[first]);
  const double divisor = half_gap + std::copysign(std::hypot(half_gap, 1.0), half_gap);
  double g = diagonal[last] - diagonal[first] + below[first] / divisor;
  Rotation rotation = {1, 1};
  double shifted = 0;
  rotations.begin(last, -1);
  for (int64_t i = last - 1; i >= first; --i) {
    const double f = rotation.s * below[i];
    const double b = rotation.c * below[i];
    double length = 0;
    rotation = rotation_of(g, f, length);
    below[i + 1] = length;
    if (length == 0) {
      // The block falls apart here.
      diagonal[i + 1] -= shifted;
      below[last] = 0;
      return;
    }
    g = diagonal[i + 1] - shifted;
    const double r = (diagonal[i] - g) * rotation.s + 2 * rotation.c * b;
    shifted = rotation.s * r;
    diagonal[i + 1] = g + shifted;
    g = rotation.c * r - b;
    rotations.add(rotation);
  }
  diagonal[first] -= shifted;
  below[first] = g;
  below[last] = 0;
}

void make_diagonal(double* diagonal, double* below, int64_t n, Rotations& rotations) {
  below[n - 1] = 0;
  for (int64_t first = 0; first < n; ++first) {
    for (int step = 0; step < most_steps_per_value; ++step) {
      int64_t last = first;
      while (last + 1 < n && std::abs(below[last]) > negligible &&
             std::abs(below[last]) > epsilon * 0.5 * (std::abs(diagonal[last]) + std::abs(diagonal[last + 1]))) {
        ++last;
      }
      if (last == first) break;
      ql_step(diagonal, below, first, last, rotations);
    }
  }
  rotations.flush();
}

// --- rectangular matrices -----------------------------------------------------------------------------------------

// The upper bidiagonal matrix of `diagonal` and `above` with a = t(left) B right.
class Bidiagonal {
 public:
  Bidiagonal(const Rows& a, double* diagonal, const Rows& left, const Rows& right, Workspace& workspace)
      : d_(diagonal),
        e_(workspace.take<double>(a.columns)),
        n_(a.columns),
        left_(left),
        right_(right),
        left_rotations_(left, workspace),
        right_rotations_(right, workspace) {
    // Values alone need one vector at a time.
    columns_ = {nullptr, left.rows == 0 ? 1 : n_, a.rows, a.rows};
    columns_.data = workspace.take<double>(columns_.rows * a.rows);
    for (double** each : {&left_tau_, &right_tau_, &z_, &sums_}) *each = workspace.take<double>(n_);
    for (double** each : {&x_, &y_}) *each = workspace.take<double>(a.rows);
    if (diagonal == nullptr) return;
    reduce(a);
    if (left_.rows > 0) make_vectors(a);
  }

  void diagonalise() {
    double largest = 0;
    for (int64_t i = 0; i < n_; ++i) largest = std::max({largest, std::abs(d_[i]), i + 1 < n_ ? std::abs(e_[i]) : 0.0});
    least_ = std::max(epsilon * 0.5 * largest, negligible);
    int64_t last = n_ - 1;
    for (int64_t step = 0; step < most_steps_per_value * n_ && last > 0; ++step) {
      if (is_small(last - 1)) {
        e_[--last] = 0;
        continue;
      }
      int64_t first = last - 1;
      while (first > 0 && !is_small(first - 1)) --first;
      if (first > 0) e_[first - 1] = 0;
      if (!remove_zero(first, last)) qr_step(first, last);
    }
    left_rotations_.flush();
    right_rotations_.flush();
    for (int64_t i = 0; i < n_; ++i) {
      if (d_[i] >= 0) continue;
      d_[i] = -d_[i];
      if (right_.rows == 0) continue;
      for (int64_t j = 0; j < right_.columns; ++j) right_(i, j) = -right_(i, j);
    }
  }

 private:
  // What reflections k - 1 change is done together with the sums that reflection k of a column needs: rows and columns
  // are read and written once, and read once more for the reflection of a row.
  void reduce(const Rows& a) {
    const SpectralKernels& inner = spectral_kernels();
    const int64_t m = a.rows;
    for (double* each : {x_, y_}) std::fill(each, each + m, 0.0);
    std::fill(z_, z_ + n_, 0.0);
    const double* u = z_;
    for (int64_t k = 0; k < n_; ++k) {
      double* v = columns_.row(columns_.rows == 1 ? 0 : k);
      for (int64_t i = k; i < m; ++i) v[i - k] = a(i, k) - x_[i] * z_[k] - y_[i] * u[k];
      const Reflection down = reflect(v, m - k);
      left_tau_[k] = down.tau;
      d_[k] = down.first;
      e_[k] = 0;
      const int64_t rest = n_ - k - 1;
      if (rest == 0) break;
      const int64_t next = k + 1;
      std::fill(sums_ + next, sums_ + n_, 0.0);
      inner.update_and_sum(a.row(k) + next, a.row_stride, m - k, rest, x_ + k, z_ + next, y_ + k, u + next, v,
                           sums_ + next);
      double* row = a.row(k);
      inner.add_scaled(row + next, -down.tau, sums_ + next, rest);
      const Reflection across = reflect(row + next, rest);
      right_tau_[k] = across.tau;
      e_[k] = across.first;
      inner.multiply(a.row(next) + next, a.row_stride, m - next, rest, row + next, y_ + next);
      const double along = inner.dot(sums_ + next, row + next, rest);
      for (int64_t i = next; i < m; ++i) {
        x_[i] = down.tau * v[i - k];
        y_[i] = across.tau * (y_[i] - x_[i] * along);
      }
      std::swap(z_, sums_);
      u = row;
    }
  }

  void make_vectors(const Rows& a) {
    set_identity(left_);
    set_identity(right_);
    for (int64_t first = (n_ - 1) / reflections_at_once * reflections_at_once; first >= 0;
         first -= reflections_at_once) {
      const int64_t last = std::min(first + reflections_at_once, n_) - 1;
      for (int64_t i = first; i < left_.rows; ++i) {
        for (int64_t k = std::min(last, i); k >= first; --k) {
          spectral_kernels().reflect_row(left_.row(i) + k, columns_.row(k), left_tau_[k], columns_.columns - k);
        }
      }
      for (int64_t i = first + 1; i < n_; ++i) {
        for (int64_t k = std::min(last, i - 1); k >= first; --k) {
          spectral_kernels().reflect_row(right_.row(i) + k + 1, a.row(k) + k + 1, right_tau_[k], n_ - k - 1);
        }
      }
    }
  }

  bool is_small(int64_t i) const {
    return std::abs(e_[i]) <= negligible || std::abs(e_[i]) <= epsilon * 0.5 * (std::abs(d_[i]) + std::abs(d_[i + 1]));
  }

  // A zero on the diagonal divides the block: its row, or its column if it is the last one, becomes 0.
  bool remove_zero(int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      if (std::abs(d_[i]) > least_) continue;
      d_[i] = 0;
      double f = std::exchange(e_[i], 0.0);
      for (int64_t k = i + 1; k <= last; ++k) {
        const Rotation rotation = rotation_of(d_[k], f, d_[k]);
        f = -rotation.s * e_[k];
        if (k < last) e_[k] *= rotation.c;
        left_rotations_.apply(rotation, k, i);
      }
      return true;
    }
    if (std::abs(d_[last]) > least_) return false;
    d_[last] = 0;
    double f = std::exchange(e_[last - 1], 0.0);
    for (int64_t k = last - 1; k >= first; --k) {
      const Rotation rotation = rotation_of(d_[k], f, d_[k]);
      if (k > first) {
        f = -rotation.s * e_[k - 1];
        e_[k - 1] *= rotation.c;
      }
      right_rotations_.apply(rotation, k, last);
    }
    return true;
  }

  // The smallest singular value of the last two rows and columns.
  double shift_at(int64_t last) const {
    const double f = std::abs(d_[last - 1]);
    const double g = std::abs(e_[last - 1]);
    const double h = std::abs(d_[last]);
    const double high = std::hypot(f + h, g);
    const double low = std::hypot(f - h, g);
    return 2 * f * h / (high + low);
  }

  void qr_step(int64_t first, int64_t last) {
    double shift = shift_at(last);
    const double ratio = shift / std::abs(d_[first]);
    if (ratio * ratio < epsilon || !std::isfinite(ratio)) shift = 0;
    double y = (std::abs(d_[first]) - shift) * (std::copysign(1.0, d_[first]) + shift / d_[first]);
    double z = e_[first];
    left_rotations_.begin(first, 1);
    right_rotations_.begin(first, 1);
    for (int64_t k = first; k < last; ++k) {
      double length = 0;
      const Rotation across = rotation_of(y, z, length);
      if (k > first) e_[k - 1] = length;
      y = across.c * d_[k] + across.s * e_[k];
      e_[k] = across.c * e_[k] - across.s * d_[k];
      z = across.s * d_[k + 1];
      d_[k + 1] *= across.c;
      right_rotations_.add(across);
      const Rotation down = rotation_of(y, z, d_[k]);
      y = down.c * e_[k] + down.s * d_[k + 1];
      d_[k + 1] = down.c * d_[k + 1] - down.s * e_[k];
      e_[k] = y;
      if (k + 1 < last) {
        z = down.s * e_[k + 1];
        e_[k + 1] *= down.c;
      }
      left_rotations_.add(down);
    }
  }

  double* d_;
  double* e_;
  int64_t n_;
  Rows left_;
  Rows right_;
  Rotations left_rotations_;
  Rotations right_rotations_;
  Rows columns_;  // reflections of columns, one per row
  double* left_tau_ = nullptr;
  double* right_tau_ = nullptr;
  // Of the last reflections: a still has to lose x t(z) + y t(u), where u is in its row.
  double* x_ = nullptr;
  double* y_ = nullptr;
  double* z_ = nullptr;
  double* sums_ = nullptr;
  double least_ = 0;
};

}  // namespace

void decompose_symmetric(const Block<double>& a, double* values, const Block<double>& vectors, Workspace& workspace) {
  auto* below = workspace.take<double>(a.rows);
  Rotations rotations(vectors, workspace);
  if (values == nullptr) {
    for (int part = 0; part < 3; ++part) workspace.take<double>(a.rows);
    return;
  }
  const double scale = normalise(a);
  make_tridiagonal(a, values, below, vectors, workspace);
  make_diagonal(values, below, a.rows, rotations);
  for (int64_t i = 0; i < a.rows; ++i) values[i] *= scale;
  sort_with_rows(values, a.rows, {&vectors}, std::less<>());
}

void decompose_rectangular(const Block<double>& a, double* values, const Block<double>& left,
                           const Block<double>& right, Workspace& workspace) {
  const double scale = values == nullptr ? 1 : normalise(a);
  Bidiagonal bidiagonal(a, values, left, right, workspace);
  if (values == nullptr) return;
  bidiagonal.diagonalise();
  for (int64_t i = 0; i < a.columns; ++i) values[i] *= scale;
  sort_with_rows(values, a.columns, {&left, &right}, std::greater<>());
}

}  // namespace pydl::cpu
