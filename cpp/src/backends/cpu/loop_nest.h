// LoopNest: the axes of several operands of one shape as few nested loops, fit to how the operands lie in memory.
#pragma once

#include <span>

#include "exec/kernel.h"

namespace pydl::cpu {

inline constexpr int max_operands = 12;

/// Loops from the outermost to the innermost, and for each the step of every operand in bytes. Axes that all operands
/// can walk as one are one loop; axes of size 1 are none.
struct LoopNest {
  int rank = 0;
  int operand_count = 0;
  int64_t count = 0;  ///< of elements
  int64_t sizes[max_rank] = {};
  int64_t steps[max_operands][max_rank] = {};
  int64_t item_sizes[max_operands] = {};

  /// Loops for operands of one shape, in the order of `operands[leader]`'s memory.
  static LoopNest over(std::span<const exec::BufferSpec* const> operands, int leader) {
    const exec::BufferSpec& lead = *operands[static_cast<size_t>(leader)];
    return over(operands, lead.shape, lead.strides);
  }
  /// The same for operands of a shape, in the order of given strides.
  static LoopNest over(std::span<const exec::BufferSpec* const> operands, const Dims& shape, const Dims& strides);

  int64_t inner_size() const { return rank == 0 ? 1 : sizes[rank - 1]; }
  int64_t inner_step(int operand) const { return rank == 0 ? 0 : steps[operand][rank - 1]; }
  /// Whether the operand's elements lie in the order of the loops, without gaps.
  bool is_dense(int operand) const;
  /// Whether the operand is one element.
  bool is_uniform(int operand) const;
  /// Where element `index`, counted along the loops, lies from the first, in bytes.
  int64_t offset(int operand, int64_t index) const;
};

/// Walks along the innermost loops: where each begins, for all operands.
class RowCursor {
 public:
  RowCursor(const LoopNest& nest, int64_t row);
  /// Where the row begins from the first element of the operand, in bytes.
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
