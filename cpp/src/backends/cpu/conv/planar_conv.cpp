#include "backends/cpu/conv/planar_conv.h"

#include <cstring>
#include <vector>

#include "backends/cpu/conv/padded_image.h"
#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

namespace {

using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;

constexpr int64_t sum_elements = 16;  // size of a vector of partial sums

// The gradient for the weight: each part sums over its images, then the parts are added.
class PlanarConvWeight final : public Kernel {
 public:
  PlanarConvWeight(const KernelCall& call, const ConvGeometry& g)
      : geometry_(g),
        image_(g.input, g.low, g.high, g.in_channels, call.inputs[1], PaddedImage::Order::planar),
        depth_(g.kernel_size() * g.in_channels),
        row_(in_whole_vectors(g.output[2])),
        plane_(g.output[0] * g.output[1] * row_),
        sums_(depth_ * g.out_channels * sum_elements),
        parts_(image_parts(g)) {
    for (int64_t c = 0; c < g.in_channels; ++c) {
      for (int64_t i = 0; i < g.kernel[0]; ++i) {
        for (int64_t j = 0; j < g.kernel[1]; ++j) {
          for (int64_t k = 0; k < g.kernel[2]; ++k) {
            offsets_.push_back(c * image_.channel_step() + i * g.dilation[0] * image_.step(0) +
                               j * g.dilation[1] * image_.step(1) + k * g.dilation[2]);
          }
        }
      }
    }
    scratchpad_bytes = static_cast<size_t>(parts_ * part_elements()) * sizeof(float);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvGeometry& g = geometry_;
    auto* memory = static_cast<float*>(context.scratchpad);
    for_each_part(parts_, g.batch, memory, part_elements(), [&](int64_t begin, int64_t end, float* sums) {
      float* image = sums + sums_;
      float* planes = image + image_elements();
      std::memset(sums, 0, static_cast<size_t>(sums_) * sizeof(float));
      std::memset(image, 0, static_cast<size_t>(image_elements()) * sizeof(float));
      for (int64_t n = begin; n < end; ++n) {
        image_.copy(static_cast<const float*>(inputs[1]), n, image);
        to_planes(static_cast<const float*>(inputs[0]) + n * g.output_size() * g.out_channels, planes);
        add_image(image, planes, sums);
      }
    });
    join(memory, static_cast<float*>(outputs[0]));
  }

 private:
  int64_t image_elements() const { return in_whole_vectors(image_.elements() + planar_overhang); }
  int64_t part_elements() const { return sums_ + image_elements() + geometry_.out_channels * plane_; }

  void to_planes(const float* g_image, float* planes) const {
    const ConvGeometry& g = geometry_;
    for (int64_t row = 0; row < g.output[0] * g.output[1]; ++row) {
      kernels_.to_planes(g_image + row * g.output[2] * g.out_channels, g.out_channels, g.output[2], planes + row * row_,
                         plane_);
    }
  }

  void add_image(const float* image, const float* planes, float* sums) const {
    const ConvGeometry& g = geometry_;
    for (int64_t i = 0; i < g.output[0]; ++i) {
      kernels_.weight(image + i * g.stride[0] * image_.step(0), g.stride[1] * image_.step(1), offsets_.data(), depth_,
                      planes + i * g.output[1] * row_, plane_, row_, g.out_channels, g.output[1], g.output[2], sums);
    }
  }

  // Adds the partial sums of all parts and permutes (C, K, O) to (O, C, K).
  void join(const float* memory, float* weight) const {
    const int64_t channels = geometry_.out_channels;
    for (int64_t d = 0; d < depth_; ++d) {
      for (int64_t o = 0; o < channels; ++o) {
        float total = 0;
        for (int64_t part = 0; part < parts_; ++part) {
          const float* sums = memory + part * part_elements() + (d * channels + o) * sum_elements;
          for (int64_t lane = 0; lane < sum_elements; ++lane) total += sums[lane];
        }
        weight[o * depth_ + d] = total;
      }
    }
  }

  ConvGeometry geometry_;
  PaddedImage image_;  // in planes
  int64_t depth_;      // number of elements that one result sums over
  int64_t row_;        // elements of a row of a plane of g
  int64_t plane_;      // of a plane
  int64_t sums_;       // of all partial sums
  int64_t parts_;
  PlanarConvKernels kernels_ = kernels().planar_conv;
  std::vector<int64_t> offsets_;  // of the elements (C, K)
};

}  // namespace

bool suits_planes(const ConvGeometry& g) {
  const int64_t positions = g.output[2];
  return g.stride[2] == 1 && g.out_channels <= planar_channels &&
         positions * direct_channels > in_whole_vectors(positions) * g.out_channels;
}

std::unique_ptr<Kernel> prepare_planar_weight(const KernelCall& call) {
  return std::make_unique<PlanarConvWeight>(call, op::conv_geometry(call));
}

}  // namespace pydl::cpu
