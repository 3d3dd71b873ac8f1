// ElementwiseKernel: a tile program over operands of one shape, which runs single and fused elementwise ops.
#pragma once

#include "backends/cpu/tiles/tile_program.h"
#include "backends/cpu/view/copy_plan.h"
#include "op/elementwise_kind.h"

namespace pydl::cpu {

/// The operands of its program are the inputs, followed by the outputs, with the results of reductions last. If a large
/// operand is laid out across the outputs, its tiles would touch a cache line per element, so it is transposed into the
/// scratchpad first.
class ElementwiseKernel final : public exec::Kernel {
 public:
  /// `outputs` have the same shape as the inputs.
  ElementwiseKernel(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs)
      : ElementwiseKernel(inputs, outputs, 0, outputs[0].shape, outputs[0].strides) {}
  /// The last outputs are results of reductions, whose strides are 0 along the axes that are reduced. The loops run in
  /// the order of `strides`.
  ElementwiseKernel(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs,
                    size_t reductions, const Dims& shape, const Dims& strides);

  TileProgram& program() { return program_; }
  /// Must be called once, after the last instruction of the program.
  void finish();

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override;

 private:
  struct Transposition {
    size_t operand;
    size_t offset;  // in the scratchpad
    CopyPlan copy;
  };

  LoopNest relayout(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs,
                    const Dims& shape, const Dims& strides);

  size_t input_count_;
  size_t output_count_;
  std::vector<Transposition> transpositions_;
  size_t program_scratchpad_ = 0;  // where the program's scratchpad begins
  TileProgram program_;
};

using op::ElementwiseKind;
ElementwiseKind elementwise_kind(op::OpId op);

/// Time per element, in units of a float32 addition.
int elementwise_cost(op::OpId op, Lane lane);

}  // namespace pydl::cpu
