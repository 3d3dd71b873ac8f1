// Powers of two that keep factorisations away from the limits of their numbers.
#pragma once

#include <cmath>
#include <limits>

#include "backends/cpu/linalg/blocks.h"
#include "backends/cpu/linalg/kernel_table.h"

namespace pydl::cpu {

// The larger of two absolute values; NaN, if one of them is.
template <class T>
T larger(T a, T b) {
  return b > a || std::isnan(b) ? b : a;
}

/// The largest absolute value of a matrix; NaN, if there is one.
template <class T>
T largest_of(const Block<T>& x) {
  if (x.column_stride != 1 && x.row_stride == 1) return largest_of(x.transposed());
  T largest = 0;
  for (int64_t i = 0; i < x.rows; ++i) {
    if (x.column_stride == 1) {
      largest = larger(largest, spectral_kernels<T>().largest(x.row(i), x.columns));
      continue;
    }
    for (int64_t j = 0; j < x.columns; ++j) largest = larger(largest, std::abs(x(i, j)));
  }
  return largest;
}

/// That of the lower triangle.
template <class T>
T largest_of_lower(const Block<T>& x) {
  T largest = 0;
  for (int64_t i = 0; i < x.rows; ++i) {
    const Block<T> row = x.part(i, 0, 1, i + 1);
    const Block<T> column = x.part(i, i, x.rows - i, 1);
    largest = larger(largest, largest_of(x.column_stride == 1 ? row : column));
  }
  return largest;
}

/// A power of two, by which matrices are divided. Differences between elements that a scaled matrix cannot represent
/// are far below its rounding errors.
template <class T>
class Scaling {
 public:
  /// Makes the largest element about 1.
  static Scaling to_one(T largest) {
    return {largest, std::isfinite(largest) && largest > 0 ? std::ilogb(largest) : 0};
  }

  /// Only where the largest element is near the limits of its dtype, and only as much as needed.
  static Scaling into_range(T largest) {
    constexpr int highest = std::numeric_limits<T>::max_exponent - 24;
    constexpr int lowest = std::numeric_limits<T>::min_exponent + 60;
    if (!std::isfinite(largest) || largest == 0) return {largest, 0};
    const int exponent = std::ilogb(largest);
    return {largest, exponent > highest ? exponent - highest : (exponent < lowest ? exponent - lowest : 0)};
  }

  bool is_finite() const { return is_finite_; }

  double restored(double value) const { return exponent_ == 0 ? value : std::ldexp(value, exponent_); }

  /// Divides a copy.
  void copy(const Block<T>& to, const Block<T>& from) const {
    if (from.column_stride != 1 && from.row_stride == 1) {
      copy_transposed(to, from.transposed());
    } else {
      copy_block(to, from);
    }
    multiply(to, -exponent_);
  }
  void copy_lower(const Block<T>& to, const Block<T>& from) const {
    for (int64_t i = 0; i < to.rows; ++i) copy(to.part(i, 0, 1, i + 1), from.part(i, 0, 1, i + 1));
  }
  /// What is proportional to the matrix, and to its inverse.
  void restore(const Block<T>& a) const { multiply(a, exponent_); }
  void remove(const Block<T>& a) const { multiply(a, -exponent_); }

 private:
  Scaling(T largest, int exponent) : is_finite_(std::isfinite(largest)), exponent_(exponent) {}

  // In two steps, because the power itself may be out of range.
  static void multiply(const Block<T>& a, int exponent) {
    if (exponent == 0) return;
    const T first = std::ldexp(T{1}, exponent / 2);
    const T second = std::ldexp(T{1}, exponent - exponent / 2);
    for (int64_t i = 0; i < a.rows; ++i) {
      T* row = a.row(i);
      for (int64_t j = 0; j < a.columns; ++j) row[j] = row[j] * first * second;
    }
  }

  bool is_finite_;
  int exponent_;
};

}  // namespace pydl::cpu
