// ElementwiseKernel: a tile program over operands of one shape; what single and fused elementwise ops are prepared as.
#pragma once

#include "backends/cpu/copy_plan.h"
#include "backends/cpu/tile_program.h"

namespace pydl::cpu {

/// The operands of its program are the inputs, then the outputs. Tiles of a large operand that lies across the outputs
/// would touch a cache line per element: it is transposed into the scratchpad first.
class ElementwiseKernel final : public exec::Kernel {
 public:
  ElementwiseKernel(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs);

  TileProgram& program() { return program_; }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override;

 private:
  struct Transposition {
    size_t operand;
    size_t offset;  // in the scratchpad
    CopyPlan copy;
  };

  LoopNest relayout(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs);

  size_t input_count_;
  size_t output_count_;
  std::vector<Transposition> transpositions_;
  TileProgram program_;
};

/// The kinds of op/elementwise_table.h.
enum class ElementwiseKind { UNARY, UNARY_FLOAT, UNARY_TEST, BINARY, BINARY_FLOAT, COMPARE, LOGICAL };
ElementwiseKind elementwise_kind(op::OpId op);

/// Time per element in additions of float32.
int elementwise_cost(op::OpId op, Lane lane);

}  // namespace pydl::cpu
