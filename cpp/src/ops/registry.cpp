#include "op/op_def.h"
#include "ops/families.h"

namespace pydl {

namespace ops {

namespace {

constexpr const char* names[] = {
#define PYDL_NAME(kind, name, ...) #name,
    PYDL_ELEMENTWISE_TABLE(PYDL_NAME)
#undef PYDL_NAME
#define PYDL_NAME(name) #name,
        PYDL_DECLARED_OPS(PYDL_NAME)
#undef PYDL_NAME
};

op::InputCount count_inputs(const std::vector<std::string_view>& inputs) {
  op::InputCount count = {0, inputs.size()};
  for (const std::string_view input : inputs) {
    if (!input.ends_with('?')) ++count.least;
    if (input.ends_with("...")) count.most = op::any_number;
  }
  return count;
}

}  // namespace

void Registry::declare(op::OpId id, op::OpDef def) {
  def.id = id;
  def.name = names[static_cast<size_t>(id)];
  def.input_count = count_inputs(def.inputs);
  if (def.backward != nullptr) def.traits |= flag(op::Trait::differentiable);
  defs_[static_cast<size_t>(id)] = std::move(def);
}

void require_floating(const char* op, const op::BufferSpec& spec) {
  if (!is_floating(spec.dtype)) {
    throw TypeError(concat_text(op, ": expected a floating-point dtype, got ", spec.dtype, " of shape ", spec.shape));
  }
}

void require_same_dtype(const char* op, const op::BufferSpec& a, const op::BufferSpec& b) {
  if (a.dtype != b.dtype) {
    throw TypeError(concat_text(op, ": expected operands of one dtype, got ", a.dtype, " and ", b.dtype));
  }
}

int require_axis(const char* op, int64_t axis, int rank) {
  if (axis < 0 || axis >= rank) throw IndexError(concat_text(op, ": axis ", axis, " is outside rank ", rank));
  return static_cast<int>(axis);
}

void require_sizes(const char* op, const Dims& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0) throw ValueError(concat_text(op, ": a shape has no negative sizes, got ", shape));
    // The other axes count even if one has size 0, because strides are products of them.
    if (__builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count)) {
      throw ValueError(concat_text(op, ": shape ", shape, " has too many elements"));
    }
  }
}

namespace {

Registry build_registry() {
  Registry registry;
#define PYDL_DEFINE(family) define_##family(registry);
  PYDL_OP_FAMILIES(PYDL_DEFINE)
#undef PYDL_DEFINE
  return registry;
}

const Registry& registry() {
  // Never destroyed, because threads may still be computing while the process exits.
  static const auto* const instance = new Registry(build_registry());
  return *instance;
}

}  // namespace

}  // namespace ops

namespace op {

const OpDef& op_def(OpId id) { return ops::registry().all()[static_cast<size_t>(id)]; }
std::span<const OpDef> all_ops() { return ops::registry().all(); }
const char* op_name(OpId op) { return op_def(op).name; }

void check_input_count(const OpDef& def, size_t count) {
  if (count >= def.input_count.least && count <= def.input_count.most) return;
  const char* bound =
      def.input_count.least == def.input_count.most ? "" : (count < def.input_count.least ? "at least " : "at most ");
  const size_t expected = count < def.input_count.least ? def.input_count.least : def.input_count.most;
  throw TypeError(
      concat_text(def.name, ": expected ", bound, expected, expected == 1 ? " input" : " inputs", ", got ", count));
}

}  // namespace op

}  // namespace pydl
