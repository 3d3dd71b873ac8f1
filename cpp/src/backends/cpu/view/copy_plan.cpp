#include "backends/cpu/view/copy_plan.h"

#include <algorithm>
#include <utility>

#include "backends/cpu/kernel_set.h"
#include "backends/cpu/rounding.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int to_operand = 0;
constexpr int from_operand = 1;
// The number of bytes for which waking a thread pays off.
constexpr int64_t bytes_per_thread = runtime::worth_a_thread(runtime::cost::byte_moved);
// Long rows are cut into segments, and matrices to transpose into blocks. Blocks are tall (many rows of the result), so
// that a page of the source is used for a while.
constexpr int64_t segment_length = 16384;
constexpr int64_t block_height = 256;
constexpr int64_t block_width = 32;
// Rows that repeat a number, and are shorter than this, are faster written as columns.
constexpr int64_t shortest_repeat = 16;

LoopNest nest_of(const exec::BufferSpec& to, const exec::BufferSpec& from) {
  const exec::BufferSpec* operands[] = {&to, &from};
  return LoopNest::over(operands, to_operand);
}

}  // namespace

CopyPlan::CopyPlan(const exec::BufferSpec& to, const exec::BufferSpec& from) : nest_(nest_of(to, from)) {
  const int64_t item = nest_.item_sizes[to_operand];
  if (nest_.rank < 2 || nest_.inner_step(to_operand) != item || nest_.inner_step(from_operand) == item) return;
  // Rows of one number each.
  if (nest_.inner_step(from_operand) == 0 && nest_.inner_size() >= shortest_repeat) return;
  for (int loop = 0; loop < nest_.rank - 1; ++loop) {
    if (nest_.steps[from_operand][loop] == item) transposed_loop_ = loop;
  }
  if (transposed_loop_ < 0) return;
  // The matrix consists of the two innermost loops.
  for (int loop = transposed_loop_; loop < nest_.rank - 2; ++loop) {
    std::swap(nest_.sizes[loop], nest_.sizes[loop + 1]);
    for (auto& steps : nest_.steps) std::swap(steps[loop], steps[loop + 1]);
  }
  transposed_loop_ = nest_.rank - 2;
}

void CopyPlan::run(void* to, const void* from) const {
  if (nest_.count == 0) return;
  if (transposed_loop_ >= 0) {
    transpose(static_cast<char*>(to), static_cast<const char*>(from));
  } else {
    copy_rows(static_cast<char*>(to), static_cast<const char*>(from));
  }
}

void CopyPlan::copy_rows(char* to, const char* from) const {
  const int64_t item = nest_.item_sizes[to_operand];
  const int64_t length = nest_.inner_size();
  const int64_t to_step = nest_.rank == 0 ? item : nest_.inner_step(to_operand);
  const int64_t from_step = nest_.rank == 0 ? item : nest_.inner_step(from_operand);
  const int64_t segments = ceil_div(length, segment_length);
  const int64_t grain = bytes_per_thread / (std::min(length, segment_length) * item);
  runtime::parallel_for(nest_.count / length * segments, grain, [&](int64_t begin, int64_t end) {
    RowCursor row(nest_, begin / segments);
    int64_t first = begin % segments * segment_length;
    for (int64_t piece = begin; piece < end; ++piece) {
      copy_run(to + row.offset(to_operand) + first * to_step, to_step,
               from + row.offset(from_operand) + first * from_step, from_step, std::min(segment_length, length - first),
               item);
      first += segment_length;
      if (first < length) continue;
      first = 0;
      row.next();
    }
  });
}

void CopyPlan::transpose(char* to, const char* from) const {
  const int64_t item = nest_.item_sizes[to_operand];
  const int64_t rows = nest_.sizes[transposed_loop_];  // of the result
  const int64_t columns = nest_.inner_size();
  const int64_t to_stride = nest_.steps[to_operand][transposed_loop_];
  const int64_t from_stride = nest_.inner_step(from_operand);
  const int64_t blocks_across = ceil_div(columns, block_width);
  const int64_t blocks = ceil_div(rows, block_height) * blocks_across;
  const auto kernel = kernels().copy.transpose[item == 8 ? 3 : item / 2];
  const int64_t grain = bytes_per_thread / (std::min(rows, block_height) * block_width * item);
  runtime::parallel_for(nest_.count / (rows * columns) * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t matrix = piece / blocks * rows * columns;
      const int64_t i = piece % blocks / blocks_across * block_height;
      const int64_t j = piece % blocks_across * block_width;
      kernel(from + nest_.offset(from_operand, matrix) + j * from_stride + i * item, from_stride,
             to + nest_.offset(to_operand, matrix) + i * to_stride + j * item, to_stride,
             std::min(block_width, columns - j), std::min(block_height, rows - i));
    }
  });
}

}  // namespace pydl::cpu
