#include "op/op_def.h"
#include "ops/families.h"

namespace pydl {

namespace ops {

void define(Registry& registry, op::OpId id, op::OpDef::InferFunction infer, op::OpDef::BackwardFunction backward,
            uint32_t saves_inputs, bool saves_output, uint32_t traits) {
  op::OpDef& def = registry[id];
  def.infer = infer;
  def.backward = backward;
  def.saves_inputs = saves_inputs;
  def.saves_output = saves_output;
  def.traits |= traits;
  if (backward != nullptr) def.traits |= static_cast<uint32_t>(op::Trait::differentiable);
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

int axis_attr(const char* op, const op::Attrs& attrs, int rank) {
  const int64_t axis = attrs.integer("axis");
  if (axis < 0 || axis >= rank) throw IndexError(concat_text(op, ": axis ", axis, " is outside rank ", rank));
  return static_cast<int>(axis);
}

void require_sizes(const char* op, const Dims& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0) throw ValueError(concat_text(op, ": a shape has no negative sizes, got ", shape));
    // The other axes count beside one of size 0 too: strides are products of them.
    if (__builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count)) {
      throw ValueError(concat_text(op, ": shape ", shape, " has too many elements"));
    }
  }
}

namespace {

Registry build_registry() {
  Registry registry;
  size_t index = 0;
#define PYDL_DEFINE(kind, op_name, doc_text, ...) \
  registry.all()[index].id = op::OpId::op_name;   \
  registry.all()[index].name = #op_name;          \
  registry.all()[index++].doc = doc_text;
  PYDL_ELEMENTWISE_TABLE(PYDL_DEFINE)
#undef PYDL_DEFINE
#define PYDL_DEFINE(op_name, doc_text)          \
  registry.all()[index].id = op::OpId::op_name; \
  registry.all()[index].name = #op_name;        \
  registry.all()[index++].doc = doc_text;
  PYDL_STRUCTURAL_TABLE(PYDL_DEFINE)
#undef PYDL_DEFINE
  define_create(registry);
  define_elementwise(registry);
  define_view(registry);
  define_index(registry);
  define_segment(registry);
  define_reduce(registry);
  define_matmul(registry);
  define_conv(registry);
  define_pool(registry);
  define_softmax(registry);
  define_loss(registry);
  define_ctc(registry);
  define_norm(registry);
  define_recurrent(registry);
  define_resample(registry);
  define_random(registry);
  define_update(registry);
  define_attributes(registry);
  return registry;
}

Registry& registry() {
  static Registry instance = build_registry();
  return instance;
}

}  // namespace

}  // namespace ops

namespace op {

const OpDef& op_def(OpId id) { return ops::registry()[id]; }
std::span<const OpDef> all_ops() { return ops::registry().all(); }
const char* op_name(OpId op) { return op_def(op).name; }

void check_input_count(const OpDef& def, size_t count) {
  if (count >= def.inputs.least && count <= def.inputs.most) return;
  const char* bound = def.inputs.least == def.inputs.most ? "" : (count < def.inputs.least ? "at least " : "at most ");
  const size_t expected = count < def.inputs.least ? def.inputs.least : def.inputs.most;
  throw TypeError(
      concat_text(def.name, ": expected ", bound, expected, expected == 1 ? " input" : " inputs", ", got ", count));
}

}  // namespace op

}  // namespace pydl
