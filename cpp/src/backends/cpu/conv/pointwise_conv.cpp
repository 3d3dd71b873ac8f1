#include "backends/cpu/conv/pointwise_conv.h"

#include <algorithm>
#include <cstring>

#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/kernel_set.h"
#include "op/conv_geometry.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;

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

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const auto* g = static_cast<const float*>(inputs[0]);
    const auto* x = static_cast<const float*>(inputs[1]);
    auto* sums = static_cast<float*>(scratchpad);
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
  PointwiseProduct(const KernelCall& call, const op::ProductSizes& sizes)
      : product_(product_of(call, sizes)), has_bias_(call.inputs.size() > 2) {
    scratchpad_bytes = product_.scratchpad_bytes();
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const char* bias = has_bias_ ? static_cast<const char*>(inputs[2]) : nullptr;
    product_.run(static_cast<const char*>(inputs[0]), static_cast<const char*>(inputs[1]),
                 static_cast<char*>(outputs[0]), bias, scratchpad);
  }

 private:
  static Gemm product_of(const KernelCall& call, const op::ProductSizes& sizes) {
    const auto [rows, columns, depth] = sizes;
    const bool by_weight = call.op == op::OpId::conv;
    const bool for_weight = call.op == op::OpId::conv_backward_weight;
    const Matrix a = for_weight ? Matrix{rows, depth, 1, rows} : Matrix{rows, depth, depth, 1};
    const Matrix b = by_weight ? Matrix{depth, columns, 1, depth} : Matrix{depth, columns, columns, 1};
    const auto result = call.attrs.is_set("relu") ? Gemm::Result::rectified : Gemm::Result::overwritten;
    return {a, b, columns, false, runtime::thread_count(), result};
  }

  Gemm product_;
  bool has_bias_;
};

}  // namespace

std::unique_ptr<Kernel> prepare_pointwise(const KernelCall& call) {
  if (op::is_tiled_pointwise(call)) return std::make_unique<PointwiseProduct>(call, *op::pointwise_product(call));
  if (op::is_tall_pointwise_weight(call)) return std::make_unique<PointwiseWeight>(op::conv_geometry(call));
  return nullptr;
}

}  // namespace pydl::cpu
