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

// Rows from `first_row` on, times the reflection of their columns from `first_column` on.
void reflect_rows(const Rows& a, int64_t first_row, int64_t first_column, const double* v, double tau) {
  if (tau == 0) return;
  const int64_t count = a.columns - first_column;
  for (int64_t i = first_row; i < a.rows; ++i) {
    double* row = a.row(i) + first_column;
    add_scaled(row, -tau * dot(row, v, count), v, count);
  }
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

  void apply(double* a, double* b, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      const double first = a[i];
      const double second = b[i];
      a[i] = c * first + s * second;
      b[i] = c * second - s * first;
    }
  }
  void apply(const Rows& rows, int64_t a, int64_t b) const { apply(rows.row(a), rows.row(b), rows.columns); }
};

// The rotation that maps (x, y) to (length, 0).
Rotation rotation_of(double x, double y, double& length) {
  length = std::hypot(x, y);
  return length == 0 ? Rotation{1, 0} : Rotation{x / length, y / length};
}

// Orders numbers, and the rows that belong to them, by exchanges.
template <class Before>
void sort_with_rows(double* values, int64_t count, std::initializer_list<const Rows*> rows, const Before& before) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t best = std::min_element(values + i, values + count, before) - values;
    if (best == i) continue;
    std::swap(values[i], values[best]);
    for (const Rows* each : rows) std::swap_ranges(each->row(i), each->row(i) + each->columns, each->row(best));
  }
}

// --- symmetric matrices -------------------------------------------------------------------------------------------

// The diagonal and what is below it, such that a = t(q) T q for the matrix q that `vectors` becomes.
void make_tridiagonal(const Rows& a, double* diagonal, double* below, const Rows& vectors, Workspace& workspace) {
  const int64_t n = a.rows;
  auto* tau = workspace.take<double>(n);
  auto* w = workspace.take<double>(n);
  for (int64_t k = 0; k + 1 < n; ++k) {
    const int64_t count = n - k - 1;
    double* v = a.row(k) + k + 1;
    const Reflection reflection = reflect(v, count);
    tau[k] = reflection.tau;
    diagonal[k] = a(k, k);
    below[k] = reflection.first;
    if (tau[k] == 0) continue;
    const Rows rest = a.part(k + 1, k + 1, count, count);
    for (int64_t i = 0; i < count; ++i) w[i] = tau[k] * dot(rest.row(i), v, count);
    add_scaled(w, -0.5 * tau[k] * dot(w, v, count), v, count);
    for (int64_t i = 0; i < count; ++i) {
      double* row = rest.row(i);
      for (int64_t j = 0; j < count; ++j) row[j] -= v[i] * w[j] + w[i] * v[j];
    }
  }
  diagonal[n - 1] = a(n - 1, n - 1);
  set_identity(vectors);
  for (int64_t k = n - 1; k-- > 0;) reflect_rows(vectors, k + 1, k + 1, a.row(k) + k + 1, tau[k]);
}

// One QL step of rows first..last with Wilkinson's shift.
void ql_step(double* diagonal, double* below, int64_t first, int64_t last, const Rows& vectors) {
  const double half_gap = (diagonal[first + 1] - diagonal[first]) / (2 * below[first]);
  const double divisor = half_gap + std::copysign(std::hypot(half_gap, 1.0), half_gap);
  double g = diagonal[last] - diagonal[first] + below[first] / divisor;
  Rotation rotation = {1, 1};
  double shifted = 0;
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
    rotation.apply(vectors, i + 1, i);
  }
  diagonal[first] -= shifted;
  below[first] = g;
  below[last] = 0;
}

void make_diagonal(double* diagonal, double* below, int64_t n, const Rows& vectors) {
  below[n - 1] = 0;
  for (int64_t first = 0; first < n; ++first) {
    for (int step = 0; step < most_steps_per_value; ++step) {
      int64_t last = first;
      while (last + 1 < n && std::abs(below[last]) > negligible &&
             std::abs(below[last]) > epsilon * 0.5 * (std::abs(diagonal[last]) + std::abs(diagonal[last + 1]))) {
        ++last;
      }
      if (last == first) break;
      ql_step(diagonal, below, first, last, vectors);
    }
  }
}

// --- rectangular matrices -----------------------------------------------------------------------------------------

// The upper bidiagonal matrix of `diagonal` and `above` with a = t(left) B right.
class Bidiagonal {
 public:
  Bidiagonal(const Rows& a, double* diagonal, const Rows& left, const Rows& right, Workspace& workspace)
      : d_(diagonal), e_(workspace.take<double>(a.columns)), n_(a.columns), left_(left), right_(right) {
    if (diagonal == nullptr) {
      count(a, workspace);
    } else {
      reduce(a, workspace);
    }
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
    for (int64_t i = 0; i < n_; ++i) {
      if (d_[i] >= 0) continue;
      d_[i] = -d_[i];
      for (int64_t j = 0; j < n_; ++j) right_(i, j) = -right_(i, j);
    }
  }

 private:
  void count(const Rows& a, Workspace& workspace) {
    workspace.take<double>(n_ * a.rows);
    for (int part = 0; part < 2; ++part) workspace.take<double>(n_);
    workspace.take<double>(n_);
  }

  void reduce(const Rows& a, Workspace& workspace) {
    const int64_t m = a.rows;
    const Rows columns = {workspace.take<double>(n_ * m), n_, m, m};
    auto* left_tau = workspace.take<double>(n_);
    auto* right_tau = workspace.take<double>(n_);
    auto* sums = workspace.take<double>(n_);
    for (int64_t k = 0; k < n_; ++k) {
      double* v = columns.row(k);
      for (int64_t i = k; i < m; ++i) v[i - k] = a(i, k);
      const Reflection down = reflect(v, m - k);
      left_tau[k] = down.tau;
      d_[k] = down.first;
      const int64_t rest = n_ - k - 1;
      e_[k] = 0;
      if (rest == 0) break;
      std::fill(sums, sums + rest, 0.0);
      for (int64_t i = k; i < m; ++i) add_scaled(sums, v[i - k], a.row(i) + k + 1, rest);
      for (int64_t i = k; i < m; ++i) add_scaled(a.row(i) + k + 1, -down.tau * v[i - k], sums, rest);
      const Reflection across = reflect(a.row(k) + k + 1, rest);
      right_tau[k] = across.tau;
      e_[k] = across.first;
      reflect_rows(a, k + 1, k + 1, a.row(k) + k + 1, across.tau);
    }
    set_identity(left_);
    set_identity(right_);
    for (int64_t k = n_; k-- > 0;) {
      reflect_rows(left_, k, k, columns.row(k), left_tau[k]);
      if (k + 1 < n_) reflect_rows(right_, k + 1, k + 1, a.row(k) + k + 1, right_tau[k]);
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
        rotation.apply(left_, k, i);
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
      rotation.apply(right_, k, last);
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
    for (int64_t k = first; k < last; ++k) {
      double length = 0;
      const Rotation across = rotation_of(y, z, length);
      if (k > first) e_[k - 1] = length;
      y = across.c * d_[k] + across.s * e_[k];
      e_[k] = across.c * e_[k] - across.s * d_[k];
      z = across.s * d_[k + 1];
      d_[k + 1] *= across.c;
      across.apply(right_, k, k + 1);
      const Rotation down = rotation_of(y, z, d_[k]);
      y = down.c * e_[k] + down.s * d_[k + 1];
      d_[k + 1] = down.c * d_[k + 1] - down.s * e_[k];
      e_[k] = y;
      if (k + 1 < last) {
        z = down.s * e_[k + 1];
        e_[k + 1] *= down.c;
      }
      down.apply(left_, k, k + 1);
    }
  }

  double* d_;
  double* e_;
  int64_t n_;
  Rows left_;
  Rows right_;
  double least_ = 0;
};

}  // namespace

void decompose_symmetric(const Block<double>& a, double* values, const Block<double>& vectors, Workspace& workspace) {
  auto* below = workspace.take<double>(a.rows);
  if (values == nullptr) {
    for (int part = 0; part < 2; ++part) workspace.take<double>(a.rows);
    return;
  }
  const double scale = normalise(a);
  make_tridiagonal(a, values, below, vectors, workspace);
  make_diagonal(values, below, a.rows, vectors);
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
