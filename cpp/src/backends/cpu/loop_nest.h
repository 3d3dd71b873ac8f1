// LoopNest: the axes of several operands of the same shape as few nested loops, adapted to the memory layout of the
// operands.
#pragma once

#include <span>

#include "exec/kernel.h"

namespace pydl::cpu {

inline constexpr int max_operands = 12;

/// Loops from the outermost to the innermost, with the step of every operand in bytes for each. Axes that all operands
/// can traverse as one are merged into one loop; axes of size 1 have no loop.
struct LoopNest {
  int rank = 0;
  int operand_count = 0;
  int64_t count = 0;  ///< number of elements
  int64_t sizes[max_rank] = {};
  int64_t steps[max_operands][max_rank] = {};
  int64_t item_sizes[max_operands] = {};

  /// Loops for operands of the same shape, in the memory order of `operands[leader]`.
  static LoopNest over(std::span<const exec::BufferSpec* const> operands, int leader) {
    const exec::BufferSpec& lead = *operands[static_cast<size_t>(leader)];
    return over(operands, lead.shape, lead.strides);
  }
  /// The same for operands of the given shape, in the order of the given strides.
  static LoopNest over(std::span<const exec::BufferSpec* const> operands, const Dims& shape, const Dims& strides);

  int64_t inner_size() const { return rank == 0 ? 1 : sizes[rank - 1]; }
  int64_t inner_step(int operand) const { return rank == 0 ? 0 : steps[operand][rank - 1]; }
  /// Whether the operand's elements are stored in the order of the loops, without gaps.
  bool is_dense(int operand) const;
  /// Whether the operand is a single element.
  bool is_uniform(int operand) const;
  /// The offset of element `index`, counted along the loops, from the first element, in bytes.
  int64_t offset(int operand, int64_t index) const;
};

/// Iterates over the innermost loops and tracks where each one begins, for all operands.
class RowCursor {
 public:
  RowCursor(const LoopNest& nest, int64_t row);
  /// The offset of the row from the first element of the operand, in bytes.
  int64_t offset(int operand) const { return offsets_[operand]; }
  void next();

 private:
  const LoopNest& nest_;
  int64_t position_[max_rank] = {};
  int64_t offsets_[max_operands] = {};
};

/// Copies `count` items of 1, 2, 4 or 8 bytes. Steps are in bytes; a step of 0 repeats the item.
void copy_run(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t count, int64_t item_size);

}  // namespace pydl::cpu
