// Attributes of convolutions over 1 to 3 spatial axes; the lists have one entry per spatial axis.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct ConvAttrs {
  Dims stride;
  Dims padding_low;
  Dims padding_high;
  Dims dilation;
  int64_t groups = 1;
  static constexpr size_t required = 4;
  PYDL_ATTRS(stride, padding_low, padding_high, dilation, groups)
};

struct ConvBackwardInputAttrs {
  Dims stride;
  Dims padding_low;
  Dims padding_high;
  Dims dilation;
  int64_t groups = 1;
  Dims size;  ///< the spatial sizes of the input
  static constexpr size_t required = 6;
  PYDL_ATTRS(stride, padding_low, padding_high, dilation, groups, size)
};

struct ConvBackwardWeightAttrs {
  Dims stride;
  Dims padding_low;
  Dims padding_high;
  Dims dilation;
  int64_t groups = 1;
  Dims kernel;  ///< the spatial sizes of the weight
  static constexpr size_t required = 6;
  PYDL_ATTRS(stride, padding_low, padding_high, dilation, groups, kernel)
};

}  // namespace pydl::op
