#include "backends/cpu/conv/direct_conv.h"

#include <cstring>
#include <vector>

#include "backends/cpu/conv/padded_image.h"
#include "backends/cpu/conv/planar_conv.h"
#include "backends/cpu/kernel_set.h"
#include "op/post_operations.h"

namespace pydl::cpu {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;
using Sizes = ConvGeometry::Sizes;

// The inputs of the row kernels: a padded image, the offsets of the elements that one result sums over, and their
// weights. Vectors contain channels of the result, or positions of a row.
class DirectConv final : public Kernel {
 public:
  DirectConv(const KernelCall& call, const ConvGeometry& g)
      : geometry_(g),
        depth_(g.kernel_size() * g.in_channels),
        planar_(suits_planes(g)),
        width_(planar_ ? g.out_channels : direct_channels),
        image_(g.input, g.low, g.high, g.in_channels, call.inputs[0],
               planar_ ? PaddedImage::Order::planar : PaddedImage::Order::channels_last),
        has_bias_(call.inputs.size() > 2),
        relu_(op::applies_relu(call.attrs) ? kernels().elementwise[static_cast<int>(OpId::relu)][lane_float] : nullptr),
        parts_(image_parts(g)) {
    for_each_weight([&](const Sizes& k, int64_t c) {
      offsets_.push_back(k[0] * g.dilation[0] * image_.step(0) + k[1] * g.dilation[1] * image_.step(1) +
                         k[2] * g.dilation[2] * image_.step(2) + c * image_.channel_step());
    });
    scratchpad_bytes = static_cast<size_t>(weight_elements() + parts_ * image_elements()) * sizeof(float);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* weight = static_cast<float*>(context.scratchpad);
    pack(static_cast<const float*>(inputs[1]), weight);
    const float* bias = has_bias_ ? static_cast<const float*>(inputs[2]) : nullptr;
    for_each_part(parts_, geometry_.batch, weight + weight_elements(), image_elements(),
                  [&](int64_t begin, int64_t end, float* image) {
                    std::memset(image, 0, static_cast<size_t>(image_elements()) * sizeof(float));
                    for (int64_t n = begin; n < end; ++n) {
                      image_.copy(static_cast<const float*>(inputs[0]), n, image);
                      convolve(image, weight, bias,
                               static_cast<float*>(outputs[0]) + n * geometry_.output_size() * geometry_.out_channels);
                    }
                  });
  }

 private:
  int64_t weight_elements() const { return in_whole_vectors(depth_ * width_); }
  int64_t image_elements() const { return in_whole_vectors(image_.elements() + planar_overhang); }

  template <class Function>
  void for_each_weight(const Function& function) const {
    for (int64_t i = 0; i < geometry_.kernel[0]; ++i) {
      for (int64_t j = 0; j < geometry_.kernel[1]; ++j) {
        for (int64_t k = 0; k < geometry_.kernel[2]; ++k) {
          for (int64_t c = 0; c < geometry_.in_channels; ++c) function(Sizes{i, j, k}, c);
        }
      }
    }
  }

  // Packs rows of `width_` entries, in the order of the offsets.
  void pack(const float* weight, float* packed) const {
    const ConvGeometry& g = geometry_;
    std::memset(packed, 0, static_cast<size_t>(weight_elements()) * sizeof(float));
    for_each_weight([&](const Sizes& k, int64_t c) {
      const int64_t position = (k[0] * g.kernel[1] + k[1]) * g.kernel[2] + k[2];
      for (int64_t o = 0; o < g.out_channels; ++o) {
        packed[o] = weight[(o * g.in_channels + c) * g.kernel_size() + position];
      }
      packed += width_;
    });
  }

  void convolve(const float* image, const float* weight, const float* bias, float* y) const {
    const Sizes& size = geometry_.output;
    const Sizes& stride = geometry_.stride;
    const int64_t channels = geometry_.out_channels;
    const int64_t row = size[2] * channels;
    for (int64_t i = 0; i < size[0]; ++i) {
      for (int64_t j = 0; j < size[1]; ++j) {
        float* to = y + (i * size[1] + j) * row;
        const float* from = image + i * stride[0] * image_.step(0) + j * stride[1] * image_.step(1);
        if (planar_) {
          kernels().planar_conv.row(from, offsets_.data(), depth_, weight, channels, bias, size[2], to, channels);
        } else {
          kernels().direct_conv.row(from, stride[2] * image_.step(2), offsets_.data(), depth_, weight, channels, bias,
                                    size[2], to, channels);
        }
        const void* source = to;
        if (relu_ != nullptr) relu_(to, &source, row);
      }
    }
  }

  ConvGeometry geometry_;
  int64_t depth_;  // number of elements that one result sums over
  bool planar_;    // vectors contain positions
  int64_t width_;  // of a row of the packed weight
  PaddedImage image_;
  bool has_bias_;
  TileKernel relu_;
  int64_t parts_;
  std::vector<int64_t> offsets_;
};

// The gradient for the weight: each part sums over its images, then the parts are added.
class DirectConvWeight final : public Kernel {
 public:
  DirectConvWeight(const KernelCall& call, const ConvGeometry& g)
      : geometry_(g),
        image_(g.input, g.low, g.high, g.in_channels, call.inputs[1]),
        sum_elements_(g.kernel_size() * g.in_channels * direct_channels),
        parts_(image_parts(g)) {
    scratchpad_bytes = static_cast<size_t>(parts_ * part_elements()) * sizeof(float);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvGeometry& g = geometry_;
    auto* memory = static_cast<float*>(context.scratchpad);
    for_each_part(parts_, g.batch, memory, part_elements(), [&](int64_t begin, int64_t end, float* sums) {
      float* image = sums + sum_elements_;
      std::memset(sums, 0, static_cast<size_t>(sum_elements_) * sizeof(float));
      image_.clear(image);
      for (int64_t n = begin; n < end; ++n) {
        image_.copy(static_cast<const float*>(inputs[1]), n, image);
        add_image(image, static_cast<const float*>(inputs[0]) + n * g.output_size() * g.out_channels, sums);
      }
    });
    unpack(memory, static_cast<float*>(outputs[0]));
  }

 private:
  int64_t part_elements() const { return sum_elements_ + in_whole_vectors(image_.elements()); }

  // Kernel elements that are adjacent in the image are rows of one product.
  void add_image(const float* image, const float* g_image, float* sums) const {
    const ConvGeometry& g = geometry_;
    const bool whole_rows = g.dilation[2] == 1;
    const int64_t runs = whole_rows ? 1 : g.kernel[2];
    const int64_t rows = whole_rows ? g.kernel[2] * g.in_channels : g.in_channels;
    for (int64_t i = 0; i < g.kernel[0]; ++i) {
      for (int64_t j = 0; j < g.kernel[1]; ++j) {
        for (int64_t k = 0; k < runs; ++k, sums += rows * direct_channels) {
          add_rows(image + i * g.dilation[0] * image_.step(0) + j * g.dilation[1] * image_.step(1) +
                       k * g.dilation[2] * image_.step(2),
                   g_image, rows, sums);
        }
      }
    }
  }

  void add_rows(const float* image, const float* g_image, int64_t rows, float* sums) const {
    const ConvGeometry& g = geometry_;
    for (int64_t i = 0; i < g.output[0]; ++i) {
      for (int64_t j = 0; j < g.output[1]; ++j) {
        kernels_.weight(image + i * g.stride[0] * image_.step(0) + j * g.stride[1] * image_.step(1),
                        g.stride[2] * image_.step(2), g_image + (i * g.output[1] + j) * g.output[2] * g.out_channels,
                        g.out_channels, g.out_channels, g.output[2], rows, sums);
      }
    }
  }

  // Adds the parts and permutes (K, C, O) to (O, C, K).
  void unpack(const float* sums, float* weight) const {
    const ConvGeometry& g = geometry_;
    const int64_t size = g.kernel_size();
    for (int64_t position = 0; position < size; ++position) {
      for (int64_t c = 0; c < g.in_channels; ++c) {
        const float* from = sums + (position * g.in_channels + c) * direct_channels;
        for (int64_t o = 0; o < g.out_channels; ++o) {
          float total = 0;
          for (int64_t part = 0; part < parts_; ++part) total += from[part * part_elements() + o];
          weight[(o * g.in_channels + c) * size + position] = total;
        }
      }
    }
  }

  ConvGeometry geometry_;
  PaddedImage image_;
  int64_t sum_elements_;
  int64_t parts_;
  DirectConvKernels kernels_ = kernels().direct_conv;
};

// The gradient for the input: each position of g adds the weighted rows of the kernel to a padded image. The elements
// of such a row are adjacent in the image, so vectors are full although there are few channels.
class DirectConvInput final : public Kernel {
 public:
  DirectConvInput(const KernelCall& call, const ConvGeometry& g)
      : geometry_(g),
        image_(g.input, g.low, g.high, g.in_channels, call.outputs[0]),
        row_blocks_(in_whole_vectors(g.kernel[2] * g.in_channels) / direct_channels),
        parts_(image_parts(g)) {
    for (int64_t i = 0; i < g.kernel[0]; ++i) {
      for (int64_t j = 0; j < g.kernel[1]; ++j) {
        for (int64_t b = 0; b < row_blocks_; ++b) {
          offsets_.push_back(i * g.dilation[0] * image_.step(0) + j * g.dilation[1] * image_.step(1) +
                             b * direct_channels);
          for (int64_t lane = 0; lane < direct_channels; ++lane) {
            used_.push_back(b * direct_channels + lane < g.kernel[2] * g.in_channels ? 1.0F : 0.0F);
          }
        }
      }
    }
    scratchpad_bytes = static_cast<size_t>(weight_elements() + parts_ * part_elements()) * sizeof(float);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvGeometry& g = geometry_;
    auto* weight = static_cast<float*>(context.scratchpad);
    pack(static_cast<const float*>(inputs[1]), weight);
    for_each_part(
        parts_, g.batch, weight + weight_elements(), part_elements(), [&](int64_t begin, int64_t end, float* image) {
          for (int64_t n = begin; n < end; ++n) {
            image_.clear(image);
            spread(static_cast<const float*>(inputs[0]) + n * g.output_size() * g.out_channels, weight, image);
            image_.cut_out(image, n, static_cast<float*>(outputs[0]));
          }
        });
  }

 private:
  // The last piece of a row is a whole vector, which may extend beyond the end of the image.
  int64_t part_elements() const { return in_whole_vectors(image_.elements()) + direct_channels; }
  int64_t blocks() const { return static_cast<int64_t>(offsets_.size()); }
  int64_t weight_elements() const { return geometry_.out_channels * blocks() * direct_channels; }

  // Packs (O, C, K) as (O, rows of the kernel, columns and channels), with zeros after each row.
  void pack(const float* weight, float* packed) const {
    const ConvGeometry& g = geometry_;
    std::memset(packed, 0, static_cast<size_t>(weight_elements()) * sizeof(float));
    const int64_t rows = g.kernel[0] * g.kernel[1];
    for (int64_t o = 0; o < g.out_channels; ++o) {
      for (int64_t row = 0; row < rows; ++row, packed += row_blocks_ * direct_channels) {
        for (int64_t k = 0; k < g.kernel[2]; ++k) {
          for (int64_t c = 0; c < g.in_channels; ++c) {
            packed[k * g.in_channels + c] = weight[(o * g.in_channels + c) * g.kernel_size() + row * g.kernel[2] + k];
          }
        }
      }
    }
  }

  void spread(const float* g_image, const float* weight, float* image) const {
    const ConvGeometry& g = geometry_;
    for (int64_t i = 0; i < g.output[0]; ++i) {
      for (int64_t j = 0; j < g.output[1]; ++j) {
        kernels_.spread(g_image + (i * g.output[1] + j) * g.output[2] * g.out_channels, g.out_channels, g.out_channels,
                        weight, used_.data(), offsets_.data(), blocks(), g.output[2],
                        image + i * g.stride[0] * image_.step(0) + j * g.stride[1] * image_.step(1),
                        g.stride[2] * image_.step(2));
      }
    }
  }

  ConvGeometry geometry_;
  PaddedImage image_;
  int64_t row_blocks_;
  int64_t parts_;
  DirectConvKernels kernels_ = kernels().direct_conv;
  std::vector<int64_t> offsets_;
  std::vector<float> used_;  // 1 for each element of a row of the kernel, 0 for those that fill up its last vector
};

// In this case vectors hold rows of the kernel, whose elements must be adjacent.
bool has_few_input_channels(const ConvGeometry& g) {
  constexpr int64_t most = 8;
  constexpr int64_t most_weights = 16384;  // these should stay in the L2 cache
  if (g.groups != 1 || g.work() == 0 || g.in_channels > most || g.dilation[2] != 1) return false;
  return g.out_channels * g.in_channels * g.kernel_size() <= most_weights && !is_mostly_padding(g);
}

// Whether both sides of a `conv` or `conv_backward_weight`, or the input of a `conv_backward_input`, have so few
// channels, in float32, that vectors of channels would be mostly empty in general kernels.
bool has_few_channels(const KernelCall& call) {
  constexpr int64_t few = 16;
  constexpr int64_t most_products = 512;  // per result; the weights should stay in the L1 cache
  if (call.outputs[0].dtype != DType::float32) return false;
  const ConvGeometry g = op::conv_geometry(call);
  if (call.op == OpId::conv_backward_input) return has_few_input_channels(g);
  if (g.groups != 1 || g.work() == 0 || g.in_channels >= few || g.out_channels > few) return false;
  if (is_mostly_padding(g)) return false;
  return g.kernel_size() * g.in_channels <= most_products;
}

}  // namespace

std::unique_ptr<Kernel> prepare_direct_conv(const KernelCall& call) {
  if (!has_few_channels(call)) return nullptr;
  const ConvGeometry g = op::conv_geometry(call);
  if (call.op == OpId::conv_backward_input) return std::make_unique<DirectConvInput>(call, g);
  if (call.op == OpId::conv) return std::make_unique<DirectConv>(call, g);
  if (suits_planes(g)) return prepare_planar_weight(call);
  return std::make_unique<DirectConvWeight>(call, g);
}

}  // namespace pydl::cpu
