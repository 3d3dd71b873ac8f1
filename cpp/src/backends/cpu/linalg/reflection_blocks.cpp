#include "backends/cpu/linalg/reflection_blocks.h"

namespace pydl::cpu {

template <class T>
ReflectionBlock<T>::ReflectionBlock(int64_t most, Workspace& workspace)
    : triangle_(workspace.take<T>(width * width)),
      sums_(workspace.take<T>(width * most)),
      turned_(workspace.take<T>(width * most)) {}

template <class T>
void ReflectionBlock<T>::join(const Block<T>& v, const double* tau, Products<T>& products) {
  v_ = v;
  const int64_t count = v.rows;
  const Block<T> sums = {sums_, count, count, count};
  products.multiply(sums, v, v.transposed());
  if (products.only_counts()) return;
  const Block<T> t = {triangle_, count, count, count};
  for (int64_t j = 0; j < count; ++j) {
    std::fill(t.row(j), t.row(j) + count, T{0});
    t(j, j) = static_cast<T>(-tau[j]);
    for (int64_t k = 0; k < j; ++k) {
      const T factor = t(j, j) * sums(j, k);
      for (int64_t i = 0; i <= k; ++i) t(j, i) += factor * t(k, i);
    }
  }
}

template <class T>
void ReflectionBlock<T>::apply_left(const Block<T>& a, bool reversed, Products<T>& products) const {
  if (a.columns == 0) return;
  const int64_t count = v_.rows;
  const Block<T> t = {triangle_, count, count, count};
  const Block<T> sums = {sums_, count, a.columns, a.columns};
  const Block<T> turned = {turned_, count, a.columns, a.columns};
  products.multiply(sums, v_, a);
  products.multiply(turned, reversed ? t : t.transposed(), sums);
  products.add(a, v_.transposed(), turned);
}

template <class T>
void ReflectionBlock<T>::apply_right(const Block<T>& a, bool reversed, Products<T>& products) const {
  if (a.rows == 0) return;
  const int64_t count = v_.rows;
  const Block<T> t = {triangle_, count, count, count};
  const Block<T> sums = {sums_, a.rows, count, count};
  const Block<T> turned = {turned_, a.rows, count, count};
  products.multiply(sums, a, v_.transposed());
  products.multiply(turned, sums, reversed ? t : t.transposed());
  products.add(a, turned, v_);
}

template class ReflectionBlock<float>;
template class ReflectionBlock<double>;

}  // namespace pydl::cpu
