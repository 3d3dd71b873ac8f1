// ReductionSplit: expresses a reduction over leading or trailing axes as a reduction of a matrix.
#pragma once

#include <optional>

#include "pydl/shape.h"

namespace pydl::op {

struct ReductionSplit {
  enum class Over : uint8_t {
    all,      ///< a single result
    rows,     ///< leading axes: one result per column
    columns,  ///< trailing axes: one result per row
  };
  Over over;
  int64_t columns;  ///< of the row-major matrix; irrelevant if everything is reduced
};

/// How a reduction over `axes`, ascending, divides a row-major layout. Nothing if a matrix is not enough to express it,
/// or if no two elements are combined. Axes of size 1 do not matter.
std::optional<ReductionSplit> split_reduction(const Dims& shape, const Dims& axes);

}  // namespace pydl::op
