#include "backends/cpu/linalg/triangles.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pydl::cpu {

namespace {

constexpr int64_t smallest_block = 16;
constexpr int64_t rows_at_once = 16;

// About half, in whole blocks.
int64_t first_half(int64_t size) { return (size / 2 + smallest_block - 1) / smallest_block * smallest_block; }

template <class T>
T dot(const T* a, const T* b, int64_t count) {
  T sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

template <class T>
void solve_small_triangle(Triangle triangle, const Block<T>& a, const Block<T>& b) {
  for (int64_t step = 0; step < a.rows; ++step) {
    const int64_t i = triangle.upper ? a.rows - 1 - step : step;
    T* row = b.row(i);
    for (int64_t before = 0; before < step; ++before) {
      const int64_t k = triangle.upper ? a.rows - 1 - before : before;
      const T factor = a(i, k);
      const T* other = b.row(k);
      for (int64_t j = 0; j < b.columns; ++j) row[j] -= factor * other[j];
    }
    if (triangle.unit) continue;
    const T diagonal = a(i, i);
    for (int64_t j = 0; j < b.columns; ++j) row[j] /= diagonal;
  }
}

// Eliminates the columns of `panel`, which begins in row and column `first` of `whole`, whose rows are exchanged.
template <class T>
T eliminate(const Block<T>& whole, int64_t first, int64_t columns, int64_t* permutation) {
  T sign = 1;
  for (int64_t k = first; k < first + columns; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < whole.rows; ++i) {
      if (std::abs(whole(i, k)) > std::abs(whole(pivot, k))) pivot = i;
    }
    if (pivot != k) {
      std::swap_ranges(whole.row(k), whole.row(k) + whole.columns, whole.row(pivot));
      std::swap(permutation[k], permutation[pivot]);
      sign = -sign;
    }
    const T diagonal = whole(k, k);
    if (diagonal == 0) continue;
    for (int64_t i = k + 1; i < whole.rows; ++i) {
      const T factor = whole(i, k) / diagonal;
      whole(i, k) = factor;
      for (int64_t j = k + 1; j < first + columns; ++j) whole(i, j) -= factor * whole(k, j);
    }
  }
  return sign;
}

// The columns from `first` on, below the rows that are finished.
template <class T>
T factorise_columns(const Block<T>& whole, int64_t first, int64_t columns, int64_t* permutation,
                    Products<T>& products) {
  if (columns <= smallest_block) return products.only_counts() ? T{1} : eliminate(whole, first, columns, permutation);
  const int64_t left = first_half(columns);
  const int64_t right = columns - left;
  const int64_t below = whole.rows - first - left;
  T sign = factorise_columns(whole, first, left, permutation, products);
  const Block<T> above = whole.part(first, first + left, left, right);
  solve_triangle({.upper = false, .unit = true}, whole.part(first, first, left, left), above, products);
  products.subtract(whole.part(first + left, first + left, below, right), whole.part(first + left, first, below, left),
                    above);
  return sign * factorise_columns(whole, first + left, right, permutation, products);
}

// Solves x t(a) = b for a small triangle a and few rows of b, which are computed side by side: the sums of a single row
// would wait for each of their additions.
template <class T>
void solve_rows_beside_transposed(const Block<T>& a, const Block<T>& b) {
  constexpr int64_t width = rows_at_once;
  T columns[smallest_block][width] = {};
  for (int64_t i = 0; i < b.rows; ++i) {
    for (int64_t j = 0; j < a.rows; ++j) columns[j][i] = b(i, j);
  }
  for (int64_t j = 0; j < a.rows; ++j) {
    T rest[width];
    std::copy_n(columns[j], width, rest);
    for (int64_t k = 0; k < j; ++k) {
      const T factor = a(j, k);
      for (int64_t i = 0; i < width; ++i) rest[i] -= columns[k][i] * factor;
    }
    const T diagonal = a(j, j);
    for (int64_t i = 0; i < width; ++i) columns[j][i] = rest[i] / diagonal;
  }
  for (int64_t i = 0; i < b.rows; ++i) {
    for (int64_t j = 0; j < a.rows; ++j) b(i, j) = columns[j][i];
  }
}

// Replaces b by the solution of x t(a) = b for a lower triangle a.
template <class T>
void solve_beside_transposed(const Block<T>& a, const Block<T>& b, Products<T>& products) {
  if (a.rows <= smallest_block) {
    if (products.only_counts()) return;
    for (int64_t i = 0; i < b.rows; i += rows_at_once) {
      solve_rows_beside_transposed(a, b.part(i, 0, std::min(rows_at_once, b.rows - i), b.columns));
    }
    return;
  }
  const int64_t half = first_half(a.rows);
  const int64_t rest = a.rows - half;
  const Block<T> left = b.part(0, 0, b.rows, half);
  const Block<T> right = b.part(0, half, b.rows, rest);
  solve_beside_transposed(a.part(0, 0, half, half), left, products);
  products.subtract(right, left, a.part(half, 0, rest, half).transposed());
  solve_beside_transposed(a.part(half, half, rest, rest), right, products);
}

// c -= a t(a) in the lower triangle of c, and in parts of the upper one.
template <class T>
void subtract_square(const Block<T>& c, const Block<T>& a, Products<T>& products) {
  if (c.rows <= 4 * smallest_block) return products.subtract(c, a, a.transposed());
  const int64_t half = first_half(c.rows);
  const int64_t rest = c.rows - half;
  const Block<T> upper = a.part(0, 0, half, a.columns);
  const Block<T> lower = a.part(half, 0, rest, a.columns);
  subtract_square(c.part(0, 0, half, half), upper, products);
  products.subtract(c.part(half, 0, rest, half), lower, upper.transposed());
  subtract_square(c.part(half, half, rest, rest), lower, products);
}

template <class T>
bool factorise_small_cholesky(const Block<T>& a) {
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < i; ++j) a(i, j) = (a(i, j) - dot(a.row(i), a.row(j), j)) / a(j, j);
    const T square = a(i, i) - dot(a.row(i), a.row(i), i);
    if (!(square > 0)) return false;
    a(i, i) = std::sqrt(square);
  }
  return true;
}

}  // namespace

template <class T>
void solve_triangle(Triangle triangle, const Block<T>& a, const Block<T>& b, Products<T>& products) {
  if (a.rows <= smallest_block) {
    if (!products.only_counts()) solve_small_triangle(triangle, a, b);
    return;
  }
  const int64_t half = first_half(a.rows);
  const int64_t rest = a.rows - half;
  const Block<T> first = b.part(0, 0, half, b.columns);
  const Block<T> second = b.part(half, 0, rest, b.columns);
  if (triangle.upper) {
    solve_triangle(triangle, a.part(half, half, rest, rest), second, products);
    products.subtract(first, a.part(0, half, half, rest), second);
    solve_triangle(triangle, a.part(0, 0, half, half), first, products);
  } else {
    solve_triangle(triangle, a.part(0, 0, half, half), first, products);
    products.subtract(second, a.part(half, 0, rest, half), first);
    solve_triangle(triangle, a.part(half, half, rest, rest), second, products);
  }
}

template <class T>
T factorise_lu(const Block<T>& a, int64_t* permutation, Products<T>& products) {
  if (!products.only_counts()) std::iota(permutation, permutation + a.rows, int64_t{0});
  return factorise_columns(a, 0, a.columns, permutation, products);
}

template <class T>
bool factorise_cholesky(const Block<T>& a, Products<T>& products) {
  if (a.rows <= smallest_block) return products.only_counts() || factorise_small_cholesky(a);
  const int64_t half = first_half(a.rows);
  const int64_t rest = a.rows - half;
  const Block<T> corner = a.part(0, 0, half, half);
  const Block<T> below = a.part(half, 0, rest, half);
  const Block<T> others = a.part(half, half, rest, rest);
  if (!factorise_cholesky(corner, products)) return false;
  solve_beside_transposed(corner, below, products);
  subtract_square(others, below, products);
  return factorise_cholesky(others, products);
}

template void solve_triangle(Triangle, const Block<float>&, const Block<float>&, Products<float>&);
template void solve_triangle(Triangle, const Block<double>&, const Block<double>&, Products<double>&);
template float factorise_lu(const Block<float>&, int64_t*, Products<float>&);
template double factorise_lu(const Block<double>&, int64_t*, Products<double>&);
template bool factorise_cholesky(const Block<float>&, Products<float>&);
template bool factorise_cholesky(const Block<double>&, Products<double>&);

}  // namespace pydl::cpu
