#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "backends/cpu/linalg/quotient_difference.h"
#include "backends/cpu/linalg/reflections.h"
#include "backends/cpu/linalg/spectra.h"

namespace pydl::cpu {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
// What is below is 0 beside the largest element, which is 1.
constexpr double negligible = 1e-290;
constexpr int64_t most_steps_per_value = 60;
// What an element may be, compared with its neighbours, to be left out: about the rounding errors of T. Smaller ones
// would take many steps where values agree, each of which adds rounding errors to the vectors.
template <class T>
constexpr double left_out = sizeof(T) == 8 ? 4 * epsilon : 0x1p-28;

}  // namespace

template <class T>
RectangularSpectrum<T>::RectangularSpectrum(int64_t rows, int64_t columns, int64_t left_vectors,
                                            const Products<T>& counted, Workspace& workspace)
    : rows_(rows),
      n_(columns),
      e_(workspace.take<double>(columns)),
      left_tau_(workspace.take<double>(columns)),
      right_tau_(workspace.take<double>(columns)),
      room_(workspace.take<double>(left_vectors == 0 ? 3 * columns : 0)),
      // Values alone need one vector at a time.
      columns_(take_rows<T>(workspace, left_vectors == 0 ? 1 : columns, rows)),
      x_(workspace.take<T>(rows)),
      y_(workspace.take<T>(rows)),
      z_(workspace.take<T>(columns)),
      sums_(workspace.take<T>(columns)),
      block_(std::max(left_vectors, left_vectors == 0 ? 0 : columns), workspace),
      left_rotations_(left_vectors, workspace),
      right_rotations_(left_vectors == 0 ? 0 : columns, workspace),
      products_(1, nullptr) {
  if (left_vectors > 0) lines_ = take_rows<T>(workspace, ReflectionBlock<T>::width, columns);
  products_ = counted.with_memory(workspace);
}

template <class T>
Products<T> RectangularSpectrum<T>::count(int64_t rows, int64_t columns, int64_t left_vectors, int threads) {
  Products<T> products(threads, nullptr);
  if (left_vectors == 0) return products;
  Workspace none;
  RectangularSpectrum spectrum(rows, columns, left_vectors, products, none);
  T nothing = 0;
  spectrum.columns_.data = spectrum.lines_.data = &nothing;
  spectrum.make_left(block_like(&nothing, left_vectors, rows), products);
  spectrum.make_right(block_like(&nothing, rows, columns), block_like(&nothing, columns, columns), products);
  return products;
}

// What reflections k - 1 change is done together with the sums that reflection k of a column needs: rows and columns
// are read and written once, and read once more for the reflection of a row.
template <class T>
void RectangularSpectrum<T>::make_bidiagonal(const Block<T>& a) {
  const SpectralKernels<T>& inner = spectral_kernels<T>();
  for (T* each : {x_, y_}) std::fill(each, each + rows_, T{0});
  std::fill(z_, z_ + n_, T{0});
  const T* u = z_;
  for (int64_t k = 0; k < n_; ++k) {
    T* v = columns_.rows == 1 ? columns_.data : columns_.row(k) + k;
    for (int64_t i = k; i < rows_; ++i) v[i - k] = a(i, k) - x_[i] * z_[k] - y_[i] * u[k];
    const Reflection down = reflect(v, rows_ - k);
    left_tau_[k] = down.tau;
    d_[k] = down.first;
    e_[k] = 0;
    const int64_t rest = n_ - k - 1;
    if (rest == 0) break;
    const int64_t next = k + 1;
    std::fill(sums_ + next, sums_ + n_, T{0});
    inner.update_and_sum(a.row(k) + next, a.row_stride, rows_ - k, rest, x_ + k, z_ + next, y_ + k, u + next, v,
                         sums_ + next);
    T* row = a.row(k);
    const auto left_tau = static_cast<T>(down.tau);
    inner.add_scaled(row + next, -left_tau, sums_ + next, rest);
    const Reflection across = reflect(row + next, rest);
    right_tau_[k] = across.tau;
    e_[k] = across.first;
    inner.multiply(a.row(next) + next, a.row_stride, rows_ - next, rest, row + next, y_ + next);
    const auto along = static_cast<T>(inner.dot(sums_ + next, row + next, rest));
    const auto right_tau = static_cast<T>(across.tau);
    for (int64_t i = next; i < rows_; ++i) {
      x_[i] = left_tau * v[i - k];
      y_[i] = right_tau * (y_[i] - x_[i] * along);
    }
    std::swap(z_, sums_);
    u = row;
  }
}

// Of reflections whose vectors are the rows of columns_, from the diagonal on.
template <class T>
void RectangularSpectrum<T>::make_left(const Block<T>& left, Products<T>& products) {
  constexpr int64_t width = ReflectionBlock<T>::width;
  const bool is_small = n_ <= width && left.rows <= 2 * width;
  if (!products.only_counts()) set_identity(left);
  for (int64_t first = (n_ - 1) / width * width; first >= 0; first -= width) {
    const int64_t end = std::min(first + width, n_);
    if (is_small) {
      for (int64_t k = end - 1; k >= first && !products.only_counts(); --k) {
        spectral_kernels<T>().reflect_rows(left.row(k) + k, left.row_stride, left.rows - k, columns_.row(k) + k,
                                           static_cast<T>(left_tau_[k]), rows_ - k);
      }
      continue;
    }
    const Block<T> v = columns_.part(first, first, end - first, rows_ - first);
    for (int64_t j = 0; j < v.rows && !products.only_counts(); ++j) std::fill(v.row(j), v.row(j) + j, T{0});
    block_.join(v, left_tau_ + first, products);
    block_.apply_right(left.part(first, first, left.rows - first, rows_ - first), true, products);
  }
}

// Of reflections whose vectors are in the rows of a, right of the diagonal.
template <class T>
void RectangularSpectrum<T>::make_right(const Block<T>& a, const Block<T>& right, Products<T>& products) {
  constexpr int64_t width = ReflectionBlock<T>::width;
  const int64_t count = n_ - 1;
  if (!products.only_counts()) set_identity(right);
  for (int64_t first = (count - 1) / width * width; first >= 0 && count > 0; first -= width) {
    const int64_t end = std::min(first + width, count);
    if (n_ <= width) {
      for (int64_t k = end - 1; k >= first && !products.only_counts(); --k) {
        spectral_kernels<T>().reflect_rows(right.row(k + 1) + k + 1, right.row_stride, n_ - k - 1, a.row(k) + k + 1,
                                           static_cast<T>(right_tau_[k]), n_ - k - 1);
      }
      continue;
    }
    const Block<T> v = lines_.part(0, 0, end - first, count - first);
    for (int64_t j = 0; j < v.rows && !products.only_counts(); ++j) {
      const T* from = a.row(first + j) + first + 1;
      std::fill(v.row(j), v.row(j) + j, T{0});
      std::copy(from + j, from + v.columns, v.row(j) + j);
    }
    block_.join(v, right_tau_ + first, products);
    block_.apply_right(right.part(first + 1, first + 1, count - first, count - first), true, products);
  }
}

template <class T>
void RectangularSpectrum<T>::diagonalise(const Block<T>& right) {
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
    for (int64_t j = 0; j < right.columns; ++j) right(i, j) = -right(i, j);
  }
}

template <class T>
bool RectangularSpectrum<T>::is_small(int64_t i) const {
  return std::abs(e_[i]) <= negligible || std::abs(e_[i]) <= left_out<T> * (std::abs(d_[i]) + std::abs(d_[i + 1]));
}

// A zero on the diagonal divides the block: its row, or its column if it is the last one, becomes 0.
template <class T>
bool RectangularSpectrum<T>::remove_zero(int64_t first, int64_t last) {
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
template <class T>
double RectangularSpectrum<T>::shift_at(int64_t last) const {
  const double f = std::abs(d_[last - 1]);
  const double g = std::abs(e_[last - 1]);
  const double h = std::abs(d_[last]);
  const double high = std::hypot(f + h, g);
  const double low = std::hypot(f - h, g);
  return 2 * f * h / (high + low);
}

template <class T>
void RectangularSpectrum<T>::qr_step(int64_t first, int64_t last) {
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

template <class T>
void RectangularSpectrum<T>::run(const Block<T>& a, double* values, const Block<T>& left, const Block<T>& right) {
  d_ = values;
  make_bidiagonal(a);
  if (left.rows == 0) return find_values();
  make_left(left, products_);
  make_right(a, right, products_);
  left_rotations_.set_rows(left);
  right_rotations_.set_rows(right);
  diagonalise(right);
  sort_with_rows<T>(values, n_, {&left, &right}, std::greater<>());
}

template <class T>
void RectangularSpectrum<T>::find_values() {
  for (int64_t i = 0; i < n_; ++i) {
    d_[i] *= d_[i];
    e_[i] *= e_[i];
  }
  squared_singular_values(d_, e_, n_, room_);
  std::sort(d_, d_ + n_, std::greater<>());
  for (int64_t i = 0; i < n_; ++i) d_[i] = std::sqrt(d_[i]);
}

template class RectangularSpectrum<float>;
template class RectangularSpectrum<double>;

}  // namespace pydl::cpu
