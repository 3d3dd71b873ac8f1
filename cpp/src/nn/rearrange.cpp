// Rearranges pixels and channels by reshapes around a permutation.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

// Small enough that products of sizes and factors fit into 64 bits.
constexpr int64_t largest_factor = 1 << 15;

void require_images(const char* name, const Tensor& x, const char* what, int64_t number) {
  if (x.rank() < 3) throw ValueError(concat_text(name, ": expected shape (..., C, H, W), got ", x.shape()));
  if (number < 1 || number > largest_factor) {
    throw ValueError(
        concat_text(name, ": expected ", what, " of at least 1 and at most ", largest_factor, ", got ", number));
  }
}

// The product of all axes before channels, height and width.
int64_t leading_size(const Tensor& x) {
  int64_t size = 1;
  for (int axis = 0; axis < x.rank() - 3; ++axis) size *= x.shape()[axis];
  return size;
}

Dims with_image(const Tensor& x, int64_t channels, int64_t height, int64_t width) {
  Dims shape = x.shape();
  shape[x.rank() - 3] = channels;
  shape[x.rank() - 2] = height;
  shape[x.rank() - 1] = width;
  return shape;
}

}  // namespace

Tensor pixel_shuffle(const Tensor& x, int64_t factor) try {
  require_images("pixel_shuffle", x, "upscale_factor", factor);
  const int64_t channels = x.size(-3) / (factor * factor);
  if (channels * factor * factor != x.size(-3)) {
    throw ValueError(concat_text("pixel_shuffle: ", x.size(-3), " channels of shape ", x.shape(),
                                 " cannot be divided by upscale_factor squared, ", factor * factor));
  }
  const int64_t height = x.size(-2);
  const int64_t width = x.size(-1);
  const Tensor squares = reshape(x, {leading_size(x), channels, factor, factor, height, width});
  const std::vector<int64_t> order = {0, 1, 4, 2, 5, 3};
  return reshape(permute_dims(squares, order), with_image(x, channels, height * factor, width * factor));
} catch (const Error&) {
  core::rethrow_as("pixel_shuffle");
}

Tensor pixel_unshuffle(const Tensor& x, int64_t factor) try {
  require_images("pixel_unshuffle", x, "downscale_factor", factor);
  const int64_t channels = x.size(-3);
  const int64_t height = x.size(-2) / factor;
  const int64_t width = x.size(-1) / factor;
  if (height * factor != x.size(-2) || width * factor != x.size(-1)) {
    throw ValueError(concat_text("pixel_unshuffle: height and width of shape ", x.shape(),
                                 " cannot be divided by downscale_factor ", factor));
  }
  const Tensor squares = reshape(x, {leading_size(x), channels, height, factor, width, factor});
  const std::vector<int64_t> order = {0, 1, 3, 5, 2, 4};
  return reshape(permute_dims(squares, order), with_image(x, channels * factor * factor, height, width));
} catch (const Error&) {
  core::rethrow_as("pixel_unshuffle");
}

Tensor channel_shuffle(const Tensor& x, int64_t groups) try {
  if (x.rank() < 3) throw ValueError(concat_text("channel_shuffle: expected shape (N, C, ...), got ", x.shape()));
  if (groups < 1 || x.size(1) % groups != 0) {
    throw ValueError(concat_text("channel_shuffle: ", x.size(1), " channels of shape ", x.shape(),
                                 " cannot be divided into ", groups, " groups"));
  }
  // The spatial axes are not merged, so a channels-last layout of x is preserved up to the copy.
  Dims split = x.shape();
  split[1] = groups;
  split.insert(2, x.size(1) / groups);
  std::vector<int64_t> order = {0, 2, 1};
  for (int axis = 3; axis < split.rank(); ++axis) order.push_back(axis);
  return reshape(permute_dims(reshape(x, split), order), x.shape());
} catch (const Error&) {
  core::rethrow_as("channel_shuffle");
}

}  // namespace pydl::nn
