#include "backends/cpu/conv/pointwise_conv.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/kernel_set.h"
#include "op/conv_geometry.h"
#include "op/post_operations.h"
#include "runtime/amx.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

// The sizes of a product of matrices: rows x depth times depth x columns.
struct ProductSizes {
  int64_t rows;
  int64_t columns;
  int64_t depth;
};

// The number of bytes of both operands that stay in the L2 cache while all tiles of the result use them.
constexpr int64_t chunk_bytes = 256 * 1024;
// The sums of parts are added in order, so the partition must not depend on the number of threads.
constexpr int64_t positions_per_part = 1024;
constexpr int64_t most_parts = 16;

// g^T x, for g (positions, O) and x (positions, C): few results, each a sum of very many terms. Threads divide the
// positions, so that each one reads its parts of both operands once, and nothing is packed.
class PointwiseWeight final : public Kernel {
 public:
  explicit PointwiseWeight(const ConvGeometry& g)
      : places_(g.batch * g.output_size()),
        in_(g.in_channels),
        out_(g.out_channels),
        parts_(std::clamp<int64_t>(places_ / positions_per_part, 1, most_parts)),
        chunk_(std::max<int64_t>(chunk_bytes / ((in_ + out_) * static_cast<int64_t>(sizeof(float))), 64)) {
    scratchpad_bytes = static_cast<size_t>(parts_ * in_ * out_) * sizeof(float);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* g = static_cast<const float*>(inputs[0]);
    const auto* x = static_cast<const float*>(inputs[1]);
    auto* sums = static_cast<float*>(context.scratchpad);
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) add_part(g, x, part, sums + part * in_ * out_);
    });
    auto* weight = static_cast<float*>(outputs[0]);
    std::memcpy(weight, sums, static_cast<size_t>(in_ * out_) * sizeof(float));
    for (int64_t part = 1; part < parts_; ++part) {
      for (int64_t i = 0; i < in_ * out_; ++i) weight[i] += sums[part * in_ * out_ + i];
    }
  }

 private:
  void add_part(const float* g, const float* x, int64_t part, float* sums) const {
    const int64_t first = places_ * part / parts_;
    const int64_t end = places_ * (part + 1) / parts_;
    if (first == end) std::memset(sums, 0, static_cast<size_t>(in_ * out_) * sizeof(float));
    for (int64_t position = first; position < end; position += chunk_) {
      gemm_.wide(g + position * out_, out_, x + position * in_, in_, position + 2 * chunk_ <= end, out_, in_,
                 std::min(chunk_, end - position), sums, in_, nullptr, position > first);
    }
  }

  int64_t places_;
  int64_t in_;
  int64_t out_;
  int64_t parts_;
  int64_t chunk_;  // number of positions processed at a time
  GemmKernels gemm_ = kernels().gemm[0];
};

// All three ops as one matrix product.
class PointwiseProduct final : public Kernel {
 public:
  PointwiseProduct(const KernelCall& call, const ProductSizes& sizes)
      : product_(product_of(call, sizes)), has_bias_(call.inputs.size() > 2) {
    scratchpad_bytes = product_.scratchpad_bytes();
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const char* bias = has_bias_ ? static_cast<const char*>(inputs[2]) : nullptr;
    product_.run(static_cast<const char*>(inputs[0]), static_cast<const char*>(inputs[1]),
                 static_cast<char*>(outputs[0]), bias, context.scratchpad);
  }

 private:
  static Gemm product_of(const KernelCall& call, const ProductSizes& sizes) {
    const auto [rows, columns, depth] = sizes;
    const bool by_weight = call.op == OpId::conv;
    const bool for_weight = call.op == OpId::conv_backward_weight;
    const Matrix a = for_weight ? Matrix{rows, depth, 1, rows} : Matrix{rows, depth, depth, 1};
    const Matrix b = by_weight ? Matrix{depth, columns, 1, depth} : Matrix{depth, columns, columns, 1};
    const auto result = op::applies_relu(call.attrs) ? Gemm::Result::rectified : Gemm::Result::overwritten;
    return {a, b, columns, false, runtime::thread_count(), result};
  }

  Gemm product_;
  bool has_bias_;
};

// The matrix product that equals a pointwise call on channels-last activations: x W^T, g W or g^T x. Nothing for other
// calls.
std::optional<ProductSizes> pointwise_product(const KernelCall& call) {
  const ConvGeometry g = op::conv_geometry(call);
  if (!is_pointwise(g)) return std::nullopt;
  const int64_t positions = g.batch * g.output_size();
  switch (call.op) {
    case OpId::conv_backward_input: return ProductSizes{positions, g.in_channels, g.out_channels};
    case OpId::conv_backward_weight: return ProductSizes{g.out_channels, g.in_channels, positions};
    default: return ProductSizes{positions, g.out_channels, g.in_channels};
  }
}

// Whether a call is the gradient for a 1 x 1 weight, in float32, with so few channels and so many positions that
// threads should share the positions.
bool is_tall_pointwise_weight(const KernelCall& call) {
  constexpr int64_t most_channels = 128;
  constexpr int64_t most_weights = 64 * 128;
  constexpr int64_t whole_panels = 32;
  constexpr int64_t positions_per_channel = 16;
  if (call.op != OpId::conv_backward_weight || call.outputs[0].dtype != DType::float32) return false;
  const auto product = pointwise_product(call);
  if (!product || product->columns % whole_panels != 0 || product->depth == 0) return false;
  const int64_t channels = std::max(product->rows, product->columns);
  if (channels == 0 || channels > most_channels || product->rows * product->columns > most_weights) return false;
  return product->depth >= positions_per_channel * channels;
}

// Whether a call in float32 is a product that AMX tiles compute faster (runtime/amx.h).
bool suits_tiles(const KernelCall& call) {
  if (call.outputs[0].dtype != DType::float32) return false;
  const auto product = pointwise_product(call);
  return product && runtime::suits_amx(product->rows, product->columns, product->depth);
}

}  // namespace

bool is_pointwise(const ConvGeometry& g) {
  const ConvGeometry::Sizes ones = {1, 1, 1};
  const ConvGeometry::Sizes zeros = {0, 0, 0};
  return g.kernel == ones && g.stride == ones && g.low == zeros && g.high == zeros && g.groups == 1;
}

std::unique_ptr<Kernel> prepare_pointwise_weight(const KernelCall& call) {
  return is_tall_pointwise_weight(call) ? std::make_unique<PointwiseWeight>(op::conv_geometry(call)) : nullptr;
}

std::unique_ptr<Kernel> prepare_pointwise_tiles(const KernelCall& call) {
  return suits_tiles(call) ? std::make_unique<PointwiseProduct>(call, *pointwise_product(call)) : nullptr;
}

}  // namespace pydl::cpu
