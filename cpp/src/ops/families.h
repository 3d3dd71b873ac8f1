// Declares all ops: each file of this folder with a function `define_<family>` declares the ops of one family.
#pragma once

#include "op/attr_struct.h"
#include "op/declared_ops.h"
#include "op/op_def.h"

namespace pydl::ops {

/// Collects the records, by id.
class Registry {
 public:
  /// Registers the record of an op. The list of ops is found by searching for this call, so a file of a family must
  /// write it as `registry.declare(OpId::name, ...`.
  void declare(op::OpId id, op::OpDef def);
  std::span<const op::OpDef> all() const { return defs_; }

 private:
  op::OpDef defs_[static_cast<size_t>(op::OpId::count)];
};

#define PYDL_DECLARE(family) void define_##family(Registry& registry);
PYDL_OP_FAMILIES(PYDL_DECLARE)
#undef PYDL_DECLARE

/// A trait as a bit of `OpDef::traits`.
constexpr uint32_t flag(op::Trait trait) { return static_cast<uint32_t>(trait); }

/// Throws an error with the op's name unless `spec` is floating point.
void require_floating(const char* op, const op::BufferSpec& spec);
/// Throws an error with the op's name unless both have the same dtype.
void require_same_dtype(const char* op, const op::BufferSpec& a, const op::BufferSpec& b);

/// Converts the attribute `axis`, a field of the struct, to count from the front of the first input.
template <class Struct>
void canonical_axis(op::Attrs& attrs, std::vector<Tensor>& inputs) {
  const int64_t axis = op::from_attrs<Struct>(attrs).axis;
  op::set_field(attrs, &Struct::axis, normalize_axis("axis", axis, inputs[0].rank()));
}
/// Returns the axis; throws an error with the op's name unless it is one of `rank` axes.
int require_axis(const char* op, int64_t axis, int rank);

/// Throws an error with the op's name if sizes are negative or there are more elements than can be counted.
void require_sizes(const char* op, const Dims& shape);

/// Strides of an output to whose shape the inputs are broadcast: those of the first input that fills it densely, so
/// that a permuted layout (channels-last) is preserved; otherwise row-major.
Dims output_strides(std::span<const op::BufferSpec> inputs, const Dims& shape);

/// A row-major output.
inline op::BufferSpec row_major(DType dtype, const Dims& shape) { return {dtype, shape, contiguous_strides(shape)}; }

}  // namespace pydl::ops
