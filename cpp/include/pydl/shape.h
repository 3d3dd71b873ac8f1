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

/// At most `max_rank` integers, without memory of their own on the heap.
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
  std::array<int64_t, max_rank> values_{};
  int rank_ = 0;
};

/// Shown as Python shows a tuple: `(2, 3)`, `(4,)`, `()`.
PYDL_API std::ostream& operator<<(std::ostream& out, const Dims& dims);

/// `dims`, or `rank` times `value` where there are none: numbers per axis of which callers may leave out all.
PYDL_API Dims or_filled(const Dims& dims, int rank, int64_t value);

/// Number of elements; 1 for rank 0.
PYDL_API int64_t element_count(const Dims& shape);

/// Strides, in elements, of a row-major layout without gaps.
PYDL_API Dims contiguous_strides(const Dims& shape);

/// Whether the elements lie in row-major order without gaps (axes of size 1 do not matter).
PYDL_API bool is_contiguous(const Dims& shape, const Dims& strides);

/// Strides, in elements, of a layout without gaps in which axis 1, the channels of (N, C, ...), varies fastest. The
/// row-major ones below rank 3.
PYDL_API Dims channels_last_strides(const Dims& shape);

/// Whether the elements lie in that layout (axes of size 1 do not matter).
PYDL_API bool is_channels_last(const Dims& shape, const Dims& strides);

/// The shape that all of them broadcast to; throws `ValueError` that names `op` and both shapes.
PYDL_API Dims broadcast_shapes(const char* op, const Dims& a, const Dims& b);

/// `axis` counted from the front; throws `IndexError` that names `op` when outside `[-rank, rank)`.
PYDL_API int normalize_axis(const char* op, int64_t axis, int rank);

/// All of them from the front, ascending; throws for one given twice. Without axes: all axes.
PYDL_API Dims normalize_axes(const char* op, std::span<const int64_t> axes, int rank);

}  // namespace pydl
