// ReductionSplit: a reduction over leading or trailing axes as one of a matrix. The pass that fuses reductions and the
// kernels that it makes look at the same matrix.
#pragma once

#include <optional>

#include "pydl/shape.h"

namespace pydl::op {

struct ReductionSplit {
  enum class Over : uint8_t {
    all,      ///< one result
    rows,     ///< leading axes: a result per column
    columns,  ///< trailing axes: a result per row
  };
  Over over;
  int64_t columns;  ///< of the row-major matrix; of no importance where all is reduced
};

/// How a reduction over `axes`, ascending, cuts a row-major layout; nothing where it needs more than a matrix, or where
/// no two elements meet. Axes of size 1 do not matter.
std::optional<ReductionSplit> split_reduction(const Dims& shape, const Dims& axes);

}  // namespace pydl::op
