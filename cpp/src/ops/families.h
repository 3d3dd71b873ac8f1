// The declarations of all ops: each file of this folder with a function `define_<family>` declares those of a family.
#pragma once

#include "op/declared_ops.h"
#include "op/op_def.h"

namespace pydl::ops {

/// The records by id, being filled.
class Registry {
 public:
  /// Takes the record of an op. The ops that there are are found by this call: in a file of a family it is written
  /// `registry.declare(OpId::name, ...`.
  void declare(op::OpId id, op::OpDef def);
  std::span<const op::OpDef> all() const { return defs_; }

 private:
  op::OpDef defs_[static_cast<size_t>(op::OpId::count)];
};

#define PYDL_DECLARE(family) void define_##family(Registry& registry);
PYDL_OP_FAMILIES(PYDL_DECLARE)
#undef PYDL_DECLARE

/// A trait as a member of `OpDef::traits`.
constexpr uint32_t flag(op::Trait trait) { return static_cast<uint32_t>(trait); }

/// Fails with the op's name unless `spec` is floating point.
void require_floating(const char* op, const op::BufferSpec& spec);
/// Fails with the op's name unless both have one dtype.
void require_same_dtype(const char* op, const op::BufferSpec& a, const op::BufferSpec& b);

/// Counts the attribute `axis` from the front of the first input.
void canonical_axis(op::Attrs& attrs, std::vector<Tensor>& inputs);
/// The attribute `axis`; fails with the op's name unless it is one of `rank` axes.
int axis_attr(const char* op, const op::Attrs& attrs, int rank);

/// Fails with the op's name for negative sizes, and more elements than can be counted.
void require_sizes(const char* op, const Dims& shape);

/// Strides of an output of inputs that are broadcast to its shape: those of the first input that fills it densely, so
/// that a permuted layout (channels-last) goes through; row-major otherwise.
Dims output_strides(std::span<const op::BufferSpec> inputs, const Dims& shape);

/// A row-major output.
inline op::BufferSpec row_major(DType dtype, const Dims& shape) { return {dtype, shape, contiguous_strides(shape)}; }

}  // namespace pydl::ops
