// Elementwise ops as tile programs.
#include "backends/cpu/families.h"
#include "backends/cpu/tiles/elementwise_kernel.h"

namespace pydl::cpu {

namespace {

ArithmeticRow arithmetic_row(OpId op) {
  switch (op) {
    case OpId::add: return arithmetic_add;
    case OpId::subtract: return arithmetic_subtract;
    case OpId::multiply: return arithmetic_multiply;
    case OpId::divide: return arithmetic_divide;
    default: return arithmetic_count;
  }
}

// Runs `kernel` on inputs converted to `dtype`, and converts its result from dtype `result` to that of the output.
std::unique_ptr<Kernel> prepare_program(const KernelCall& call, TileKernel kernel, DType dtype, DType result,
                                        int cost) {
  auto prepared = std::make_unique<ElementwiseKernel>(call.inputs, call.outputs);
  TileProgram& program = prepared->program();
  const auto input_count = static_cast<int>(call.inputs.size());
  const DType output = call.outputs[0].dtype;
  int sources[3] = {};
  for (int i = 0; i < input_count; ++i) {
    const DType stored = call.inputs[static_cast<size_t>(i)].dtype;
    sources[i] = i;
    // The condition of `where` is not numeric, so it is not converted.
    if (stored == dtype || (stored == DType::boolean && call.op == OpId::where)) continue;
    sources[i] = program.temporary();
    program.emit_cast(stored, dtype, sources[i], i);
  }
  const int destination = result == output ? input_count : program.temporary();
  program.emit(kernel, destination, {sources[0], sources[1], sources[2]}, cost);
  if (const int row = arithmetic_row(call.op); row < arithmetic_count && dtype == result && is_floating(dtype)) {
    const auto& numbers = kernels().with_number[row][lane_of(dtype)];
    program.offer_numbers(numbers[0], numbers[1]);
  }
  if (result != output) program.emit_cast(result, output, input_count, destination);
  prepared->finish();
  return prepared;
}

std::unique_ptr<Kernel> prepare_row(const KernelCall& call) {
  const auto row = static_cast<int>(call.op);
  const ElementwiseKind kind = elementwise_kind(call.op);
  if (kind == ElementwiseKind::LOGICAL) {
    return prepare_program(call, kernels().elementwise[row][0], DType::boolean, DType::boolean, 1);
  }
  if (call.op == OpId::logical_not && call.inputs[0].dtype == DType::boolean) {
    return prepare_program(call, kernels().not_bool, DType::boolean, DType::boolean, 1);
  }
  const Lane lane = lane_of(call.inputs[0].dtype);
  const TileKernel kernel = kernels().elementwise[row][lane];
  if (kernel == nullptr) return nullptr;
  const DType dtype = dtype_of(lane);
  const bool is_test = kind == ElementwiseKind::UNARY_TEST || kind == ElementwiseKind::COMPARE;
  return prepare_program(call, kernel, dtype, is_test ? DType::boolean : dtype, elementwise_cost(call.op, lane));
}

std::unique_ptr<Kernel> prepare_cast(const KernelCall& call) {
  const DType from = call.inputs[0].dtype;
  const DType to = call.outputs[0].dtype;
  if (from == to) return nullptr;
  auto prepared = std::make_unique<ElementwiseKernel>(call.inputs, call.outputs);
  TileProgram& program = prepared->program();
  program.emit_cast(from, to, 1, 0);
  prepared->finish();
  return prepared;
}

std::unique_ptr<Kernel> prepare_where(const KernelCall& call) {
  const DType dtype = call.outputs[0].dtype;
  int size_class = 0;
  while (size_t{1} << size_class < item_size(dtype)) ++size_class;
  return prepare_program(call, kernels().where[size_class], dtype, dtype, 1);
}

// The next number of a 16-bit dtype is not that of float32.
std::unique_ptr<Kernel> prepare_nextafter(const KernelCall& call) {
  const DType dtype = call.outputs[0].dtype;
  if (item_size(dtype) < 4) return nullptr;
  return prepare_program(call, kernels().nextafter[lane_of(dtype)], dtype, dtype, 1);
}

// minimum(maximum(x, low), high)
std::unique_ptr<Kernel> prepare_clip(const KernelCall& call) {
  const Lane lane = lane_of(call.inputs[0].dtype);
  const DType dtype = dtype_of(lane);
  const DType stored = call.inputs[0].dtype;
  auto prepared = std::make_unique<ElementwiseKernel>(call.inputs, call.outputs);
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
  prepared->finish();
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
  table.add(OpId::nextafter, Provider::cpu, prepare_nextafter);
}

}  // namespace pydl::cpu
