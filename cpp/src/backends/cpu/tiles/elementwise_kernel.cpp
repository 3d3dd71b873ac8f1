#include "backends/cpu/tiles/elementwise_kernel.h"

namespace pydl::cpu {

namespace {

using exec::BufferSpec;
using op::OpId;

// Transposed operands with fewer elements are gathered instead.
constexpr int64_t worth_transposing = 16384;

LoopNest nest_of(std::span<const BufferSpec> inputs, std::span<const BufferSpec> outputs, const Dims& shape,
                 const Dims& strides) {
  const BufferSpec* operands[max_operands];
  size_t count = 0;
  for (const BufferSpec& input : inputs) operands[count++] = &input;
  for (const BufferSpec& output : outputs) operands[count++] = &output;
  return LoopNest::over({operands, count}, shape, strides);
}

bool lies_across(const LoopNest& nest, int operand) {
  bool has_unit_step = false;
  for (int loop = 0; loop < nest.rank; ++loop) {
    if (nest.steps[operand][loop] == 0) return false;
    has_unit_step = has_unit_step || nest.steps[operand][loop] == nest.item_sizes[operand];
  }
  return has_unit_step && nest.inner_step(operand) != nest.item_sizes[operand];
}

constexpr ElementwiseKind kinds[] = {
#define PYDL_ROW(kind, ...) ElementwiseKind::kind,
    PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
};

}  // namespace

ElementwiseKernel::ElementwiseKernel(std::span<const BufferSpec> inputs, std::span<const BufferSpec> outputs,
                                     size_t reductions, const Dims& shape, const Dims& strides)
    : input_count_(inputs.size()),
      output_count_(outputs.size()),
      program_(relayout(inputs, outputs, shape, strides), static_cast<int>(outputs.size() - reductions),
               static_cast<int>(reductions)) {}

// Loops over the operands as they will be after transposing.
LoopNest ElementwiseKernel::relayout(std::span<const BufferSpec> inputs, std::span<const BufferSpec> outputs,
                                     const Dims& shape, const Dims& strides) {
  LoopNest nest = nest_of(inputs, outputs, shape, strides);
  std::vector<BufferSpec> specs(inputs.begin(), inputs.end());
  for (size_t i = 0; i < input_count_; ++i) {
    if (nest.count < worth_transposing || !lies_across(nest, static_cast<int>(i))) continue;
    specs[i].strides = strides;
    transpositions_.push_back({i, scratchpad_bytes, CopyPlan(specs[i], inputs[i])});
    scratchpad_bytes += (static_cast<size_t>(nest.count) * item_size(specs[i].dtype) + 63) / 64 * 64;
  }
  return transpositions_.empty() ? nest : nest_of(specs, outputs, shape, strides);
}

void ElementwiseKernel::finish() {
  program_.finish();
  program_scratchpad_ = scratchpad_bytes;
  scratchpad_bytes += program_.scratchpad_bytes();
}

void ElementwiseKernel::run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const {
  void* operands[max_operands];
  for (size_t i = 0; i < input_count_; ++i) operands[i] = inputs[i];
  for (size_t i = 0; i < output_count_; ++i) operands[input_count_ + i] = outputs[i];
  for (const Transposition& transposition : transpositions_) {
    void*& operand = operands[transposition.operand];
    void* to = static_cast<char*>(context.scratchpad) + transposition.offset;
    transposition.copy.run(to, operand);
    operand = to;
  }
  program_.run(operands, static_cast<char*>(context.scratchpad) + program_scratchpad_);
}

ElementwiseKind elementwise_kind(OpId op) { return kinds[static_cast<int>(op)]; }

// Functions of doubles are called for one element at a time.
int elementwise_cost(OpId op, Lane lane) {
  switch (op) {
    case OpId::floor_divide:
    case OpId::remainder:
    case OpId::fmod: return 32;
    case OpId::pow: return lane == lane_float ? 16 : 64;
    case OpId::polygamma: return 256;
    case OpId::hypot:
    case OpId::logaddexp:
    case OpId::xlogy:
    case OpId::elu:
    case OpId::celu:
    case OpId::elu_backward:
    case OpId::selu_backward:
    case OpId::silu_backward:
    case OpId::gelu_backward:
    case OpId::gelu_tanh_backward: return lane == lane_float ? 4 : 32;
    case OpId::lgamma:
    case OpId::digamma: return lane == lane_float ? 16 : 64;
    default: break;
  }
  if (elementwise_kind(op) != ElementwiseKind::UNARY_FLOAT) return 1;
  return lane == lane_float ? 4 : 32;
}

}  // namespace pydl::cpu
