// Elementwise ops as tile programs.
#include "backends/cpu/families.h"
#include "backends/cpu/tile_program.h"

namespace pydl::cpu {

namespace {

// An op prepared as a program over the operands inputs, outputs.
class ElementwiseKernel final : public Kernel {
 public:
  explicit ElementwiseKernel(const TileProgram& program, size_t input_count)
      : program_(program), input_count_(input_count) {}

  void run(void* const* inputs, void* const* outputs, void*) const override {
    void* operands[max_operands];
    for (size_t i = 0; i < input_count_; ++i) operands[i] = inputs[i];
    operands[input_count_] = outputs[0];
    program_.run(operands);
  }

 private:
  TileProgram program_;
  size_t input_count_;
};

LoopNest nest_of(const KernelCall& call) {
  const BufferSpec* operands[max_operands];
  size_t count = 0;
  for (const BufferSpec& input : call.inputs) operands[count++] = &input;
  operands[count++] = &call.outputs[0];
  return LoopNest::over({operands, count}, static_cast<int>(count) - 1);
}

// `kernel` on inputs converted to `dtype`, its result, of dtype `result`, converted to that of the output.
std::unique_ptr<Kernel> prepare_program(const KernelCall& call, TileKernel kernel, DType dtype, DType result,
                                        int cost) {
  TileProgram program(nest_of(call), 1);
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
  return std::make_unique<ElementwiseKernel>(program, call.inputs.size());
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
  TileProgram program(nest_of(call), 1);
  program.emit_cast(from, to, 1, 0);
  program.finish();
  return std::make_unique<ElementwiseKernel>(program, 1);
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
  TileProgram program(nest_of(call), 1);
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
  return std::make_unique<ElementwiseKernel>(program, 3);
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
