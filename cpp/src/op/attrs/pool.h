// Attributes of pooling over 1 to 3 spatial axes; the lists have one entry per spatial axis.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct PoolAttrs {
  Dims kernel;
  Dims stride;
  Dims padding;
  Dims dilation;
  Dims size;  ///< the spatial sizes of the result
  bool adaptive = false;
  static constexpr size_t required = 6;
  PYDL_ATTRS(kernel, stride, padding, dilation, size, adaptive)
};

/// The divisor of a window's sum: a number, or 0 for the number of elements inside the input, or -1 for the number
/// inside the padded input.
struct AvgPoolAttrs {
  Dims kernel;
  Dims stride;
  Dims padding;
  Dims dilation;
  Dims size;  ///< the spatial sizes of the result
  bool adaptive = false;
  int64_t divisor = 0;
  std::optional<Dims> input;  ///< the spatial sizes of the input, if the call is a derivative of the backward op
  static constexpr size_t required = 6;
  PYDL_ATTRS(kernel, stride, padding, dilation, size, adaptive, divisor, input)
};

struct AvgPoolBackwardAttrs {
  Dims kernel;
  Dims stride;
  Dims padding;
  Dims dilation;
  Dims size;  ///< the spatial sizes of the result
  bool adaptive = false;
  int64_t divisor = 0;
  Dims input;  ///< the spatial sizes of the input
  static constexpr size_t required = 8;
  PYDL_ATTRS(kernel, stride, padding, dilation, size, adaptive, divisor, input)
};

}  // namespace pydl::op
