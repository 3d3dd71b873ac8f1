// Fused elementwise nodes: a tile program with an instruction for each op, and the reductions of their results.
#include <algorithm>
#include <optional>

#include "backends/cpu/families.h"
#include "backends/cpu/tiles/elementwise_kernel.h"
#include "op/attrs/reduce.h"

namespace pydl::cpu {

namespace {

using exec::FusedCall;
using exec::FusedInstruction;
using exec::FusedReduction;

bool is_small_float(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }

TileKernel rounding_to(DType dtype) {
  return dtype == DType::float16 ? kernels().round_float16 : kernels().round_bfloat16;
}

// Translates the instructions of a fused node into those of a tile program. A temporary register is reused as soon as
// nothing reads it any more, so that a long chain stays in the L1 cache.
//
// 16-bit floats are computed in float32, and each result is rounded to 16 bits as in eager mode. Operands in memory are
// converted each time they are read; results that are not written stay in registers as float32.
class FusedProgram {
 public:
  FusedProgram(const FusedCall& call, TileProgram& program) : call_(call), program_(program) {
    const size_t count = call.inputs.size() + call.instructions.size();
    registers_.assign(count, -1);
    last_use_.assign(count, -1);
    for (size_t i = 0; i < call.inputs.size(); ++i) registers_[i] = static_cast<int>(i);
    for (const FusedReduction& reduction : call.reductions) {
      last_use_[static_cast<size_t>(reduction.operand)] = reduction.operand - static_cast<int>(call.inputs.size());
    }
    for (size_t i = 0; i < call.instructions.size(); ++i) {
      for (const int source : call.instructions[i].sources)
        last_use_[static_cast<size_t>(source)] = static_cast<int>(i);
    }
    for (size_t i = 0; i < call.stored.size(); ++i) {
      registers_[static_cast<size_t>(call.stored[i])] = static_cast<int>(call.inputs.size() + i);
    }
  }

  // Returns false if there is no kernel for an instruction.
  bool emit() {
    for (size_t i = 0; i < call_.instructions.size(); ++i) {
      if (!emit_instruction(i)) return false;
      for (const int source : call_.instructions[i].sources) release(source, static_cast<int>(i));
      const auto result = static_cast<int>(call_.inputs.size() + i);
      emit_reductions(result);
      release(result, static_cast<int>(i));
    }
    return true;
  }

 private:
  DType dtype_of_operand(int operand) const {
    const auto index = static_cast<size_t>(operand);
    return index < call_.inputs.size() ? call_.inputs[index].dtype
                                       : call_.instructions[index - call_.inputs.size()].dtype;
  }

  bool is_in_memory(int operand) const {
    return registers_[static_cast<size_t>(operand)] < static_cast<int>(call_.inputs.size() + call_.outputs.size());
  }

  // The dtype in which a register holds an operand.
  DType held_dtype(int operand) const {
    const DType dtype = dtype_of_operand(operand);
    return is_small_float(dtype) && !is_in_memory(operand) ? DType::float32 : dtype;
  }

  // A shared register of a kind that is used only within one instruction.
  int shared(int& known) {
    if (known < 0) known = program_.temporary();
    return known;
  }

  // A register with an operand in the dtype of the computation; `slot` distinguishes the operands of one instruction.
  int computable(int operand, size_t slot) {
    const int held = registers_[static_cast<size_t>(operand)];
    const DType dtype = held_dtype(operand);
    if (!is_small_float(dtype)) return held;
    const int converted = shared(converted_[slot]);
    program_.emit_cast(dtype, DType::float32, converted, held);
    return converted;
  }

  int source(const FusedInstruction& instruction, size_t i) { return computable(instruction.sources[i], i); }

  bool is_written(size_t index) const {
    const int operand = static_cast<int>(call_.inputs.size() + index);
    return std::find(call_.stored.begin(), call_.stored.end(), operand) != call_.stored.end();
  }

  // The register to which a kernel writes the result of an instruction. 16-bit floats are rounded afterwards.
  int target(size_t index) {
    const bool converts = is_small_float(call_.instructions[index].dtype) && is_written(index);
    return converts ? shared(unrounded_) : destination(index);
  }

  // Stores the result of an instruction, held as float32, rounded to the 16 bits of its dtype.
  void round(size_t index, int held) {
    const DType dtype = call_.instructions[index].dtype;
    if (is_written(index)) return program_.emit_cast(DType::float32, dtype, destination(index), held);
    program_.emit(rounding_to(dtype), destination(index), {held}, 1);
  }

  void emit_kernel(size_t index, TileKernel kernel, std::initializer_list<int> sources, int cost) {
    program_.emit(kernel, target(index), sources, cost);
    if (is_small_float(call_.instructions[index].dtype)) round(index, target(index));
  }

  int destination(size_t instruction) {
    int& target = registers_[call_.inputs.size() + instruction];
    if (target < 0 && !free_.empty()) {
      target = free_.back();
      free_.pop_back();
    }
    if (target < 0) target = program_.temporary();
    return target;
  }

  void release(int operand, int instruction) {
    const int used = registers_[static_cast<size_t>(operand)];
    const auto operands = static_cast<int>(call_.inputs.size() + call_.outputs.size());
    if (last_use_[static_cast<size_t>(operand)] != instruction || used < operands) return;
    if (std::find(free_.begin(), free_.end(), used) == free_.end()) free_.push_back(used);
  }

  bool emit_instruction(size_t index) {
    const FusedInstruction& instruction = call_.instructions[index];
    const DType dtype = dtype_of_operand(instruction.sources[0]);
    switch (instruction.op) {
      case OpId::cast: return emit_cast(index, dtype);
      case OpId::where: {
        const DType computed = is_small_float(instruction.dtype) ? DType::float32 : instruction.dtype;
        int size_class = 0;
        while (size_t{1} << size_class < item_size(computed)) ++size_class;
        const int condition = source(instruction, 0);
        emit_kernel(index, kernels().where[size_class], {condition, source(instruction, 1), source(instruction, 2)}, 1);
        return true;
      }
      case OpId::clip: return emit_clip(index);
      default: return emit_row(index, dtype);
    }
  }

  bool emit_cast(size_t index, DType from) {
    const FusedInstruction& instruction = call_.instructions[index];
    const int operand = instruction.sources[0];
    const int held = registers_[static_cast<size_t>(operand)];
    const DType dtype = held_dtype(operand);
    if (from == instruction.dtype) return false;
    if (is_small_float(instruction.dtype)) {
      if (dtype == DType::float32) return round(index, held), true;
      program_.emit_cast(dtype, DType::float32, target(index), held);
      round(index, target(index));
    } else if (dtype == instruction.dtype) {
      // 16-bit numbers that are already held as float32. There is no kernel that copies, and rounding changes nothing.
      program_.emit(rounding_to(from), destination(index), {held}, 1);
    } else {
      const bool is_direct = !is_small_float(dtype) || instruction.dtype == DType::float32;
      const int operand_register = is_direct ? held : computable(operand, 0);
      program_.emit_cast(is_direct ? dtype : DType::float32, instruction.dtype, destination(index), operand_register);
    }
    return true;
  }

  void emit_reductions(int operand) {
    for (size_t i = 0; i < call_.reductions.size(); ++i) {
      if (call_.reductions[i].operand != operand) continue;
      program_.emit_reduction(computable(operand, 0), tile_reduction(i));
    }
  }

  TileReduction tile_reduction(size_t index) const {
    const FusedReduction& reduction = call_.reductions[index];
    const DType dtype = dtype_of_operand(reduction.operand);
    const Dims axes = op::from_attrs<op::ReduceAttrs>(reduction.attrs).axes;
    double divisor = 1.0;
    if (reduction.op == OpId::mean) {
      for (const int64_t axis : axes) divisor *= static_cast<double>(call_.shape[static_cast<int>(axis)]);
    }
    const Reduction kind = reduction.op == OpId::max ? reduce_max : reduction.op == OpId::min ? reduce_min : reduce_sum;
    const DType computed = is_small_float(dtype) ? DType::float32 : dtype;
    return {kind, reduce_lane(computed), *op::split_reduction(call_.shape, axes), {dtype, divisor}, index};
  }

  // minimum(maximum(x, low), high). The intermediate result must not overwrite x or high, which are still read.
  bool emit_clip(size_t index) {
    const FusedInstruction& instruction = call_.instructions[index];
    const Lane lane = lane_of(instruction.dtype);
    const auto& table = kernels().elementwise;
    const int between = program_.temporary();
    program_.emit(table[static_cast<int>(OpId::maximum)][lane], between,
                  {source(instruction, 0), source(instruction, 1)}, 1);
    emit_kernel(index, table[static_cast<int>(OpId::minimum)][lane], {between, source(instruction, 2)}, 1);
    return true;
  }

  bool emit_row(size_t index, DType dtype) {
    const FusedInstruction& instruction = call_.instructions[index];
    const auto row = static_cast<int>(instruction.op);
    const bool logical = elementwise_kind(instruction.op) == ElementwiseKind::LOGICAL;
    const Lane lane = logical ? lane_float : lane_of(dtype);
    // Comparisons and other tests of bools are computed in int32. Eager mode converts the operands; a fused node is not
    // worth it.
    if (!logical && dtype == DType::boolean) return false;
    const TileKernel kernel = kernels().elementwise[row][lane];
    if (kernel == nullptr) return false;
    const int first = source(instruction, 0);
    const int second = instruction.sources.size() > 1 ? source(instruction, 1) : first;
    const int third = instruction.sources.size() > 2 ? source(instruction, 2) : first;
    emit_kernel(index, kernel, {first, second, third}, elementwise_cost(instruction.op, lane));
    return true;
  }

  const FusedCall& call_;
  TileProgram& program_;
  std::vector<int> registers_;  // by operand of the call
  std::vector<int> last_use_;
  std::vector<int> free_;
  int converted_[3] = {-1, -1, -1};  // shared registers: operands as float32,
  int unrounded_ = -1;               // and a result before rounding
};

// The result of a reduction, in the shape of its input: elements that are reduced to one number share one position.
BufferSpec spread(const BufferSpec& result, const Dims& shape, const FusedReduction& reduction) {
  const Dims axes = op::from_attrs<op::ReduceAttrs>(reduction.attrs).axes;
  BufferSpec whole = {result.dtype, shape, shape};
  int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    whole.strides[axis] = reduced ? 0 : stride;
    if (!reduced) stride *= shape[axis];
  }
  return whole;
}

std::unique_ptr<Kernel> prepare_fused(const FusedCall& call) {
  std::vector<BufferSpec> outputs(call.outputs.begin(), call.outputs.end());
  for (size_t i = 0; i < call.reductions.size(); ++i) {
    outputs[call.stored.size() + i] = spread(call.outputs[call.stored.size() + i], call.shape, call.reductions[i]);
  }
  auto prepared =
      std::make_unique<ElementwiseKernel>(call.inputs, outputs, call.reductions.size(), call.shape, call.strides);
  if (!FusedProgram(call, prepared->program()).emit()) return nullptr;
  prepared->finish();
  return prepared;
}

// Dtypes that are computed in directly or, for 16-bit floats, in float32 with rounding after each op. Small integers
// would be converted on the way and then not wrap around as they do in eager mode.
bool is_computed_in(DType dtype) {
  return is_floating(dtype) || dtype == DType::int32 || dtype == DType::int64 || dtype == DType::boolean;
}

// Bools can select, be converted and be combined, but are never used in arithmetic.
bool takes_bools(OpId op) {
  return op == OpId::where || op == OpId::cast || op == OpId::logical_and || op == OpId::logical_or ||
         op == OpId::logical_xor;
}

size_t fused_instructions(OpId op, std::span<const BufferSpec> inputs, const BufferSpec& output) {
  if (op == OpId::copy || !is_computed_in(output.dtype)) return 0;
  for (const BufferSpec& input : inputs) {
    if (!is_computed_in(input.dtype) || (input.dtype == DType::boolean && !takes_bools(op))) return 0;
  }
  return op == OpId::clip || op == OpId::cast ? 2 : 1;
}

bool can_reduce(OpId op, DType dtype) {
  const bool extremum = op == OpId::max || op == OpId::min;
  if (!extremum && op != OpId::sum && op != OpId::mean) return false;
  return is_floating(dtype) || dtype == DType::int64 || (extremum && dtype == DType::int32);
}

// All reductions must operate on one and the same matrix, or on all elements.
bool can_reduce_all(std::span<const FusedReduction> reductions, std::span<const DType> dtypes, const Dims& shape) {
  std::optional<int64_t> columns;
  for (size_t i = 0; i < reductions.size(); ++i) {
    if (!can_reduce(reductions[i].op, dtypes[i])) return false;
    const auto split = op::split_reduction(shape, op::from_attrs<op::ReduceAttrs>(reductions[i].attrs).axes);
    if (!split) return false;
    if (split->over == op::ReductionSplit::Over::all) continue;
    if (columns && *columns != split->columns) return false;
    columns = split->columns;
  }
  return true;
}

}  // namespace

void register_fused(KernelTable& table) {
  table.set_fused({.prepare = prepare_fused,
                   .most_operands = 10,
                   .most_instructions = 12,
                   .instructions = fused_instructions,
                   .reduces = can_reduce_all});
}

}  // namespace pydl::cpu
