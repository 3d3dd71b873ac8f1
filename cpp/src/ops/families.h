// One function per op family: each writes the records of its ops into the registry.
#pragma once

#include "op/op_def.h"

namespace pydl::ops {

/// The records by id, being filled; names and docs are there already.
class Registry {
 public:
  op::OpDef& operator[](op::OpId id) { return defs_[static_cast<size_t>(id)]; }
  std::span<op::OpDef> all() { return defs_; }

 private:
  op::OpDef defs_[static_cast<size_t>(op::OpId::count)];
};

void define_create(Registry& registry);
void define_elementwise(Registry& registry);
void define_view(Registry& registry);
void define_index(Registry& registry);
void define_segment(Registry& registry);
void define_reduce(Registry& registry);
void define_matmul(Registry& registry);
void define_conv(Registry& registry);
void define_pool(Registry& registry);
void define_softmax(Registry& registry);
void define_loss(Registry& registry);
void define_ctc(Registry& registry);
void define_norm(Registry& registry);
void define_recurrent(Registry& registry);
void define_resample(Registry& registry);
void define_random(Registry& registry);
void define_update(Registry& registry);
/// The attributes of all of them.
void define_attributes(Registry& registry);

/// Shorthand for the record of an op that gives new memory.
void define(Registry& registry, op::OpId id, op::OpDef::InferFunction infer,
            op::OpDef::BackwardFunction backward = nullptr, uint32_t saves_inputs = 0, bool saves_output = false,
            uint32_t traits = 0);

/// Fails with the op's name unless `spec` is floating point.
void require_floating(const char* op, const op::BufferSpec& spec);
/// Fails with the op's name unless both have one dtype.
void require_same_dtype(const char* op, const op::BufferSpec& a, const op::BufferSpec& b);

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
