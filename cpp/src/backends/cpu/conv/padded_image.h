// Images padded with zeros, as direct convolutions read them, and how threads share images.
#pragma once

#include <algorithm>
#include <cstring>

#include "exec/kernel.h"
#include "op/conv_geometry.h"
#include "runtime/threads.h"

namespace pydl::cpu {

/// Rounds up a number of elements to whole vectors of the widest kind.
inline int64_t in_whole_vectors(int64_t count) { return (count + 15) / 16 * 16; }

/// Whether an image is mostly padding. Kernels that copy a padded image are not meant for these.
inline bool is_mostly_padding(const op::ConvGeometry& g) {
  constexpr double few_elements = 1 << 16;
  double padded = 1;
  double image = 1;
  for (size_t axis = 0; axis < 3; ++axis) {
    image *= static_cast<double>(g.input[axis]);
    padded *= static_cast<double>(g.input[axis] + g.low[axis] + g.high[axis]);
  }
  return padded > few_elements && padded > 16 * image;
}

/// An image padded with zeros: channels-last, or planar with one plane per channel.
class PaddedImage {
 public:
  using Sizes = op::ConvGeometry::Sizes;
  enum class Order { channels_last, planar };

  /// An image of `size`, with `low` and `high` zeros before and after each axis, copied from images with the layout of
  /// `from`.
  PaddedImage(const Sizes& size, const Sizes& low, const Sizes& high, int64_t channels, const exec::BufferSpec& from,
              Order order = Order::channels_last)
      : size_(size), low_(low), channels_(channels), image_stride_(from.strides[0]), channel_stride_(from.strides[1]) {
    Sizes padded = {};
    for (size_t axis = 0; axis < 3; ++axis) padded[axis] = size[axis] + low[axis] + high[axis];
    const bool planar = order == Order::planar;
    const int64_t unit = planar ? 1 : channels;
    steps_ = {padded[1] * padded[2] * unit, padded[2] * unit, unit};
    elements_ = padded[0] * padded[1] * padded[2] * channels;
    channel_step_ = planar ? padded[0] * padded[1] * padded[2] : 1;
    const int spatial = from.shape.rank() - 2;
    for (int i = 0; i < spatial; ++i) strides_[static_cast<size_t>(3 - spatial + i)] = from.strides[2 + i];
  }

  int64_t elements() const { return elements_; }
  int64_t step(size_t axis) const { return steps_[axis]; }
  int64_t channel_step() const { return channel_step_; }

  /// Sets everything to zero. Later copies leave the padding unchanged.
  void clear(float* to) const { std::memset(to, 0, static_cast<size_t>(elements_) * sizeof(float)); }

  void copy(const float* x, int64_t n, float* to) const {
    for (int64_t i = 0; i < size_[0]; ++i) {
      for (int64_t j = 0; j < size_[1]; ++j) {
        copy_row(x + n * image_stride_ + i * strides_[0] + j * strides_[1],
                 to + (low_[0] + i) * steps_[0] + (low_[1] + j) * steps_[1] + low_[2] * steps_[2]);
      }
    }
  }

  /// Copies the image back without the padding; both are channels-last.
  void cut_out(const float* from, int64_t n, float* y) const {
    const int64_t row = size_[2] * channels_;
    for (int64_t i = 0; i < size_[0]; ++i) {
      for (int64_t j = 0; j < size_[1]; ++j) {
        std::memcpy(y + ((n * size_[0] + i) * size_[1] + j) * row,
                    from + (low_[0] + i) * steps_[0] + (low_[1] + j) * steps_[1] + low_[2] * channels_,
                    static_cast<size_t>(row) * sizeof(float));
      }
    }
  }

 private:
  void copy_row(const float* from, float* row) const {
    const bool whole_pixels = (channel_stride_ == channel_step_ || channels_ == 1) && strides_[2] == steps_[2];
    if (whole_pixels && steps_[2] == channels_) {
      std::memcpy(row, from, static_cast<size_t>(size_[2] * channels_) * sizeof(float));
      return;
    }
    for (int64_t c = 0; c < channels_; ++c) {
      const float* x = from + c * channel_stride_;
      float* y = row + c * channel_step_;
      for (int64_t k = 0; k < size_[2]; ++k) y[k * steps_[2]] = x[k * strides_[2]];
    }
  }

  Sizes size_;
  Sizes low_;
  Sizes steps_ = {};
  Sizes strides_ = {0, 0, 0};
  int64_t elements_;
  int64_t channels_;
  int64_t channel_step_;
  int64_t image_stride_;
  int64_t channel_stride_;
};

/// The number of parts into which it pays to divide the images of a batch. Gradients of weights are sums over parts, so
/// it does not depend on the number of threads.
inline int64_t image_parts(const op::ConvGeometry& g) {
  constexpr int64_t work_per_part = 64 * 1024;
  constexpr int64_t most_parts = 16;
  return std::clamp<int64_t>(std::min(g.batch, g.work() / work_per_part), 1, most_parts);
}

/// Calls `function(begin, end, memory)` for the images of each part. Each part has its own memory of `elements` floats.
template <class Function>
void for_each_part(int64_t parts, int64_t batch, float* memory, int64_t elements, const Function& function) {
  runtime::parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      function(part * batch / parts, (part + 1) * batch / parts, memory + part * elements);
    }
  });
}

}  // namespace pydl::cpu
