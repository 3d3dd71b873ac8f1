// Windows of images as columns, and their transpose.
#include <array>

#include "core/named.h"
#include "pydl/manipulation.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

// The options with one number per spatial axis.
struct Window {
  Dims kernel;
  Dims dilation;
  Dims padding;
  Dims stride;

  Window(const Dims& kernel_in, const WindowOptions& options)
      : kernel(kernel_in),
        dilation(or_filled(options.dilation, 2, 1)),
        padding(or_filled(options.padding, 2, 0)),
        stride(or_filled(options.stride, 2, 1)) {
    for (const Dims* each : {&kernel, &dilation, &padding, &stride}) {
      if (each->rank() != 2) throw ValueError(concat_text("expected a number for each of 2 axes, got ", *each));
      for (const int64_t number : *each) {
        if (number >= (each == &padding ? 0 : 1) && number < int64_t{1} << 31) continue;
        throw ValueError(concat_text("kernel ", kernel, ", dilation ", dilation, ", padding ", padding, " or stride ",
                                     stride, " is out of range; padding is at least 0, and the others at least 1"));
      }
    }
  }

  // The number of windows along one axis of that size.
  int64_t count(int axis, int64_t size) const {
    const int64_t room = size + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1;
    if (room < 0) {
      throw ValueError(concat_text("kernel ", kernel, " with dilation ", dilation, " and padding ", padding,
                                   " does not fit ", size, " elements"));
    }
    return room / stride[axis] + 1;
  }

  // Where each element of each window is, along one axis: (windows, kernel).
  Tensor positions(int axis, int64_t windows) const {
    const Tensor start = arange(0, windows * stride[axis], stride[axis], DType::int64);
    const Tensor step = arange(0, kernel[axis] * dilation[axis], dilation[axis], DType::int64);
    return add(expand_dims(start, 1), step);
  }
};

// The sum of windows (N, C, KH, KW, H', W') where they are in an image of that size: the elements at each position of
// the kernel are a strided image, which is a pass over contiguous memory.
Tensor sum_of_places(const Tensor& windows, const Window& window, const Dims& size) {
  const Dims shape = {windows.size(0), windows.size(1), size[0], size[1]};
  const Dims steps = {1, 1, window.stride[0], window.stride[1]};
  Tensor total;
  for (int64_t i = 0; i < window.kernel[0]; ++i) {
    for (int64_t j = 0; j < window.kernel[1]; ++j) {
      const Tensor position = select(select(windows, 2, i), 2, j);
      const Dims starts = {0, 0, i * window.dilation[0], j * window.dilation[1]};
      const Tensor image = slice_backward(position, shape, starts, steps);
      total = total.defined() ? add(total, image) : image;
    }
  }
  return total;
}

// The same in one pass per axis: for large kernels, and for windows that overlap little.
Tensor sum_of_windows(const Tensor& windows, const Window& window, const Dims& size) {
  const Tensor moved = permute_dims(windows, {0, 1, 4, 2, 5, 3});
  const Tensor rows = take_backward(moved, window.positions(1, windows.size(5)), 4, size[1]);
  return take_backward(rows, window.positions(0, windows.size(4)), 2, size[0]);
}

}  // namespace

Tensor unfold(const Tensor& x, const Dims& kernel, const WindowOptions& options) try {
  if (x.rank() != 3 && x.rank() != 4) {
    throw ValueError(concat_text("unfold: expected (N, C, H, W) or (C, H, W), got shape ", x.shape()));
  }
  if (x.rank() == 3) return squeeze(unfold(expand_dims(x, 0), kernel, options), {0});
  const Window window(kernel, options);
  window.count(0, x.size(2));
  window.count(1, x.size(3));
  const Dims& margin = window.padding;
  const Tensor padded = margin == Dims{0, 0} ? x : pad(x, {margin[1], margin[1], margin[0], margin[0]});
  const Tensor rows = pydl::unfold(padded, 2, window.kernel[0], window.stride[0], window.dilation[0]);
  const Tensor windows = pydl::unfold(rows, 3, window.kernel[1], window.stride[1], window.dilation[1]);
  const Tensor columns = permute_dims(windows, {0, 1, 4, 5, 2, 3});
  const Dims& shape = columns.shape();
  return reshape(columns, {shape[0], shape[1] * shape[2] * shape[3], shape[4] * shape[5]});
} catch (const Error&) {
  core::rethrow_as("unfold");
}

Tensor fold(const Tensor& columns, const Dims& size, const Dims& kernel, const WindowOptions& options) try {
  if (columns.rank() != 2 && columns.rank() != 3) {
    throw ValueError(concat_text("fold: expected (N, C * kernel elements, windows) or the same without N, got shape ",
                                 columns.shape()));
  }
  if (columns.rank() == 2) return squeeze(fold(expand_dims(columns, 0), size, kernel, options), {0});
  const Window window(kernel, options);
  if (size.rank() != 2 || size[0] < 0 || size[1] < 0 || size[0] >= int64_t{1} << 31 || size[1] >= int64_t{1} << 31) {
    throw ValueError(concat_text("fold: expected two spatial sizes, got ", size));
  }
  const int64_t height = window.count(0, size[0]);
  const int64_t width = window.count(1, size[1]);
  const int64_t area = kernel[0] * kernel[1];
  if (columns.size(1) % area != 0 || columns.size(2) != height * width) {
    throw ValueError(concat_text("fold: expected shape (N, C * ", area, ", ", height * width, ") for kernel ", kernel,
                                 " and spatial sizes ", size, ", got ", columns.shape()));
  }
  const Dims& margin = window.padding;
  const Dims padded_size = {size[0] + 2 * margin[0], size[1] + 2 * margin[1]};
  const Dims apart = {columns.size(0), columns.size(1) / area, kernel[0], kernel[1], height, width};
  const Tensor windows = reshape(columns, apart);
  const bool is_dense = area <= 64 && window.stride[0] * window.stride[1] <= 4;
  const Tensor padded =
      is_dense ? sum_of_places(windows, window, padded_size) : sum_of_windows(windows, window, padded_size);
  return margin == Dims{0, 0} ? padded : pad(padded, {-margin[1], -margin[1], -margin[0], -margin[0]});
} catch (const Error&) {
  core::rethrow_as("fold");
}

}  // namespace pydl::nn
