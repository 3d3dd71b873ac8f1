#include "backends/cpu/linalg/qr.h"

#include "backends/cpu/linalg/reflections.h"

namespace pydl::cpu {

template <class T>
BlockedQr<T>::BlockedQr(int64_t rows, int64_t columns, int64_t q_columns, int threads, const Products<T>& counted,
                        Workspace& workspace)
    : rows_(rows),
      columns_(columns),
      q_columns_(q_columns),
      count_(std::min(rows, columns)),
      tau_(workspace.take<double>(count_)),
      first_(workspace.take<double>(count_)),
      block_(std::max(columns, q_columns), workspace),
      products_(threads, nullptr) {
  lines_ = take_rows<T>(workspace, is_small() ? columns : count_, rows);
  if (is_small()) q_lines_ = take_rows<T>(workspace, q_columns, rows);
  products_ = counted.with_memory(workspace);
}

template <class T>
Products<T> BlockedQr<T>::count(int64_t rows, int64_t columns, int64_t q_columns, int threads) {
  Products<T> products(threads, nullptr);
  Workspace none;
  BlockedQr qr(rows, columns, q_columns, threads, products, none);
  T nothing = 0;
  if (!qr.is_small()) {
    qr.run_blocks(block_like(&nothing, rows, columns), {&nothing, rows, q_columns, q_columns}, products);
  }
  return products;
}

// Makes as many rows of t(a) lower triangular, beginning with column `first`; each is replaced by its reflection from
// the diagonal on.
template <class T>
void BlockedQr<T>::factorise(const Block<T>& lines, int64_t first, int64_t reflections) {
  for (int64_t j = 0; j < reflections; ++j) {
    const int64_t k = first + j;
    T* v = lines.row(j) + k;
    const Reflection reflection = reflect(v, rows_ - k);
    tau_[k] = reflection.tau;
    first_[k] = reflection.first;
    if (j + 1 == lines.rows) continue;
    spectral_kernels<T>().reflect_rows(lines.row(j + 1) + k, lines.row_stride, lines.rows - j - 1, v,
                                       static_cast<T>(reflection.tau), rows_ - k);
  }
}

template <class T>
void BlockedQr<T>::run_small(const Block<T>& a, const Block<T>& q, const Block<T>& r) {
  copy_transposed(lines_, a);
  factorise(lines_, 0, count_);
  for (int64_t i = 0; i < r.rows; ++i) {
    for (int64_t j = 0; j < r.columns; ++j) r(i, j) = j < i ? T{0} : lines_(j, i);
    if (i < count_) r(i, i) = static_cast<T>(first_[i]);
  }
  set_identity(q_lines_);
  for (int64_t k = count_ - 1; k >= 0; --k) {
    spectral_kernels<T>().reflect_rows(q_lines_.row(k) + k, q_lines_.row_stride, q_columns_ - k, lines_.row(k) + k,
                                       static_cast<T>(tau_[k]), rows_ - k);
  }
  copy_transposed(q, q_lines_);
}

template <class T>
void BlockedQr<T>::run_blocks(const Block<T>& a, const Block<T>& q, Products<T>& products) {
  const bool only_counts = products.only_counts();
  for (int64_t first = 0; first < count_; first += width) {
    const int64_t after = std::min(first + width, count_);
    const Block<T> lines = lines_.part(first, 0, after - first, rows_);
    const Block<T> v = lines.part(0, first, lines.rows, rows_ - first);
    if (!only_counts) {
      copy_transposed(v, a.part(first, first, rows_ - first, lines.rows));
      factorise(lines, first, lines.rows);
      for (int64_t j = 0; j < v.rows; ++j) {
        for (int64_t i = 0; i < v.columns; ++i) a(first + i, first + j) = i < j ? v(j, i) : T{0};
        a(first + j, first + j) = static_cast<T>(first_[first + j]);
        std::fill(v.row(j), v.row(j) + j, T{0});
      }
    }
    if (after < columns_ || only_counts) block_.join(v, tau_ + first, products);
    block_.apply_left(a.part(first, after, rows_ - first, columns_ - after), true, products);
  }
  if (!only_counts) set_identity(q);
  for (int64_t first = (count_ - 1) / width * width; first >= 0; first -= width) {
    const int64_t block = std::min(width, count_ - first);
    block_.join(lines_.part(first, first, block, rows_ - first), tau_ + first, products);
    block_.apply_left(q.part(first, first, rows_ - first, q.columns - first), false, products);
  }
}

template <class T>
void BlockedQr<T>::run(const Block<T>& a, const Block<T>& q, const Block<T>& r) {
  if (is_small()) return run_small(a, q, r);
  run_blocks(a, q, products_);
  copy_block(r, a.part(0, 0, r.rows, r.columns));
}

template class BlockedQr<float>;
template class BlockedQr<double>;

}  // namespace pydl::cpu
