// The lines that a sort orders, and how elements of several lines are visited.
#pragma once

#include <algorithm>

#include "exec/kernel.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

// Waking a thread pays off for lines with this many elements in total.
inline constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_sorted);
// Scratch memory for this many lines at a time keeps many threads busy.
inline constexpr int64_t most_parts = 64;
// Shorter lines are sorted by comparisons.
inline constexpr int64_t shortest_radix = 96;
// Longer lines are sorted one by one.
inline constexpr int64_t longest_in_lanes = 4096;
// The lines of a call: one per element of the other axes.
struct Lines {
  int64_t count = 1;
  int64_t inner = 1;   // of the results: distance between the elements of a line
  int64_t length = 0;  // of a line of x
  int64_t kept = 0;    // of a line of the results
  int64_t stride = 0;  // of a line of x
  Dims shape;          // of the other axes
  Dims strides;

  Lines(const exec::BufferSpec& x, const exec::BufferSpec& result, int axis)
      : length(x.shape[axis]), kept(result.shape[axis]), stride(x.strides[axis]), shape(x.shape), strides(x.strides) {
    for (int i = axis + 1; i < x.shape.rank(); ++i) inner *= x.shape[i];
    shape.erase(axis);
    strides.erase(axis);
    count = element_count(shape);
  }

  // The offset of a line in x, and in the results.
  int64_t source(int64_t line) const {
    int64_t offset = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      offset += line % shape[axis] * strides[axis];
      line /= shape[axis];
    }
    return offset;
  }
  int64_t target(int64_t line) const { return line / inner * inner * kept + line % inner; }
};

/// Visits the elements of lines side by side in the order in which they are in memory, as far as rows in the L1 cache
/// allow it.
template <class Visit>
void in_blocks(int64_t length, int64_t lanes, bool lines_are_contiguous, const Visit& visit) {
  constexpr int64_t block = 64;
  for (int64_t first = 0; first < length; first += block) {
    const int64_t last = std::min(first + block, length);
    if (lines_are_contiguous) {
      for (int64_t lane = 0; lane < lanes; ++lane) {
        for (int64_t i = first; i < last; ++i) visit(i, lane);
      }
    } else {
      for (int64_t i = first; i < last; ++i) {
        for (int64_t lane = 0; lane < lanes; ++lane) visit(i, lane);
      }
    }
  }
}

}  // namespace pydl::cpu
