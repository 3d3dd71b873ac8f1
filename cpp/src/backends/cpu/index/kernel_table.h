// The kernels for adding rows and for sorting of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Adds rows: y[i] += x[i].
using AddKernel = void (*)(void* y, const void* x, int64_t count);

/// Between contiguous lines of elements and the rows of keys of as many lines side by side, one per lane: signed
/// integers in the order of the elements (op/sort_key.h), or in the opposite one.
struct KeyMover {
  /// Writes the rows. There may be fewer lines than lanes. Returns whether there are keys that several values share.
  bool (*load)(const void* const* lines, int64_t count, int64_t length, bool opposite, void* rows);
  void (*store)(const void* rows, int64_t count, int64_t length, bool opposite, void* const* lines);
};

/// Sorts signed integers in place. The room has as many.
using SortKeys = void (*)(void* keys, void* room, int64_t count);

/// Sorts a contiguous line of elements, or orders it the other way round. Where several values share a key (zeros, and
/// NaN), it writes one of them, and returns true. The room has `room_beyond_line` bytes more than the line; parts of
/// the line that pivots do not divide well are left to `otherwise`.
using SortLine = bool (*)(const void* from, int64_t length, bool opposite, void* to, void* room, SortKeys otherwise);
inline constexpr int64_t room_beyond_line = 1024;

/// Sort the columns of `count` rows side by side, one per lane of a vector.
struct SortKernels {
  int64_t lanes_of_words;  ///< int32 in a vector
  int64_t lanes_of_longs;  ///< int64 in a vector
  void (*words)(void* rows, int64_t count);
  void (*longs)(void* rows, int64_t count);
  /// Each row of keys is followed by one of positions, which decide where keys are equal; both are int64.
  void (*pairs)(void* rows, int64_t count);
  KeyMover of_floats, of_doubles, of_words, of_longs;
  /// Null where the instruction set has no instructions that move chosen lanes together.
  SortLine line_of_floats, line_of_doubles, line_of_words, line_of_longs;
};

}  // namespace pydl::cpu
