// Several reflections as one: I - v T t(v), which is applied by products (Schreiber and Van Loan, 1989).
#pragma once

#include "backends/cpu/linalg/blocks.h"
#include "backends/cpu/workspace.h"

namespace pydl::cpu {

template <class T>
class ReflectionBlock {
 public:
  /// At most so many reflections are joined.
  static constexpr int64_t width = 32;

  /// What blocks of reflections need that are applied to matrices with at most so many rows or columns.
  ReflectionBlock(int64_t most, Workspace& workspace);

  /// Joins reflections H(0) H(1) ... whose vectors are rows of v, with zeros where they have no elements.
  void join(const Block<T>& v, const double* tau, Products<T>& products);
  /// a = (H(0) H(1) ...) a, or if reversed, (... H(1) H(0)) a.
  void apply_left(const Block<T>& a, bool reversed, Products<T>& products) const;
  /// a = a (H(0) H(1) ...), or if reversed, a (... H(1) H(0)).
  void apply_right(const Block<T>& a, bool reversed, Products<T>& products) const;

 private:
  Block<T> v_ = {};
  T* triangle_;  // -t(T), square
  T* sums_;
  T* turned_;
};

}  // namespace pydl::cpu
