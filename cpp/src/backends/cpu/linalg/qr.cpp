#include "backends/cpu/linalg/qr.h"

#include "backends/cpu/linalg/reflections.h"

namespace pydl::cpu {

BlockedQr::BlockedQr(int64_t rows, int64_t columns, int64_t q_columns, int threads, Workspace& workspace)
    : rows_(rows), columns_(columns), count_(std::min(rows, columns)), products_(threads, nullptr) {
  v_ = workspace.take<double>(rows * count_);
  triangles_ = workspace.take<double>(count_ * width);
  sums_ = workspace.take<double>(width * std::max(columns, q_columns));
  column_ = workspace.take<double>(rows);
  const bool has_memory = v_ != nullptr;
  if (!has_memory) v_ = triangles_ = sums_ = &nothing_;
  // What all products need. No element is touched.
  run({v_, rows, columns, columns}, {v_, rows, q_columns, q_columns});
  const Products<double> counted = products_;
  auto* memory = workspace.take<char>(static_cast<int64_t>(std::max<size_t>(counted.bytes(), 1)));
  if (!has_memory) return;
  products_ = Products<double>(threads, memory);
  products_.divide_as(counted);
}

// Of the block that begins with this reflection, from the row of the same number on.
Block<double> BlockedQr::reflections(int64_t first) const {
  const int64_t block = std::min(width, count_ - first);
  return {v_ + first * count_ + first, rows_ - first, block, count_};
}

Block<double> BlockedQr::triangle(int64_t first) const {
  return {triangles_ + first * width, std::min(width, count_ - first), std::min(width, count_ - first), width};
}

// Makes the columns of a block upper triangular; their reflections and factors tau are stored.
void BlockedQr::eliminate(const Block<double>& a, int64_t first) {
  const Block<double> v = reflections(first);
  const Block<double> factors = triangle(first);
  for (int64_t j = 0; j < v.columns; ++j) {
    const int64_t k = first + j;
    for (int64_t i = k; i < rows_; ++i) column_[i - k] = a(i, k);
    const Reflection reflection = reflect(column_, rows_ - k);
    factors(j, j) = reflection.tau;
    for (int64_t i = 0; i < v.rows; ++i) v(i, j) = i < j ? 0 : column_[i - j];
    a(k, k) = reflection.first;
    for (int64_t i = k + 1; i < rows_; ++i) a(i, k) = 0;
    const int64_t rest = v.columns - j - 1;
    std::fill(sums_, sums_ + rest, 0.0);
    for (int64_t i = k; i < rows_; ++i) add_scaled(sums_, column_[i - k], a.row(i) + k + 1, rest);
    for (int64_t i = k; i < rows_; ++i) add_scaled(a.row(i) + k + 1, -reflection.tau * column_[i - k], sums_, rest);
  }
}

// The upper triangle t for which the product of all reflections of a block is I - v t t(v).
void BlockedQr::make_triangle(int64_t first) const {
  const Block<double> v = reflections(first);
  const Block<double> t = triangle(first);
  for (int64_t j = 1; j < v.columns; ++j) {
    std::fill(column_, column_ + j, 0.0);
    for (int64_t i = 0; i < v.rows; ++i) add_scaled(column_, v(i, j), v.row(i), j);
    for (int64_t i = 0; i < j; ++i) {
      double sum = 0;
      for (int64_t k = i; k < j; ++k) sum += t(i, k) * column_[k];
      t(i, j) = -t(j, j) * sum;
    }
  }
}

// to -= v t t(v) to, or with the transposed t.
void BlockedQr::apply(int64_t first, const Block<double>& to, bool transposed) {
  const Block<double> v = reflections(first);
  const Block<double> t = triangle(first);
  const Block<double> sums = {sums_, v.columns, to.columns, to.columns};
  if (to.columns == 0) return;
  if (products_.only_counts()) {
    products_.subtract(sums, v.transposed(), to);
    products_.subtract(to, v, sums);
    return;
  }
  std::fill(sums_, sums_ + sums.rows * sums.columns, 0.0);
  products_.subtract(sums, v.transposed(), to);
  // The triangle is applied in place, in the order in which no row is needed after it is overwritten. The sums have
  // the wrong sign, which changes here.
  for (int64_t step = 0; step < sums.rows; ++step) {
    const int64_t i = transposed ? sums.rows - 1 - step : step;
    double* row = sums.row(i);
    for (int64_t j = 0; j < sums.columns; ++j) row[j] *= -t(i, i);
    for (int64_t k = transposed ? 0 : i + 1; k < (transposed ? i : sums.rows); ++k) {
      add_scaled(row, transposed ? -t(k, i) : -t(i, k), sums.row(k), sums.columns);
    }
  }
  products_.subtract(to, v, sums);
}

void BlockedQr::run(const Block<double>& a, const Block<double>& q) {
  for (int64_t first = 0; first < count_; first += width) {
    if (!products_.only_counts()) {
      eliminate(a, first);
      make_triangle(first);
    }
    const int64_t after = std::min(first + width, count_);
    apply(first, a.part(first, after, rows_ - first, columns_ - after), true);
  }
  for (int64_t i = 0; i < q.rows && !products_.only_counts(); ++i) {
    std::fill(q.row(i), q.row(i) + q.columns, 0.0);
    if (i < q.columns) q(i, i) = 1;
  }
  for (int64_t first = (count_ - 1) / width * width; first >= 0; first -= width) {
    apply(first, q.part(first, first, rows_ - first, q.columns - first), false);
  }
}

}  // namespace pydl::cpu
