#include "backends/cpu/view/copy_plan.h"

#include <algorithm>
#include <cstring>
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
// Rows of up to this many bytes are copied by loads and stores of a constant size.
constexpr int64_t short_row = 64;

struct Rows {
  char* to;
  const char* from;
  int64_t to_step;
  int64_t from_step;
  int64_t count;
};

// Copies rows of `size` to `2 * size` bytes as two parts, which may overlap.
template <int64_t size>
void copy_in_two(const Rows& rows, int64_t bytes) {
  const int64_t second = bytes - size;
  const char* from = rows.from;
  char* to = rows.to;
  for (int64_t i = 0; i < rows.count; ++i, from += rows.from_step, to += rows.to_step) {
    char parts[2 * size];
    std::memcpy(parts, from, size);
    std::memcpy(parts + size, from + second, size);
    std::memcpy(to, parts, size);
    std::memcpy(to + second, parts + size, size);
  }
}

void copy_short_rows(const Rows& rows, int64_t bytes) {
  if (bytes >= 32) return copy_in_two<32>(rows, bytes);
  if (bytes >= 16) return copy_in_two<16>(rows, bytes);
  if (bytes >= 8) return copy_in_two<8>(rows, bytes);
  if (bytes >= 4) return copy_in_two<4>(rows, bytes);
  if (bytes >= 2) return copy_in_two<2>(rows, bytes);
  copy_in_two<1>(rows, bytes);
}

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
  if (nest_.rank >= 2 && to_step == item && from_step == item && length * item <= short_row) {
    return runtime::parallel_for(nest_.count / length, grain,
                                 [&](int64_t begin, int64_t end) { copy_matrices(to, from, begin, end); });
  }
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

// The rows [begin, end), which are short and have no gaps, as parts of the matrices of the two innermost loops.
void CopyPlan::copy_matrices(char* to, const char* from, int64_t begin, int64_t end) const {
  const int loop = nest_.rank - 2;
  const int64_t length = nest_.inner_size();
  for (int64_t row = begin; row < end;) {
    const int64_t count = std::min(end - row, nest_.sizes[loop] - row % nest_.sizes[loop]);
    const Rows rows = {to + nest_.offset(to_operand, row * length), from + nest_.offset(from_operand, row * length),
                       nest_.steps[to_operand][loop], nest_.steps[from_operand][loop], count};
    copy_short_rows(rows, length * nest_.item_sizes[to_operand]);
    row += count;
  }
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
