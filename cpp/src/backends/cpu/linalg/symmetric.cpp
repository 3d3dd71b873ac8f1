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
constexpr int most_steps_per_value = 60;
// What an element may be, compared with its neighbours, to be left out: a part of the rounding errors of T.
template <class T>
constexpr double left_out = sizeof(T) == 8 ? 0.5 * epsilon : 0x1p-28;

// The last row of the unreduced block that begins here. What is below its diagonal is not negligible.
template <class T>
int64_t end_of_block(const double* diagonal, const double* below, int64_t first, int64_t n) {
  int64_t last = first;
  while (last + 1 < n && std::abs(below[last]) > negligible &&
         std::abs(below[last]) > left_out<T> * (std::abs(diagonal[last]) + std::abs(diagonal[last + 1]))) {
    ++last;
  }
  return last;
}

// One QL step of rows first..last with Wilkinson's shift.
template <class T>
void ql_step(double* diagonal, double* below, int64_t first, int64_t last, Rotations<T>& rotations) {
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

template <class T>
void make_diagonal(double* diagonal, double* below, int64_t n, Rotations<T>& rotations) {
  below[n - 1] = 0;
  for (int64_t first = 0; first < n; ++first) {
    for (int step = 0; step < most_steps_per_value; ++step) {
      const int64_t last = end_of_block<T>(diagonal, below, first, n);
      if (last == first) break;
      ql_step(diagonal, below, first, last, rotations);
    }
  }
  rotations.flush();
}

}  // namespace

template <class T>
SymmetricSpectrum<T>::SymmetricSpectrum(int64_t size, bool vectors, const Products<T>& counted, Workspace& workspace)
    : below_(workspace.take<double>(size)),
      tau_(workspace.take<double>(size)),
      room_(workspace.take<double>(vectors ? 0 : 3 * size)),
      w_(workspace.take<T>(size)),
      product_(workspace.take<T>(size)),
      block_(vectors ? size : 0, workspace),
      rotations_(vectors ? size : 0, workspace),
      products_(1, nullptr) {
  if (vectors) lines_ = take_rows<T>(workspace, ReflectionBlock<T>::width, size);
  products_ = counted.with_memory(workspace);
}

template <class T>
Products<T> SymmetricSpectrum<T>::count(int64_t size, bool vectors, int threads) {
  Products<T> products(threads, nullptr);
  if (!vectors) return products;
  Workspace none;
  SymmetricSpectrum spectrum(size, vectors, products, none);
  T nothing = 0;
  const Block<T> square = block_like(&nothing, size, size);
  spectrum.make_vectors(square, square, products);
  return products;
}

// The diagonal and what is below it, such that a = t(q) T q for the matrix q that `make_vectors` makes. Only the lower
// triangle is read. The last row is the first one of which only two elements remain: what its reflection changes in the
// rows above is done together with the product that the next reflection needs.
template <class T>
void SymmetricSpectrum<T>::make_tridiagonal(const Block<T>& a, double* diagonal) {
  const SpectralKernels<T>& inner = spectral_kernels<T>();
  const int64_t n = a.rows;
  T* w = w_;
  T* product = product_;
  std::fill(w, w + n, T{0});
  const T* v = w;
  for (int64_t k = n - 1; k >= 0; --k) {
    T* row = a.row(k);
    inner.add_scaled(row, -v[k], w, k + 1);
    inner.add_scaled(row, -w[k], v, k + 1);
    diagonal[k] = static_cast<double>(row[k]);
    if (k == 0) break;
    const Reflection reflection = reflect_to_last(row, k);
    tau_[k] = reflection.tau;
    below_[k - 1] = reflection.first;
    const auto tau = static_cast<T>(reflection.tau);
    inner.update_symmetric(a.data, a.row_stride, k, v, w, row, product);
    for (int64_t i = 0; i < k; ++i) product[i] *= tau;
    inner.add_scaled(product, static_cast<T>(-0.5 * reflection.tau * inner.dot(product, row, k)), row, k);
    std::swap(product, w);
    v = row;
  }
}

template <class T>
void SymmetricSpectrum<T>::make_vectors(const Block<T>& a, const Block<T>& vectors, Products<T>& products) {
  constexpr int64_t width = ReflectionBlock<T>::width;
  const int64_t n = a.rows;
  if (products.only_counts()) {
    if (n <= width) return;
  } else {
    set_identity(vectors);
  }
  for (int64_t first = 1; first < n; first += width) {
    const int64_t end = std::min(first + width, n);
    if (n <= width) {
      for (int64_t k = first; k < end; ++k) {
        spectral_kernels<T>().reflect_rows(vectors.data, vectors.row_stride, k, a.row(k), static_cast<T>(tau_[k]), k);
      }
      continue;
    }
    const Block<T> v = lines_.part(0, 0, end - first, end - 1);
    for (int64_t k = first; k < end && !products.only_counts(); ++k) {
      T* line = std::copy_n(a.row(k), k, v.row(k - first));
      std::fill(line, line + (end - 1 - k), T{0});
    }
    block_.join(v, tau_ + first, products);
    block_.apply_right(vectors.part(0, 0, end - 1, end - 1), false, products);
  }
}

template <class T>
void SymmetricSpectrum<T>::run(const Block<T>& a, double* values, const Block<T>& vectors) {
  make_tridiagonal(a, values);
  if (vectors.rows == 0) {
    tridiagonal_eigenvalues(values, below_, a.rows, room_);
    return std::sort(values, values + a.rows);
  }
  make_vectors(a, vectors, products_);
  rotations_.set_rows(vectors);
  make_diagonal(values, below_, a.rows, rotations_);
  sort_with_rows<T>(values, a.rows, {&vectors}, std::less<>());
}

template class SymmetricSpectrum<float>;
template class SymmetricSpectrum<double>;

}  // namespace pydl::cpu
