#include "ops/spatial.h"

#include <algorithm>
#include <limits>

#include "ops/families.h"

namespace pydl::ops {

Dims spatial_part(const Dims& shape) {
  return Dims(std::span(shape.begin() + 2, static_cast<size_t>(shape.rank() - 2)));
}

Dims with_spatial(int64_t first, int64_t second, const Dims& sizes) {
  Dims shape = {first, second};
  for (const int64_t size : sizes) shape.push_back(size);
  return shape;
}

void require_per_axis(std::string_view op, const Dims& dims, const char* attr, int spatial, int64_t least) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  const auto is_valid = [least](int64_t value) { return value >= least && value <= most; };
  if (dims.rank() == spatial && std::all_of(dims.begin(), dims.end(), is_valid)) return;
  const bool too_large = std::any_of(dims.begin(), dims.end(), [](int64_t value) { return value > most; });
  throw ValueError(concat_text(op, ": expected ", spatial, " numbers of at least ", least,
                               too_large ? concat_text(" and at most ", most) : "", " as ", attr, ", got ", dims));
}

op::BufferSpec laid_out_as(const op::BufferSpec& like, DType dtype, const Dims& shape) {
  const bool row_major_too = is_contiguous(like.shape, like.strides);
  if (row_major_too || !is_channels_last(like.shape, like.strides)) return row_major(dtype, shape);
  return {dtype, shape, channels_last_strides(shape)};
}

}  // namespace pydl::ops
