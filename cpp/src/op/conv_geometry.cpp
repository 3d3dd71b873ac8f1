#include "op/conv_geometry.h"

#include <algorithm>

#include "op/attrs/conv.h"
#include "runtime/amx.h"

namespace pydl::op {

namespace {

void read(const Dims& dims, int first_axis, int spatial, ConvGeometry::Sizes& sizes) {
  for (int i = 0; i < spatial; ++i) sizes[static_cast<size_t>(3 - spatial + i)] = dims[first_axis + i];
}

}  // namespace

ConvGeometry ConvGeometry::of(const Attrs& given, const Dims& x, const Dims& weight, const Dims& y) {
  const auto attrs = from_attrs<ConvAttrs>(given);  // the attributes that all three ops have
  ConvGeometry geometry;
  geometry.spatial = x.rank() - 2;
  geometry.batch = x[0];
  geometry.groups = attrs.groups;
  geometry.in_channels = weight[1];
  geometry.out_channels = weight[0] / geometry.groups;
  read(x, 2, geometry.spatial, geometry.input);
  read(weight, 2, geometry.spatial, geometry.kernel);
  read(y, 2, geometry.spatial, geometry.output);
  read(attrs.stride, 0, geometry.spatial, geometry.stride);
  read(attrs.padding_low, 0, geometry.spatial, geometry.low);
  read(attrs.padding_high, 0, geometry.spatial, geometry.high);
  read(attrs.dilation, 0, geometry.spatial, geometry.dilation);
  return geometry;
}

ConvGeometry conv_geometry(const exec::KernelCall& call) {
  const Dims& first = call.inputs[0].shape;
  const Dims& second = call.inputs[1].shape;
  const Dims& result = call.outputs[0].shape;
  switch (call.op) {
    case OpId::conv_backward_input: return ConvGeometry::of(call.attrs, result, second, first);
    case OpId::conv_backward_weight: return ConvGeometry::of(call.attrs, second, result, first);
    default: return ConvGeometry::of(call.attrs, first, second, result);
  }
}

namespace {

// Kernels that copy a padded image are meant for images that are not mostly padding.
bool is_mostly_padding(const ConvGeometry& g) {
  constexpr double few_elements = 1 << 16;
  double padded = 1;
  double image = 1;
  for (size_t axis = 0; axis < 3; ++axis) {
    image *= static_cast<double>(g.input[axis]);
    padded *= static_cast<double>(g.input[axis] + g.low[axis] + g.high[axis]);
  }
  return padded > few_elements && padded > 16 * image;
}

// In this case vectors hold rows of the kernel, whose elements must be adjacent.
bool has_few_input_channels(const ConvGeometry& g) {
  constexpr int64_t most = 8;
  constexpr int64_t most_weights = 16384;  // these should stay in the L2 cache
  if (g.groups != 1 || g.work() == 0 || g.in_channels > most || g.dilation[2] != 1) return false;
  return g.out_channels * g.in_channels * g.kernel_size() <= most_weights && !is_mostly_padding(g);
}

}  // namespace

bool has_few_channels(const exec::KernelCall& call) {
  constexpr int64_t few = 16;
  constexpr int64_t most_products = 512;  // per result; the weights should stay in the L1 cache
  if (call.outputs[0].dtype != DType::float32) return false;
  const ConvGeometry g = conv_geometry(call);
  if (call.op == OpId::conv_backward_input) return has_few_input_channels(g);
  if (g.groups != 1 || g.work() == 0 || g.in_channels >= few || g.out_channels > few) return false;
  if (is_mostly_padding(g)) return false;
  return g.kernel_size() * g.in_channels <= most_products;
}

std::optional<ProductSizes> pointwise_product(const exec::KernelCall& call) {
  const ConvGeometry g = conv_geometry(call);
  const ConvGeometry::Sizes ones = {1, 1, 1};
  const ConvGeometry::Sizes zeros = {0, 0, 0};
  if (g.kernel != ones || g.stride != ones || g.low != zeros || g.high != zeros || g.groups != 1) return std::nullopt;
  const int64_t positions = g.batch * g.output_size();
  switch (call.op) {
    case OpId::conv_backward_input: return ProductSizes{positions, g.in_channels, g.out_channels};
    case OpId::conv_backward_weight: return ProductSizes{g.out_channels, g.in_channels, positions};
    default: return ProductSizes{positions, g.out_channels, g.in_channels};
  }
}

bool is_tiled_pointwise(const exec::KernelCall& call) {
  if (call.outputs[0].dtype != DType::float32 || is_tall_pointwise_weight(call)) return false;
  const auto product = pointwise_product(call);
  return product && runtime::suits_amx(product->rows, product->columns, product->depth);
}

bool is_tall_pointwise_weight(const exec::KernelCall& call) {
  constexpr int64_t most_channels = 128;
  constexpr int64_t most_weights = 64 * 128;
  constexpr int64_t whole_panels = 32;
  constexpr int64_t positions_per_channel = 16;
  if (call.op != OpId::conv_backward_weight || call.outputs[0].dtype != DType::float32) return false;
  const auto product = pointwise_product(call);
  if (!product || product->columns % whole_panels != 0 || product->depth == 0) return false;
  const int64_t channels = std::max(product->rows, product->columns);
  if (channels == 0 || channels > most_channels || product->rows * product->columns > most_weights) return false;
  return product->depth >= positions_per_channel * channels;
}

bool suits_winograd(const exec::KernelCall& call) {
  constexpr int64_t fewest_channels = 32;
  constexpr int64_t whole_vectors = 16;
  constexpr int64_t fewest_tiles = 32;
  constexpr int64_t tile = 4;
  if (call.outputs[0].dtype != DType::float32) return false;
  const ConvGeometry g = conv_geometry(call);
  const ConvGeometry::Sizes ones = {1, 1, 1};
  const bool square = g.spatial == 2 && g.kernel[1] == 3 && g.kernel[2] == 3;
  if (!square || g.stride != ones || g.dilation != ones || g.groups != 1) return false;
  if (std::max({g.low[1], g.low[2], g.high[1], g.high[2]}) > 2) return false;
  if (g.in_channels % whole_vectors != 0 || g.out_channels % whole_vectors != 0) return false;
  if (g.in_channels < fewest_channels || g.out_channels < fewest_channels) return false;
  const int64_t rows = (g.output[1] + tile - 1) / tile;
  const int64_t columns = (g.output[2] + tile - 1) / tile;
  return g.batch * rows * columns >= fewest_tiles;
}

bool is_tiled_conv(const exec::KernelCall& call) {
  constexpr int64_t worth_gathering = 64;  // how often each gathered or accumulated element must be read
  constexpr int64_t fewest_positions = 512;
  constexpr int64_t fewest_images = 2;                       // if threads share the images
  constexpr int64_t most_image_elements = int64_t{1} << 22;  // every thread has a copy of an image, split
  constexpr int64_t most_weights = int64_t{1} << 24;
  if (call.outputs[0].dtype != DType::float32) return false;
  const ConvGeometry g = conv_geometry(call);
  if (g.groups != 1 || g.work() == 0 || is_mostly_padding(g)) return false;
  if (has_few_channels(call) || suits_winograd(call) || pointwise_product(call)) return false;
  const int64_t positions = g.batch * g.output_size();
  const int64_t columns = g.in_channels * g.kernel_size();
  int64_t image = g.in_channels;
  for (size_t axis = 0; axis < 3; ++axis) image *= g.input[axis] + g.low[axis] + g.high[axis];
  if (image > most_image_elements || columns * g.out_channels > most_weights) return false;
  if (positions < fewest_positions) return false;
  switch (call.op) {
    case OpId::conv_backward_input:
      return g.batch >= fewest_images && g.out_channels >= worth_gathering &&
             runtime::suits_amx(positions, columns, g.out_channels);
    case OpId::conv_backward_weight:
      return runtime::suits_amx(g.out_channels, columns, positions) &&
             g.out_channels * columns >= worth_gathering * (g.out_channels + columns);
    default: return runtime::suits_amx(positions, g.out_channels, columns);
  }
}

}  // namespace pydl::op
