// Adaptive average pooling, as resampling by areas.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

Tensor adaptive_avg_pool(const Tensor& x, const Dims& size) try {
  const int spatial = x.rank() - 2;
  bool valid = spatial >= 1 && spatial <= 3 && size.rank() == spatial;
  for (const int64_t axis_size : size) valid = valid && axis_size > 0;
  if (!valid) {
    throw ValueError(concat_text("adaptive_avg_pool: expected (N, C, S...) with 1 to 3 spatial axes, and a size of at ",
                                 "least 1 for each, got shape ", x.shape(), " and size ", size));
  }
  if (!is_floating(x.dtype())) {
    throw TypeError(
        concat_text("adaptive_avg_pool: expected a floating-point dtype, got ", x.dtype(), " of shape ", x.shape()));
  }
  std::vector<int64_t> axes;
  bool is_global = true;
  bool is_same = true;
  for (int axis = 2; axis < x.rank(); ++axis) {
    if (x.size(axis) == 0)
      throw ValueError(concat_text("adaptive_avg_pool: shape ", x.shape(), " has nothing to pool"));
    axes.push_back(axis);
    is_global = is_global && size[axis - 2] == 1;
    is_same = is_same && size[axis - 2] == x.size(axis);
  }
  if (is_same) return x;
  if (is_global) return mean(x, axes, true);
  return resample(x, size, {.mode = Resampling::area});
} catch (const Error&) {
  core::rethrow_as("adaptive_avg_pool");
}

}  // namespace pydl::nn
