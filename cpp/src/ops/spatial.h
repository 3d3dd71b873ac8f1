// What shape rules of tensors (N, C, S...) share: spatial axes, numbers given for each of them, and layouts.
#pragma once

#include <string_view>

#include "op/op_def.h"

namespace pydl::ops {

inline constexpr int max_spatial = 3;

/// S...
Dims spatial_part(const Dims& shape);
/// (first, second, S...)
Dims with_spatial(int64_t first, int64_t second, const Dims& sizes);

/// Fails with the op's name unless the attribute has one number of at least `least`, and below 2^31, for each spatial
/// axis.
void require_per_axis(std::string_view op, const op::Attrs& attrs, const char* attr, int spatial, int64_t least);

/// An output that lies channels-last where only that describes `like`, row-major elsewhere.
op::BufferSpec laid_out_as(const op::BufferSpec& like, DType dtype, const Dims& shape);

}  // namespace pydl::ops
