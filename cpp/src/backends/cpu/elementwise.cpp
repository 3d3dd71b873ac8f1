// Elementwise ops as tile programs.
#include "backends/cpu/copy_plan.h"
#include "backends/cpu/families.h"
#include "backends/cpu/tile_program.h"

namespace pydl::cpu {

namespace {

// Transposed operands with fewer elements are gathered.
constexpr int64_t worth_transposing = 16384;

// An op prepared as a program over the operands inputs, outputs. Tiles of a large operand that lies across the output
// would touch a cache line per element: it is transposed into the scratchpad first.
class ElementwiseKernel final : public Kernel {
 public:
  explicit ElementwiseKernel(const KernelCall& call) : input_count_(call.inputs.size()), program_(relayout(call), 1) {}

  TileProgram& program() { return program_; }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    void* operands[max_operands];
    for (size_t i = 0; i < input_count_; ++i) operands[i] = inputs[i];
    operands[input_count_] = outputs[0];
    for (const Transposition& transposition : transpositions_) {
      void*& operand = operands[transposition.operand];
      void* to = static_cast<char*>(scratchpad) + transposition.offset;
      transposition.copy.run(to, operand);
      operand = to;
    }
    program_.run(operands);
  }

 private:
  struct Transposition {
    size_t operand;
    size_t offset;  // in the scratchpad
    CopyPlan copy;
  };

  static LoopNest nest_of(const BufferSpec* inputs, size_t count, const BufferSpec& output) {
    const BufferSpec* operands[max_operands];
    for (size_t i = 0; i < count; ++i) operands[i] = &inputs[i];
    operands[count] = &output;
    return LoopNest::over({operands, count + 1}, static_cast<int>(count));
  }

  // Loops over the operands, transposed ones where they will be.
  LoopNest relayout(const KernelCall& call) {
    const BufferSpec& output = call.outputs[0];
    LoopNest nest = nest_of(call.inputs.data(), input_count_, output);
    BufferSpec specs[max_operands];
    for (size_t i = 0; i < input_count_; ++i) {
      specs[i] = call.inputs[i];
      if (nest.count < worth_transposing || !lies_across(nest, static_cast<int>(i))) continue;
      specs[i].strides = output.strides;
      transpositions_.push_back({i, scratchpad_bytes, CopyPlan(specs[i], call.inputs[i])});
      scratchpad_bytes += (static_cast<size_t>(nest.count) * item_size(specs[i].dtype) + 63) / 64 * 64;
    }
    return transpositions_.empty() ? nest : nest_of(specs, input_count_, output);
  }

  static bool lies_across(const LoopNest& nest, int operand) {
    bool has_unit_step = false;
    for (int loop = 0; loop < nest.rank; ++loop) {
      if (nest.steps[operand][loop] == 0) return false;
      has_unit_step = has_unit_step || nest.steps[operand][loop] == nest.item_sizes[operand];
    }
    return has_unit_step && nest.inner_step(operand) != nest.item_sizes[operand];
  }

  size_t input_count_;
  std::vector<Transposition> transpositions_;
  TileProgram program_;
};

// `kernel` on inputs converted to `dtype`, its result, of dtype `result`, converted to that of the output.
std::unique_ptr<Kernel> prepare_program(const KernelCall& call, TileKernel kernel, DType dtype, DType result,
                                        int cost) {
  auto prepared = std::make_unique<ElementwiseKernel>(call);
  TileProgram& program = prepared->program();
  const auto input_count = static_cast<int>(call.inputs.size());
  const DType output = call.outputs[0].dtype;
  int sources[3] = {};
  for (int i = 0; i < input_count; ++i) {
    const DType stored = call.inputs[static_cast<size_t>(i)].dtype;
    sources[i] = i;
    // The condition of `where` is no number.
    if (stored == dtype || (stored == DType::boolean && call.op == OpId::where)) continue;
    sources[i] = program.temporary();
    program.emit_cast(stored, dtype, sources[i], i);
  }
  const int destination = result == output ? input_count : program.temporary();
  program.emit(kernel, destination, {sources[0], sources[1], sources[2]}, cost);
  if (result != output) program.emit_cast(result, output, input_count, destination);
  program.finish();
  return prepared;
}

enum class Kind { UNARY, UNARY_FLOAT, UNARY_TEST, BINARY, BINARY_FLOAT, COMPARE, LOGICAL };

constexpr Kind kinds[] = {
#define PYDL_ROW(kind, ...) Kind::kind,
    PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
};

// Time per element in additions of float32. Functions of doubles are called one by one.
int cost_of(OpId op, Lane lane) {
  switch (op) {
    case OpId::floor_divide:
    case OpId::remainder: return 32;
    case OpId::pow: return lane == lane_float ? 16 : 64;
    default: break;
  }
  const Kind kind = kinds[static_cast<int>(op)];
  if (kind != Kind::UNARY_FLOAT) return 1;
  return lane == lane_float ? 4 : 32;
}

std::unique_ptr<Kernel> prepare_row(const KernelCall& call) {
  const auto row = static_cast<int>(call.op);
  const Kind kind = kinds[row];
  if (kind == Kind::LOGICAL) {
    return prepare_program(call, kernels().elementwise[row][0], DType::boolean, DType::boolean, 1);
  }
  const Lane lane = lane_of(call.inputs[0].dtype);
  const TileKernel kernel = kernels().elementwise[row][lane];
  if (kernel == nullptr) return nullptr;
  const DType dtype = dtype_of(lane);
  const bool is_test = kind == Kind::UNARY_TEST || kind == Kind::COMPARE;
  return prepare_program(call, kernel, dtype, is_test ? DType::boolean : dtype, cost_of(call.op, lane));
}

std::unique_ptr<Kernel> prepare_cast(const KernelCall& call) {
  const DType from = call.inputs[0].dtype;
  const DType to = call.outputs[0].dtype;
  if (from == to) return nullptr;
  auto prepared = std::make_unique<ElementwiseKernel>(call);
  TileProgram& program = prepared->program();
  program.emit_cast(from, to, 1, 0);
  program.finish();
  return prepared;
}

std::unique_ptr<Kernel> prepare_where(const KernelCall& call) {
  const DType dtype = call.outputs[0].dtype;
  int size_class = 0;
  while (size_t{1} << size_class < item_size(dtype)) ++size_class;
  return prepare_program(call, kernels().where[size_class], dtype, dtype, 1);
}

// minimum(maximum(x, low), high)
std::unique_ptr<Kernel> prepare_clip(const KernelCall& call) {
  const Lane lane = lane_of(call.inputs[0].dtype);
  const DType dtype = dtype_of(lane);
  const DType stored = call.inputs[0].dtype;
  auto prepared = std::make_unique<ElementwiseKernel>(call);
  TileProgram& program = prepared->program();
  int operands[4] = {0, 1, 2, 3};
  if (stored != dtype) {
    for (int& operand : operands) operand = program.temporary();
    for (int i = 0; i < 3; ++i) program.emit_cast(stored, dtype, operands[i], i);
  }
  const int raised = program.temporary();
  const auto& table = kernels().elementwise;
  program.emit(table[static_cast<int>(OpId::maximum)][lane], raised, {operands[0], operands[1]}, 1);
  program.emit(table[static_cast<int>(OpId::minimum)][lane], operands[3], {raised, operands[2]}, 1);
  if (stored != dtype) program.emit_cast(dtype, stored, 3, operands[3]);
  program.finish();
  return prepared;
}

}  // namespace

void register_elementwise(KernelTable& table) {
#define PYDL_ROW(kind, name, ...) table.add(OpId::name, Provider::cpu, prepare_row);
  PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
  table.add(OpId::cast, Provider::cpu, prepare_cast);
  table.add(OpId::where, Provider::cpu, prepare_where);
  table.add(OpId::clip, Provider::cpu, prepare_clip);
}

}  // namespace pydl::cpu
