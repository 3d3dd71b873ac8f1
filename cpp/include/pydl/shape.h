// Dims: a shape, a list of strides or a list of axes, held inline.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>

#include "pydl/export.h"

namespace pydl {

/// The highest rank of a tensor.
inline constexpr int max_rank = 8;

/// At most `max_rank` integers, stored inline without a heap allocation.
class PYDL_API Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<int64_t> values) : Dims(std::span(values.begin(), values.size())) {}
  explicit Dims(std::span<const int64_t> values);
  /// `rank` times the same value.
  static Dims filled(int rank, int64_t value);

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  int64_t operator[](int axis) const { return values_[axis]; }
  int64_t& operator[](int axis) { return values_[axis]; }
  int64_t back() const { return values_[rank_ - 1]; }
  const int64_t* data() const { return values_.data(); }
  const int64_t* begin() const { return values_.data(); }
  const int64_t* end() const { return values_.data() + rank_; }
  operator std::span<const int64_t>() const { return {values_.data(), static_cast<size_t>(rank_)}; }
  int64_t* begin() { return values_.data(); }
  int64_t* end() { return values_.data() + rank_; }

  /// Adds a value at the end; throws `ValueError` beyond `max_rank`.
  void push_back(int64_t value);
  void insert(int position, int64_t value);
  void erase(int position);

  friend bool operator==(const Dims& a, const Dims& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<int64_t, max_rank> values_;  // only the first `rank_` are used: calls make many of these
  int rank_ = 0;
};

/// Written like a Python tuple: `(2, 3)`, `(4,)`, `()`.
PYDL_API std::ostream& operator<<(std::ostream& out, const Dims& dims);

/// `dims`, or `rank` times `value` if it is empty. For options with one number per axis that callers may leave out.
PYDL_API Dims or_filled(const Dims& dims, int rank, int64_t value);

/// Number of elements; 1 for rank 0.
PYDL_API int64_t element_count(const Dims& shape);

/// The strides, in elements, of a row-major layout without gaps.
PYDL_API Dims contiguous_strides(const Dims& shape);

/// Whether the elements are in row-major order without gaps (axes of size 1 do not matter).
PYDL_API bool is_contiguous(const Dims& shape, const Dims& strides);

/// The strides, in elements, of a layout without gaps in which axis 1, the channels of (N, C, ...), varies fastest.
/// Below rank 3, the row-major strides.
PYDL_API Dims channels_last_strides(const Dims& shape);

/// Whether the layout is channels-last (axes of size 1 do not matter).
PYDL_API bool is_channels_last(const Dims& shape, const Dims& strides);

/// The shape to which both broadcast; throws a `ValueError` that names `op` and both shapes.
PYDL_API Dims broadcast_shapes(const char* op, const Dims& a, const Dims& b);

/// `axis` counted from the front; throws an `IndexError` that names `op` if it is not in `[-rank, rank)`.
PYDL_API int normalize_axis(const char* op, int64_t axis, int rank);

/// The axes counted from the front, in ascending order; throws if one is given twice.
PYDL_API Dims normalize_axes(const char* op, std::span<const int64_t> axes, int rank);

}  // namespace pydl
