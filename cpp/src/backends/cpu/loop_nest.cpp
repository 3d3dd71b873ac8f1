#include "backends/cpu/loop_nest.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

namespace {

// From this many bytes on, runs are copied by a kernel of our own.
constexpr int64_t long_run = 512;

template <class T>
void copy_strided(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    T item;
    std::memcpy(&item, from + i * from_step, sizeof(T));
    std::memcpy(to + i * to_step, &item, sizeof(T));
  }
}

template <class T>
void fill(char* to, const char* item, int64_t count) {
  T value;
  std::memcpy(&value, item, sizeof(T));
  for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

// The first items are filled; what follows is copied from what is there while it is in the L1 cache.
void repeat(char* to, const char* item, int64_t count, int64_t item_size) {
  constexpr int64_t filled = 16;
  constexpr int64_t longest_copy = 1024;
  const int64_t first = std::min(count, filled);
  switch (item_size) {
    case 1: fill<uint8_t>(to, item, first); break;
    case 2: fill<uint16_t>(to, item, first); break;
    case 4: fill<uint32_t>(to, item, first); break;
    default: fill<uint64_t>(to, item, first); break;
  }
  for (int64_t done = first; done < count;) {
    const int64_t run = std::min({done, longest_copy, count - done});
    std::memcpy(to + done * item_size, to, static_cast<size_t>(run * item_size));
    done += run;
  }
}

}  // namespace

LoopNest LoopNest::over(std::span<const exec::BufferSpec* const> operands, const Dims& shape, const Dims& strides) {
  LoopNest nest;
  nest.operand_count = static_cast<int>(operands.size());
  nest.count = element_count(shape);
  for (int i = 0; i < nest.operand_count; ++i) {
    nest.item_sizes[i] = static_cast<int64_t>(item_size(operands[static_cast<size_t>(i)]->dtype));
  }

  int order[max_rank];
  int axis_count = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] != 1) order[axis_count++] = axis;
  }
  std::stable_sort(order, order + axis_count,
                   [&](int a, int b) { return std::abs(strides[a]) > std::abs(strides[b]); });

  for (int k = 0; k < axis_count; ++k) {
    const int axis = order[k];
    const int outer = nest.rank - 1;
    const int64_t size = shape[axis];
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

RowCursor::RowCursor(const LoopNest& nest, int64_t row) : nest_(nest) {
  for (int loop = nest.rank - 2; loop >= 0; --loop) {
    position_[loop] = loop > 0 ? row % nest.sizes[loop] : row;
    row /= nest.sizes[loop];
    for (int i = 0; i < nest.operand_count; ++i) offsets_[i] += position_[loop] * nest.steps[i][loop];
  }
}

void RowCursor::next() {
  for (int loop = nest_.rank - 2; loop >= 0; --loop) {
    const bool ends = ++position_[loop] == nest_.sizes[loop];
    const int64_t steps = ends ? 1 - nest_.sizes[loop] : 1;
    for (int i = 0; i < nest_.operand_count; ++i) offsets_[i] += steps * nest_.steps[i][loop];
    if (!ends) return;
    position_[loop] = 0;
  }
}

void copy_run(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t count, int64_t item_size) {
  if (to_step == item_size && from_step == item_size) {
    const int64_t bytes = count * item_size;
    if (bytes < long_run) {
      std::memcpy(to, from, static_cast<size_t>(bytes));
    } else {
      kernels().copy.run(from, to, bytes);
    }
    return;
  }
  if (to_step == item_size && from_step == 0) {
    repeat(to, from, count, item_size);
    return;
  }
  switch (item_size) {
    case 1: copy_strided<uint8_t>(to, to_step, from, from_step, count); break;
    case 2: copy_strided<uint16_t>(to, to_step, from, from_step, count); break;
    case 4: copy_strided<uint32_t>(to, to_step, from, from_step, count); break;
    default: copy_strided<uint64_t>(to, to_step, from, from_step, count); break;
  }
}

}  // namespace pydl::cpu
