// What shape rules of tensors (N, C, S...) share: spatial axes, attributes with one number per spatial axis, and
// layouts.
#pragma once

#include <string_view>

#include "op/op_def.h"

namespace pydl::ops {

inline constexpr int max_spatial = 3;

/// The part S... of a shape.
Dims spatial_part(const Dims& shape);
/// The shape (first, second, S...).
Dims with_spatial(int64_t first, int64_t second, const Dims& sizes);

/// Throws an error with the op's name unless the attribute has one number per spatial axis, each at least `least` and
/// below 2^31.
void require_per_axis(std::string_view op, const Dims& dims, const char* attr, int spatial, int64_t least);

/// An output that is channels-last if that is the only layout that describes `like`, and row-major otherwise.
op::BufferSpec laid_out_as(const op::BufferSpec& like, DType dtype, const Dims& shape);

}  // namespace pydl::ops
