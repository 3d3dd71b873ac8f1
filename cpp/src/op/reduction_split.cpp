#include "op/reduction_split.h"

#include <algorithm>

namespace pydl::op {

std::optional<ReductionSplit> split_reduction(const Dims& shape, const Dims& axes) {
  using Over = ReductionSplit::Over;
  int64_t columns = 1;  // product of the axes after the last change between reduced and kept
  int changes = 0;
  bool first = false;  // whether the axis visited first, which is the last one, is reduced
  bool last = false;
  bool any = false;
  int64_t trailing = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (shape[axis] == 1) continue;
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!any) first = reduced;
    if (any && reduced != last) {
      ++changes;
      columns = trailing;
    }
    trailing *= shape[axis];
    last = reduced;
    any = true;
  }
  if (!any || trailing == 0 || changes > 1) return std::nullopt;
  if (changes == 0) return first ? std::optional(ReductionSplit{Over::all, trailing}) : std::nullopt;
  return ReductionSplit{first ? Over::columns : Over::rows, columns};
}

}  // namespace pydl::op
