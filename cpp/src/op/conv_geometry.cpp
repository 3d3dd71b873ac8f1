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

}  // namespace pydl::op
