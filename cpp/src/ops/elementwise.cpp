// Elementwise ops: shape and dtype rules, and public functions. Their derivatives are in elementwise_derivatives.cpp.
#include "op/attrs/elementwise.h"
#include "core/named.h"
#include "op/apply.h"
#include "op/elementwise_kind.h"
#include "ops/elementwise_derivatives.h"
#include "ops/families.h"
#include "pydl/ops.h"
#include "pydl/special.h"

namespace pydl {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

namespace ops {

Dims output_strides(std::span<const BufferSpec> inputs, const Dims& shape) {
  for (const BufferSpec& input : inputs) {
    if (input.shape != shape) continue;
    if (is_contiguous(shape, input.strides)) break;
    Dims order;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] != 1) order.push_back(axis);
    }
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return input.strides[static_cast<int>(a)] > input.strides[static_cast<int>(b)];
    });
    Dims sorted_shape;
    Dims sorted_strides;
    for (const int64_t axis : order) {
      sorted_shape.push_back(shape[static_cast<int>(axis)]);
      sorted_strides.push_back(input.strides[static_cast<int>(axis)]);
    }
    if (is_contiguous(sorted_shape, sorted_strides)) return input.strides;
  }
  return contiguous_strides(shape);
}

namespace {

using Kind = op::ElementwiseKind;

constexpr size_t operand_count(Kind kind) {
  if (kind == Kind::TERNARY_FLOAT) return 3;
  const bool unary =
      kind == Kind::UNARY || kind == Kind::UNARY_FLOAT || kind == Kind::UNARY_TEST || kind == Kind::UNARY_INTEGER;
  return unary ? 1 : 2;
}

BufferSpec broadcast_output(const char* name, std::span<const BufferSpec> inputs, DType dtype) {
  Dims shape = inputs[0].shape;
  for (const BufferSpec& input : inputs.subspan(1)) {
    if (input.shape != shape) shape = broadcast_shapes(name, shape, input.shape);
  }
  return {dtype, shape, output_strides(inputs, shape)};
}

template <OpId id, Kind kind>
void infer_elementwise(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const char* name = op::op_name(id);
  DType dtype = inputs[0].dtype;
  for (const BufferSpec& other : inputs.subspan(1)) require_same_dtype(name, inputs[0], other);
  if constexpr (kind == Kind::UNARY || kind == Kind::BINARY) {
    const bool ordered_only = id == OpId::maximum || id == OpId::minimum;
    if (dtype == DType::boolean && !ordered_only) {
      throw TypeError(concat_text(name, ": bool has no arithmetic; use logical operations (&, |, ^, ~) or astype"));
    }
  } else if constexpr (kind == Kind::UNARY_FLOAT || kind == Kind::BINARY_FLOAT || kind == Kind::TERNARY_FLOAT) {
    require_floating(name, inputs[0]);
  } else if constexpr (kind == Kind::UNARY_INTEGER || kind == Kind::BINARY_INTEGER) {
    if (!is_integer(dtype)) throw TypeError(concat_text(name, ": expected integers or bools, got ", dtype));
  } else if constexpr (kind == Kind::LOGICAL) {
    if (dtype != DType::boolean) throw TypeError(concat_text(name, ": expected bool operands, got ", dtype));
  } else {
    dtype = DType::boolean;
  }
  *output = broadcast_output(name, inputs, dtype);
}

void infer_cast(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  *output = broadcast_output("cast", inputs, op::from_attrs<op::CastAttrs>(attrs).dtype);
}

void infer_copy(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  *output = row_major(inputs[0].dtype, inputs[0].shape);
}

void infer_where(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  if (inputs[0].dtype != DType::boolean) {
    throw TypeError(concat_text("where: expected a bool condition, got ", inputs[0].dtype));
  }
  require_same_dtype("where", inputs[1], inputs[2]);
  *output = broadcast_output("where", inputs, inputs[1].dtype);
}

void infer_clip(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  require_same_dtype("clip", inputs[0], inputs[1]);
  require_same_dtype("clip", inputs[0], inputs[2]);
  if (inputs[0].dtype == DType::boolean) throw TypeError("clip: bool has no arithmetic; use astype");
  *output = broadcast_output("clip", inputs, inputs[0].dtype);
}

int64_t count_flops(const Attrs&, std::span<const BufferSpec>, const BufferSpec& output) {
  return element_count(output.shape);
}

// Adds to a record what all elementwise ops have in common.
op::OpDef record(OpId id, op::OpDef def) {
  const Derivative derivative = elementwise_derivative(id);
  def.backward = derivative.function;
  def.saves_inputs = derivative.saves_inputs;
  def.saves_results = derivative.saves_output ? 1U : 0U;
  def.traits = op::Trait::elementwise | op::Trait::in_place_safe;
  def.flops = count_flops;
  return def;
}

}  // namespace

void define_elementwise(Registry& registry) {
  const std::vector<std::string_view> operands[] = {{}, {"x"}, {"a", "b"}, {"a", "b", "c"}};
  const auto declare_row = [&](OpId id, const char* doc, op::OpDef::InferFunction infer, size_t count) {
    registry.declare(id, record(id, {.doc = doc, .inputs = operands[count], .infer = infer}));
  };
#define PYDL_DEFINE(kind, name, doc, ...) \
  declare_row(OpId::name, doc, infer_elementwise<OpId::name, Kind::kind>, operand_count(Kind::kind));
  PYDL_ELEMENTWISE_TABLE(PYDL_DEFINE)
#undef PYDL_DEFINE
  // A cast from float to integer truncates; a cast to bool is x != 0.
  registry.declare(OpId::cast, record(OpId::cast, {
                                                      .doc = "The same values in another dtype.",
                                                      .inputs = {"x"},
                                                      .attributes = op::fields_of<op::CastAttrs>(),
                                                      .infer = infer_cast,
                                                  }));
  registry.declare(OpId::copy, record(OpId::copy, {
                                                      .doc = "The same values in memory of their own, row-major.",
                                                      .inputs = {"x"},
                                                      .infer = infer_copy,
                                                  }));
  // All inputs are broadcast to the shape of the result.
  registry.declare(OpId::where, record(OpId::where, {
                                                        .doc = "a where the condition holds, else b.",
                                                        .inputs = {"condition", "a", "b"},
                                                        .infer = infer_where,
                                                    }));
  registry.declare(OpId::clip, record(OpId::clip, {
                                                      .doc = "x limited to [low, high].",
                                                      .inputs = {"x", "low", "high"},
                                                      .infer = infer_clip,
                                                  }));
}

}  // namespace ops

namespace {

DType floating_dtype(DType dtype) { return is_floating(dtype) ? dtype : DType::float32; }

Tensor binary(OpId id, const Tensor& a, const Tensor& b, bool floating, bool boolean) try {
  if (a.dtype() == b.dtype() && (!floating || is_floating(a.dtype())) && !boolean) return op::apply(id, {}, {a, b});
  DType dtype = promote(a.dtype(), b.dtype());
  if (floating) dtype = floating_dtype(dtype);
  if (boolean) dtype = DType::boolean;
  return op::apply(id, {}, {astype(a, dtype), astype(b, dtype)});
} catch (const Error&) {
  core::rethrow_as(op::op_name(id));
}

Tensor ternary(OpId id, const Tensor& a, const Tensor& b, const Tensor& c) try {
  const DType dtype = floating_dtype(promote(a.dtype(), promote(b.dtype(), c.dtype())));
  return op::apply(id, {}, {astype(a, dtype), astype(b, dtype), astype(c, dtype)});
} catch (const Error&) {
  core::rethrow_as(op::op_name(id));
}

// Integers and floating-point numbers are converted to a dtype that can hold both, so that their exact values are
// compared.
Tensor compare(OpId id, const Tensor& a, const Tensor& b) {
  DType dtype = promote(a.dtype(), b.dtype());
  if (is_floating(a.dtype()) != is_floating(b.dtype())) {
    const DType integer = is_floating(a.dtype()) ? b.dtype() : a.dtype();
    dtype = promote(dtype, item_size(integer) < sizeof(int32_t) ? DType::float32 : DType::float64);
  }
  return op::apply(id, {}, {astype(a, dtype), astype(b, dtype)});
}

// As in NumPy, the sum of bools is "or" and their product is "and".
Tensor arithmetic(OpId id, const Tensor& a, const Tensor& b) {
  const bool bools = a.dtype() == DType::boolean && b.dtype() == DType::boolean;
  if (bools && id == OpId::add) return logical_or(a, b);
  if (bools && id == OpId::multiply) return logical_and(a, b);
  return binary(id, a, b, false, false);
}

// The logical function that is equivalent for bools.
std::optional<OpId> logical_counterpart(OpId id) {
  switch (id) {
    case OpId::bitwise_and: return OpId::logical_and;
    case OpId::bitwise_or: return OpId::logical_or;
    case OpId::bitwise_xor: return OpId::logical_xor;
    default: return std::nullopt;
  }
}

Tensor bitwise(OpId id, const Tensor& a, const Tensor& b) {
  const bool bools = a.dtype() == DType::boolean && b.dtype() == DType::boolean;
  if (const auto logical = logical_counterpart(id); bools && logical) return op::apply(*logical, {}, {a, b});
  return binary(id, a, b, false, false);
}

Tensor bitwise(OpId id, const Tensor& x) {
  return x.dtype() == DType::boolean ? logical_not(x) : op::apply(id, {}, {x});
}

// These ops leave integers unchanged.
bool rounds(OpId id) { return id == OpId::floor || id == OpId::ceil || id == OpId::round || id == OpId::trunc; }

Tensor unary_float(OpId id, const Tensor& x) try {
  if (is_floating(x.dtype())) return op::apply(id, {}, {x});
  if (rounds(id) && is_integer(x.dtype())) return x;
  return op::apply(id, {}, {astype(x, DType::float32)});
} catch (const Error&) {
  core::rethrow_as(op::op_name(id));
}

}  // namespace

#define PYDL_FUNCTION_UNARY(name) \
  Tensor name(const Tensor& x) { return op::apply(OpId::name, {}, {x}); }
#define PYDL_FUNCTION_UNARY_TEST(name) PYDL_FUNCTION_UNARY(name)
#define PYDL_FUNCTION_UNARY_FLOAT(name) \
  Tensor name(const Tensor& x) { return unary_float(OpId::name, x); }
#define PYDL_FUNCTION_BINARY(name) \
  Tensor name(const Tensor& a, const Tensor& b) { return arithmetic(OpId::name, a, b); }
#define PYDL_FUNCTION_COMPARE(name) \
  Tensor name(const Tensor& a, const Tensor& b) { return compare(OpId::name, a, b); }
#define PYDL_FUNCTION_UNARY_INTEGER(name) \
  Tensor name(const Tensor& x) { return bitwise(OpId::name, x); }
#define PYDL_FUNCTION_BINARY_INTEGER(name) \
  Tensor name(const Tensor& a, const Tensor& b) { return bitwise(OpId::name, a, b); }
#define PYDL_FUNCTION_BINARY_FLOAT(name) \
  Tensor name(const Tensor& a, const Tensor& b) { return binary(OpId::name, a, b, true, false); }
#define PYDL_FUNCTION_LOGICAL(name) \
  Tensor name(const Tensor& a, const Tensor& b) { return binary(OpId::name, a, b, false, true); }
#define PYDL_FUNCTION_TERNARY_FLOAT(name) \
  Tensor name(const Tensor& a, const Tensor& b, const Tensor& c) { return ternary(OpId::name, a, b, c); }
#define PYDL_FUNCTION(kind, name, ...) PYDL_FUNCTION_##kind(name)
PYDL_ELEMENTWISE_TABLE(PYDL_FUNCTION)

Tensor scalar_like(Scalar value, const Tensor& like) try {
  return Tensor::scalar(value, value.dtype_beside(like.dtype()));
} catch (const Error&) {
  core::rethrow_as("scalar_like");
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) try {
  const DType dtype = promote(a.dtype(), b.dtype());
  return op::apply(OpId::where, {}, {condition, astype(a, dtype), astype(b, dtype)});
} catch (const Error&) {
  core::rethrow_as("where");
}

Tensor clip(const Tensor& x, const Tensor& low, const Tensor& high) try {
  const DType dtype = promote(x.dtype(), promote(low.dtype(), high.dtype()));
  return op::apply(OpId::clip, {}, {astype(x, dtype), astype(low, dtype), astype(high, dtype)});
} catch (const Error&) {
  core::rethrow_as("clip");
}

Tensor astype(const Tensor& x, DType dtype) try {
  return x.dtype() == dtype ? x : op::apply(OpId::cast, op::to_attrs(op::CastAttrs{dtype}), {x});
} catch (const Error&) {
  core::rethrow_as("astype");
}

Tensor copy(const Tensor& x) try { return op::apply(OpId::copy, {}, {x}); } catch (const Error&) {
  core::rethrow_as("copy");
}

Tensor contiguous(const Tensor& x) try { return x.is_contiguous() ? x : copy(x); } catch (const Error&) {
  core::rethrow_as("contiguous");
}

}  // namespace pydl
