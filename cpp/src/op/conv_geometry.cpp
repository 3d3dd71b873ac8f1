#include "op/conv_geometry.h"

#include <algorithm>

#include "runtime/amx.h"

namespace pydl::op {

namespace {

void read(const Dims& dims, int first_axis, int spatial, ConvGeometry::Sizes& sizes) {
  for (int i = 0; i < spatial; ++i) sizes[static_cast<size_t>(3 - spatial + i)] = dims[first_axis + i];
}

}  // namespace

ConvGeometry ConvGeometry::of(const Attrs& attrs, const Dims& x, const Dims& weight, const Dims& y) {
  ConvGeometry geometry;
  geometry.spatial = x.rank() - 2;
  geometry.batch = x[0];
  geometry.groups = attrs.integer("groups");
  geometry.in_channels = weight[1];
  geometry.out_channels = weight[0] / geometry.groups;
  read(x, 2, geometry.spatial, geometry.input);
  read(weight, 2, geometry.spatial, geometry.kernel);
  read(y, 2, geometry.spatial, geometry.output);
  read(attrs.dims("stride"), 0, geometry.spatial, geometry.stride);
  read(attrs.dims("padding_low"), 0, geometry.spatial, geometry.low);
  read(attrs.dims("padding_high"), 0, geometry.spatial, geometry.high);
  read(attrs.dims("dilation"), 0, geometry.spatial, geometry.dilation);
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

}  // namespace pydl::op
