// Convolutions as layers call them, with sizes derived from other arguments.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

constexpr int64_t largest_size = int64_t{1} << 60;  // the sum of a few of these fits into int64

// Per-axis options have one number per spatial axis or are omitted.
void require_ranks(const std::string& name, int spatial, std::initializer_list<Dims> options) {
  for (const Dims& numbers : options) {
    if (numbers.empty() || numbers.rank() == spatial) continue;
    throw ValueError(concat_text(name, ": expected ", spatial, " numbers for the spatial axes, got ", numbers));
  }
}

}  // namespace

ConvOptions same_padding(const Dims& kernel, ConvOptions options) try {
  const int spatial = kernel.rank();
  require_ranks("same_padding", spatial, {options.stride, options.dilation});
  options.padding_low = options.padding_high = Dims::filled(spatial, 0);
  for (int i = 0; i < spatial; ++i) {
    if (!options.stride.empty() && options.stride[i] != 1) {
      throw ValueError(concat_text("conv", spatial, "d: padding 'same' has no meaning with stride ", options.stride));
    }
    int64_t total = 0;
    if (__builtin_mul_overflow(options.dilation.empty() ? 1 : options.dilation[i], kernel[i] - 1, &total)) {
      throw ValueError(concat_text("conv", spatial, "d: a kernel of ", kernel, " with dilation ", options.dilation,
                                   " has too many elements for padding 'same'"));
    }
    options.padding_low[i] = total / 2;
    options.padding_high[i] = total - total / 2;
  }
  return options;
} catch (const Error&) {
  core::rethrow_as("same_padding");
}

Tensor conv_transpose(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& options,
                      const Dims& output_padding) try {
  const int spatial = x.rank() - 2;
  const std::string name = concat_text("conv_transpose", spatial, "d");
  if (spatial < 1 || weight.rank() != x.rank()) {
    throw ValueError(concat_text("conv_transpose: expected an input (N, C, S...) and a weight (C, O / groups, K...), ",
                                 "got shapes ", x.shape(), " and ", weight.shape()));
  }
  if (weight.size(0) != x.size(1)) {
    throw ValueError(concat_text(name, ": weight ", weight.shape(), " expects ", weight.size(0),
                                 " input channels, got input of shape ", x.shape()));
  }
  require_ranks(name, spatial,
                {options.stride, options.padding_low, options.padding_high, options.dilation, output_padding});
  const Dims stride = or_filled(options.stride, spatial, 1);
  const Dims low = or_filled(options.padding_low, spatial, 0);
  Dims high = or_filled(options.padding_high, spatial, 0);
  const Dims dilation = or_filled(options.dilation, spatial, 1);
  const Dims extra = or_filled(output_padding, spatial, 0);
  Dims size;    // input size of the convolution whose transpose is computed
  Dims result;  // including output that no element of x reaches
  for (int i = 0; i < spatial; ++i) {
    if (extra[i] < 0 || extra[i] >= std::max(stride[i], dilation[i])) {
      throw ValueError(concat_text(name, ": output_padding ", extra, " must be smaller than stride ", stride,
                                   " or dilation ", dilation));
    }
    // The number of output positions that x and the kernel reach.
    int64_t steps = 0;
    int64_t span = 0;
    int64_t reach = 0;
    const bool overflows = __builtin_mul_overflow(x.size(2 + i) - 1, stride[i], &steps) ||
                           __builtin_mul_overflow(weight.size(2 + i) - 1, dilation[i], &span) ||
                           __builtin_add_overflow(steps, span, &reach) || reach > largest_size ||
                           reach < -largest_size || low[i] > largest_size || low[i] < -largest_size ||
                           high[i] > largest_size || high[i] < -largest_size;
    if (overflows || stride[i] > largest_size || dilation[i] > largest_size) {
      throw ValueError(concat_text(name, ": the output for an input of shape ", x.shape(), " with stride ", stride,
                                   ", padding ", low, " and dilation ", dilation, " has too many elements"));
    }
    reach += 1 - low[i];
    result.push_back(reach - high[i] + extra[i]);
    high[i] = std::max<int64_t>(high[i] - extra[i], 0);
    size.push_back(std::min(result.back(), reach - high[i] + stride[i] - 1));
    if (result.back() <= 0) {
      throw ValueError(concat_text(name, ": an input of shape ", x.shape(), " is too small for kernel ", weight.shape(),
                                   " and padding ", low));
    }
  }
  ConvOptions transposed = options;
  transposed.padding_low = low;
  transposed.padding_high = high;
  Tensor y = conv_backward_input(x, weight, size, transposed);
  if (size != result) {
    Dims shape = {y.size(0), y.size(1)};
    for (const int64_t axis_size : result) shape.push_back(axis_size);
    y = slice_backward(y, shape, Dims::filled(y.rank(), 0), Dims::filled(y.rank(), 1));
  }
  if (!bias.defined()) return y;
  Dims shape = Dims::filled(x.rank(), 1);
  shape[1] = bias.size();
  if (bias.rank() != 1 || bias.size() != y.size(1)) {
    throw ValueError(concat_text(name, ": expected a bias of shape (", y.size(1), ",), got ", bias.shape()));
  }
  return y + reshape(bias, shape);
} catch (const Error&) {
  core::rethrow_as("conv_transpose");
}

}  // namespace pydl::nn
