#include "backends/cpu/planar_conv.h"

#include <cstring>
#include <vector>

#include "backends/cpu/kernel_set.h"
#include "backends/cpu/padded_image.h"

namespace pydl::cpu {

namespace {

using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;
using Sizes = ConvGeometry::Sizes;

constexpr int64_t sum_elements = 16;  // of a vector of partial sums

// What both need: planes of the padded input, and where the elements that one result sums over lie in them, in the
// order (C, K) of the weight.
struct PlanarGeometry {
  PlanarGeometry(const ConvGeometry& g, const exec::BufferSpec& x)
      : conv(g), image(g.input, g.low, g.high, g.in_channels, x, PaddedImage::Order::planar) {
    for (int64_t c = 0; c < g.in_channels; ++c) {
      for (int64_t i = 0; i < g.kernel[0]; ++i) {
        for (int64_t j = 0; j < g.kernel[1]; ++j) {
          for (int64_t k = 0; k < g.kernel[2]; ++k) {
            offsets.push_back(c * image.channel_step() + i * g.dilation[0] * image.step(0) +
                              j * g.dilation[1] * image.step(1) + k * g.dilation[2]);
          }
        }
      }
    }
  }

  int64_t depth() const { return static_cast<int64_t>(offsets.size()); }
  int64_t image_elements() const { return in_whole_vectors(image.elements() + planar_overhang); }
  void clear(float* memory) const { std::memset(memory, 0, static_cast<size_t>(image_elements()) * sizeof(float)); }
  int64_t row_begin(int64_t i, int64_t j) const {
    return i * conv.stride[0] * image.step(0) + j * conv.stride[1] * image.step(1);
  }

  ConvGeometry conv;
  PaddedImage image;
  std::vector<int64_t> offsets;
};

class PlanarConv final : public Kernel {
 public:
  PlanarConv(const KernelCall& call, const ConvGeometry& g)
      : planar_(g, call.inputs[0]),
        has_bias_(call.inputs.size() > 2),
        relu_(call.attrs.is_set("relu") ? kernels().elementwise[static_cast<int>(OpId::relu)][lane_float] : nullptr),
        parts_(image_parts(g)) {
    scratchpad_bytes = static_cast<size_t>(weight_elements() + parts_ * planar_.image_elements()) * sizeof(float);
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const ConvGeometry& g = planar_.conv;
    auto* weight = static_cast<float*>(scratchpad);
    pack(static_cast<const float*>(inputs[1]), weight);
    const float* bias = has_bias_ ? static_cast<const float*>(inputs[2]) : nullptr;
    for_each_part(parts_, g.batch, weight + weight_elements(), planar_.image_elements(),
                  [&](int64_t begin, int64_t end, float* image) {
                    planar_.clear(image);
                    for (int64_t n = begin; n < end; ++n) {
                      planar_.image.copy(static_cast<const float*>(inputs[0]), n, image);
                      convolve(image, weight, bias,
                               static_cast<float*>(outputs[0]) + n * g.output_size() * g.out_channels);
                    }
                  });
  }

 private:
  int64_t weight_elements() const { return in_whole_vectors(planar_.depth() * planar_.conv.out_channels); }

  // (O, C, K) as (C, K, O).
  void pack(const float* weight, float* packed) const {
    const int64_t channels = planar_.conv.out_channels;
    for (int64_t o = 0; o < channels; ++o) {
      for (int64_t d = 0; d < planar_.depth(); ++d) packed[d * channels + o] = weight[o * planar_.depth() + d];
    }
  }

  void convolve(const float* image, const float* weight, const float* bias, float* y) const {
    const ConvGeometry& g = planar_.conv;
    const int64_t row = g.output[2] * g.out_channels;
    for (int64_t i = 0; i < g.output[0]; ++i) {
      for (int64_t j = 0; j < g.output[1]; ++j, y += row) {
        kernels_.row(image + planar_.row_begin(i, j), planar_.offsets.data(), planar_.depth(), weight, g.out_channels,
                     bias, g.output[2], y, g.out_channels);
        const void* source = y;
        if (relu_ != nullptr) relu_(y, &source, row);
      }
    }
  }

  PlanarGeometry planar_;
  bool has_bias_;
  TileKernel relu_;
  int64_t parts_;
  PlanarConvKernels kernels_ = kernels().planar_conv;
};

// The gradient for the weight: each part sums over its images, then the parts are added.
class PlanarConvWeight final : public Kernel {
 public:
  PlanarConvWeight(const KernelCall& call, const ConvGeometry& g)
      : planar_(g, call.inputs[1]),
        row_(in_whole_vectors(g.output[2])),
        plane_(g.output[0] * g.output[1] * row_),
        sums_(planar_.depth() * g.out_channels * sum_elements),
        parts_(image_parts(g)) {
    scratchpad_bytes = static_cast<size_t>(parts_ * part_elements()) * sizeof(float);
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const ConvGeometry& g = planar_.conv;
    auto* memory = static_cast<float*>(scratchpad);
    for_each_part(parts_, g.batch, memory, part_elements(), [&](int64_t begin, int64_t end, float* sums) {
      float* image = sums + sums_;
      float* planes = image + planar_.image_elements();
      std::memset(sums, 0, static_cast<size_t>(sums_) * sizeof(float));
      planar_.clear(image);
      for (int64_t n = begin; n < end; ++n) {
        planar_.image.copy(static_cast<const float*>(inputs[1]), n, image);
        to_planes(static_cast<const float*>(inputs[0]) + n * g.output_size() * g.out_channels, planes);
        add_image(image, planes, sums);
      }
    });
    join(memory, static_cast<float*>(outputs[0]));
  }

 private:
  int64_t part_elements() const { return sums_ + planar_.image_elements() + planar_.conv.out_channels * plane_; }

  void to_planes(const float* g_image, float* planes) const {
    const ConvGeometry& g = planar_.conv;
    for (int64_t row = 0; row < g.output[0] * g.output[1]; ++row) {
      kernels_.to_planes(g_image + row * g.output[2] * g.out_channels, g.out_channels, g.output[2], planes + row * row_,
                         plane_);
    }
  }

  void add_image(const float* image, const float* planes, float* sums) const {
    const ConvGeometry& g = planar_.conv;
    for (int64_t i = 0; i < g.output[0]; ++i) {
      kernels_.weight(image + planar_.row_begin(i, 0), g.stride[1] * planar_.image.step(1), planar_.offsets.data(),
                      planar_.depth(), planes + i * g.output[1] * row_, plane_, row_, g.out_channels, g.output[1],
                      g.output[2], sums);
    }
  }

  // Adds the partial sums of all parts, and brings (C, K, O) into (O, C, K).
  void join(const float* memory, float* weight) const {
    const int64_t channels = planar_.conv.out_channels;
    for (int64_t d = 0; d < planar_.depth(); ++d) {
      for (int64_t o = 0; o < channels; ++o) {
        float total = 0;
        for (int64_t part = 0; part < parts_; ++part) {
          const float* sums = memory + part * part_elements() + (d * channels + o) * sum_elements;
          for (int64_t lane = 0; lane < sum_elements; ++lane) total += sums[lane];
        }
        weight[o * planar_.depth() + d] = total;
      }
    }
  }

  PlanarGeometry planar_;
  int64_t row_;    // elements of a row of a plane of g
  int64_t plane_;  // of a plane
  int64_t sums_;   // of all partial sums
  int64_t parts_;
  PlanarConvKernels kernels_ = kernels().planar_conv;
};

// Vectors of places must be fuller than those of channels.
bool suits_planes(const ConvGeometry& g) {
  const int64_t places = g.output[2];
  return g.stride[2] == 1 && g.out_channels <= planar_channels &&
         places * direct_channels > in_whole_vectors(places) * g.out_channels;
}

}  // namespace

std::unique_ptr<Kernel> prepare_planar_conv(const KernelCall& call) {
  const ConvGeometry g = op::conv_geometry(call);
  if (call.op == OpId::conv_backward_input || !suits_planes(g)) return nullptr;
  if (call.op == OpId::conv_backward_weight) return std::make_unique<PlanarConvWeight>(call, g);
  return std::make_unique<PlanarConv>(call, g);
}

}  // namespace pydl::cpu
