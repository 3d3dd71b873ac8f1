// The sizes and parameters of a convolution, as shape rules and kernels derive them from its attributes and shapes.
#pragma once

#include <array>

#include "exec/kernel.h"

namespace pydl::op {

/// y[n, o, t] = sum over c, k of x[n, c, t stride - low + k dilation] w[o, c, k], with up to 3 spatial axes. Missing
/// axes come first and have size 1.
struct ConvGeometry {
  using Sizes = std::array<int64_t, 3>;

  int spatial = 0;
  int64_t batch = 0;
  int64_t groups = 1;
  int64_t in_channels = 0;   // of one group, like all channel counts here
  int64_t out_channels = 0;  // of one group
  Sizes input = {1, 1, 1};
  Sizes kernel = {1, 1, 1};
  Sizes output = {1, 1, 1};
  Sizes stride = {1, 1, 1};
  Sizes low = {0, 0, 0};
  Sizes high = {0, 0, 0};
  Sizes dilation = {1, 1, 1};

  /// Reads the attributes {stride, padding_low, padding_high, dilation dims, one entry per spatial axis; groups
  /// integer} and the three shapes, which must be consistent.
  static ConvGeometry of(const Attrs& attrs, const Dims& x, const Dims& weight, const Dims& y);

  /// The position along an input axis of element k of the window of output position t; it may be outside the input.
  int64_t position(int axis, int64_t t, int64_t k) const {
    return t * stride[static_cast<size_t>(axis)] - low[static_cast<size_t>(axis)] +
           k * dilation[static_cast<size_t>(axis)];
  }
  int64_t kernel_size() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t input_size() const { return input[0] * input[1] * input[2]; }
  int64_t output_size() const { return output[0] * output[1] * output[2]; }
  /// The number of multiply-adds.
  int64_t work() const { return batch * groups * out_channels * output_size() * in_channels * kernel_size(); }
};

/// The geometry of a call of `conv`, `conv_backward_input` or `conv_backward_weight`.
ConvGeometry conv_geometry(const exec::KernelCall& call);

}  // namespace pydl::op
