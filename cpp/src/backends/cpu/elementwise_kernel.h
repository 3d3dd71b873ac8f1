// ElementwiseKernel: a tile program over operands of one shape; what single and fused elementwise ops are prepared as.
#pragma once

#include "backends/cpu/copy_plan.h"
#include "backends/cpu/tile_program.h"
#include "op/elementwise_kind.h"

namespace pydl::cpu {

/// The operands of its program are the inputs, then the outputs, the results of reductions last. Tiles of a large
/// operand that lies across the outputs would touch a cache line per element: it is transposed into the scratchpad
/// first.
class ElementwiseKernel final : public exec::Kernel {
 public:
  /// `outputs` have the shape of the inputs.
  ElementwiseKernel(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs)
      : ElementwiseKernel(inputs, outputs, 0, outputs[0].shape, outputs[0].strides) {}
  /// The last outputs are results of reductions, in which elements that meet have strides of 0. `strides` are those in
  /// whose order the loops run.
  ElementwiseKernel(std::span<const exec::BufferSpec> inputs, std::span<const exec::BufferSpec> outputs,
                    size_t reductions, const Dims& shape, const Dims& strides);

  TileProgram& program() { return program_; }
  /// To be called once, after the last instruction of the program.
  void finish();

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override;

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
  size_t program_scratchpad_ = 0;  // where that of the program begins
  TileProgram program_;
};

using op::ElementwiseKind;
ElementwiseKind elementwise_kind(op::OpId op);

/// Time per element in additions of float32.
int elementwise_cost(op::OpId op, Lane lane);

}  // namespace pydl::cpu
