#include "backends/cpu/loop_nest.h"

#include <algorithm>
#include <cstdlib>

namespace pydl::cpu {

LoopNest LoopNest::over(std::span<const exec::BufferSpec* const> operands, int leader) {
  LoopNest nest;
  nest.operand_count = static_cast<int>(operands.size());
  const exec::BufferSpec& lead = *operands[static_cast<size_t>(leader)];
  nest.count = element_count(lead.shape);
  for (int i = 0; i < nest.operand_count; ++i) {
    nest.item_sizes[i] = static_cast<int64_t>(item_size(operands[static_cast<size_t>(i)]->dtype));
  }

  int order[max_rank];
  int axis_count = 0;
  for (int axis = 0; axis < lead.shape.rank(); ++axis) {
    if (lead.shape[axis] != 1) order[axis_count++] = axis;
  }
  std::stable_sort(order, order + axis_count, [&](int a, int b) {
    return std::abs(lead.strides[a]) > std::abs(lead.strides[b]);
  });

  for (int k = 0; k < axis_count; ++k) {
    const int axis = order[k];
    const int outer = nest.rank - 1;
    const int64_t size = lead.shape[axis];
    bool joins = nest.rank > 0;
    int64_t steps[max_operands];
    for (int i = 0; i < nest.operand_count; ++i) {
      steps[i] = operands[static_cast<size_t>(i)]->strides[axis] * nest.item_sizes[i];
      joins = joins && nest.steps[i][outer] == steps[i] * size;
    }
    const int loop = joins ? outer : nest.rank++;
    nest.sizes[loop] = joins ? nest.sizes[loop] * size : size;
    for (int i = 0; i < nest.operand_count; ++i) nest.steps[i][loop] = steps[i];
  }
  return nest;
}

bool LoopNest::is_dense(int operand) const {
  int64_t step = item_sizes[operand];
  for (int loop = rank - 1; loop >= 0; --loop) {
    if (steps[operand][loop] != step) return false;
    step *= sizes[loop];
  }
  return true;
}

bool LoopNest::is_uniform(int operand) const {
  for (int loop = 0; loop < rank; ++loop) {
    if (steps[operand][loop] != 0) return false;
  }
  return true;
}

int64_t LoopNest::offset(int operand, int64_t index) const {
  int64_t offset = 0;
  for (int loop = rank - 1; loop > 0; --loop) {
    offset += index % sizes[loop] * steps[operand][loop];
    index /= sizes[loop];
  }
  return rank == 0 ? 0 : offset + index * steps[operand][0];
}

}  // namespace pydl::cpu
