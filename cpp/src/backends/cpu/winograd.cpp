#include "backends/cpu/winograd.h"

#include <algorithm>
#include <vector>

#include "backends/cpu/kernel_set.h"
#include "backends/cpu/product.h"
#include "op/conv_geometry.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

constexpr int64_t tile = 4;  // rows and columns of results
constexpr int64_t frequencies = winograd_frequencies;
// What a thread works on should stay in its L2 cache: the frequencies of some tiles, and those of the weight where they
// are few. Else threads share frequencies, for tiles whose frequencies stay in the caches of all.
constexpr int64_t part_bytes = 1 << 20;
constexpr int64_t most_weight_bytes = 3 << 20;
constexpr int64_t shared_bytes = 8 << 20;
// Channels for which the products of a weight's gradient are not packed.
constexpr int64_t most_unpacked = 128;
// Rows of A that are packed at a time.
constexpr int64_t block_rows = 168;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t rounded(int64_t count) { return (count + 15) / 16 * 16; }

// Threads share the frequencies: calls `function(f, part)`, parts one after the other each, so that a part needs memory
// for one product only.
template <class Function>
void for_each_frequency(const Function& function) {
  const int64_t parts = std::min<int64_t>(runtime::thread_count(), frequencies);
  runtime::parallel_for(parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      for (int64_t f = frequencies * part / parts; f < frequencies * (part + 1) / parts; ++f) function(f, part);
    }
  });
}

// How results are cut into tiles, and what they read.
struct Tiling {
  Tiling(int64_t images, int64_t result_rows, int64_t result_columns, int64_t source_rows, int64_t source_columns,
         int64_t row_padding, int64_t column_padding)
      : rows(result_rows),
        columns(result_columns),
        from_rows(source_rows),
        from_columns(source_columns),
        low_row(row_padding),
        low_column(column_padding),
        down(ceil_div(rows, tile)),
        across(ceil_div(columns, tile)),
        count(images * down * across) {}

  struct Position {
    int64_t image;
    int64_t row;
    int64_t column;
  };
  Position position(int64_t t) const { return {t / (down * across), t / across % down * tile, t % across * tile}; }

  int64_t rows, columns;            // of the result
  int64_t from_rows, from_columns;  // of the source
  int64_t low_row, low_column;      // zeros before the source
  int64_t down, across;             // tiles of an image
  int64_t count;                    // tiles of all images
};

// Frequencies of tiles [begin, end) of the source: from[f][tile][channel], `step` apart.
void transform_source(const Tiling& g, const float* x, int64_t channels, int64_t begin, int64_t end, float* to,
                      int64_t step) {
  const Plane plane = {g.from_columns * channels, channels};
  for (int64_t t = begin; t < end; ++t, to += channels) {
    const auto [image, row, column] = g.position(t);
    const int64_t i = row - g.low_row;
    const int64_t j = column - g.low_column;
    const float* corner = x + ((image * g.from_rows + i) * g.from_columns + j) * channels;
    const int64_t top = std::clamp<int64_t>(-i, 0, 6);
    const int64_t left = std::clamp<int64_t>(-j, 0, 6);
    kernels().winograd.input(corner, plane, top, std::clamp<int64_t>(g.from_rows - i, top, 6), left,
                             std::clamp<int64_t>(g.from_columns - j, left, 6), channels, to, step);
  }
}

// Calls `function(t, first element, rows, columns)` for tiles [begin, end) of the result.
template <class Function>
void for_each_result(const Tiling& g, int64_t channels, int64_t begin, int64_t end, const Function& function) {
  for (int64_t t = begin; t < end; ++t) {
    const auto [image, row, column] = g.position(t);
    function(t - begin, ((image * g.rows + row) * g.columns + column) * channels, std::min(tile, g.rows - row),
             std::min(tile, g.columns - column));
  }
}

// `conv`, and `conv_backward_input`, which is one of the gradient and the kernels turned by half a turn.
class WinogradConv final : public Kernel {
 public:
  WinogradConv(const KernelCall& call, const ConvGeometry& g)
      : backward_(call.op == OpId::conv_backward_input),
        tiling_(backward_
                    ? Tiling(g.batch, g.input[1], g.input[2], g.output[1], g.output[2], 2 - g.low[1], 2 - g.low[2])
                    : Tiling(g.batch, g.output[1], g.output[2], g.input[1], g.input[2], g.low[1], g.low[2])),
        depth_(backward_ ? g.out_channels : g.in_channels),
        columns_(backward_ ? g.in_channels : g.out_channels),
        has_bias_(call.inputs.size() > 2),
        relu_(call.attrs.is_set("relu")) {
    weight_step_ = ceil_div(columns_, gemm_.panel_columns) * gemm_.panel_columns * depth_;
    by_tiles_ = frequencies * weight_step_ * 4 <= most_weight_bytes;
    const int64_t tile_bytes = frequencies * (depth_ + columns_) * 4;
    const auto threads = static_cast<int64_t>(runtime::thread_count());
    parts_ = by_tiles_ ? std::min(threads, tiling_.count) : 1;
    const int64_t part = ceil_div(tiling_.count, parts_);
    const int64_t most = std::max<int64_t>((by_tiles_ ? part_bytes : shared_bytes) / tile_bytes, 14);
    chunk_ = ceil_div(part, ceil_div(part, most));
    source_step_ = chunk_ * depth_;
    result_step_ = chunk_ * columns_;
    packing_ = rounded(std::min(chunk_, block_rows) * depth_ + 16);  // packing writes part of a vector too far
    part_elements_ = frequencies * (source_step_ + result_step_);
    scratchpad_bytes =
        static_cast<size_t>(frequencies * weight_step_ + parts_ * part_elements_ + threads * packing_) * 4;
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const auto* x = static_cast<const float*>(inputs[0]);
    const float* bias = has_bias_ ? static_cast<const float*>(inputs[2]) : nullptr;
    auto* y = static_cast<float*>(outputs[0]);
    auto* weight = static_cast<float*>(scratchpad);
    pack_weight(static_cast<const float*>(inputs[1]), weight);
    float* memory = weight + frequencies * weight_step_;
    float* packings = memory + parts_ * part_elements_;
    if (!by_tiles_) return run_by_frequencies(x, bias, weight, y, memory, packings);
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        float* source = memory + part * part_elements_;
        float* result = source + frequencies * source_step_;
        const int64_t stop = (part + 1) * tiling_.count / parts_;
        for (int64_t t = part * tiling_.count / parts_; t < stop; t += chunk_) {
          const int64_t tiles = std::min(chunk_, stop - t);
          transform_source(tiling_, x, depth_, t, t + tiles, source, source_step_);
          for (int64_t f = 0; f < frequencies; ++f)
            multiply(f, tiles, source, weight, result, packings + part * packing_);
          transform_result(result, t, t, t + tiles, bias, y);
        }
      }
    });
  }

 private:
  void run_by_frequencies(const float* x, const float* bias, const float* weight, float* y, float* source,
                          float* packings) const {
    float* result = source + frequencies * source_step_;
    for (int64_t t = 0; t < tiling_.count; t += chunk_) {
      const int64_t tiles = std::min(chunk_, tiling_.count - t);
      runtime::parallel_for(tiles, 1, [&](int64_t begin, int64_t end) {
        transform_source(tiling_, x, depth_, t + begin, t + end, source + begin * depth_, source_step_);
      });
      for_each_frequency(
          [&](int64_t f, int64_t part) { multiply(f, tiles, source, weight, result, packings + part * packing_); });
      runtime::parallel_for(
          tiles, 1, [&](int64_t begin, int64_t end) { transform_result(result, t, t + begin, t + end, bias, y); });
    }
  }

  void pack_weight(const float* w, float* packed) const {
    const int64_t depth_stride = 9 * (backward_ ? columns_ : 1);
    const int64_t column_stride = 9 * (backward_ ? 1 : depth_);
    const int64_t panels = ceil_div(columns_, gemm_.panel_columns);
    runtime::parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * gemm_.panel_columns;
      kernels().winograd.weight(w + first * column_stride, depth_stride, column_stride, backward_, depth_,
                                std::min(end * gemm_.panel_columns, columns_) - first, packed + first * depth_,
                                weight_step_);
    });
  }

  void multiply(int64_t f, int64_t tiles, const float* source, const float* weight, float* result,
                float* packed) const {
    for (int64_t row = 0; row < tiles; row += block_rows) {
      const int64_t rows = std::min(block_rows, tiles - row);
      gemm_.pack_a(source + f * source_step_ + row * depth_, depth_, 1, rows, depth_, packed);
      gemm_.multiply(packed, weight + f * weight_step_, rows, columns_, depth_,
                     result + f * result_step_ + row * columns_, columns_, nullptr, false);
    }
  }

  // `result` holds the tiles from `first` on.
  void transform_result(const float* result, int64_t first, int64_t begin, int64_t end, const float* bias,
                        float* y) const {
    const Plane plane = {tiling_.columns * columns_, columns_};
    result += (begin - first) * columns_;
    for_each_result(tiling_, columns_, begin, end, [&](int64_t t, int64_t offset, int64_t rows, int64_t columns) {
      kernels().winograd.output(result + t * columns_, result_step_, columns_, bias, relu_, y + offset, plane, rows,
                                columns);
    });
  }

  bool backward_;
  Tiling tiling_;
  int64_t depth_;    // channels of the source
  int64_t columns_;  // channels of the result
  bool has_bias_;
  bool relu_;
  GemmKernels gemm_ = kernels().gemm[0];
  bool by_tiles_;        // threads share tiles; else frequencies
  int64_t parts_;        // of the tiles
  int64_t chunk_;        // tiles at a time
  int64_t weight_step_;  // between frequencies, as below
  int64_t source_step_;
  int64_t result_step_;
  int64_t part_elements_;
  int64_t packing_;  // elements of a packed block
};

// The gradient for the weight: products of the frequencies of inputs and gradients, summed over tiles.
class WinogradWeight final : public Kernel {
 public:
  explicit WinogradWeight(const ConvGeometry& g)
      : tiling_(g.batch, g.output[1], g.output[2], g.input[1], g.input[2], g.low[1], g.low[2]),
        in_(g.in_channels),
        out_(g.out_channels),
        chunk_(chunk_of(tiling_.count, frequencies * (in_ + out_) * 4)) {
    // What few channels pack would not be read often enough.
    const bool unpacked = std::max(in_, out_) <= most_unpacked && in_ % gemm_.panel_columns == 0;
    if (!unpacked) {
      const int64_t last = tiling_.count - (ceil_div(tiling_.count, chunk_) - 1) * chunk_;
      products_ = {product_of(chunk_, Product::Result::overwritten), product_of(chunk_, Product::Result::added),
                   product_of(last, Product::Result::added)};
    }
    for (const Product& product : products_) {
      const auto elements = static_cast<int64_t>(product.scratchpad_bytes() / sizeof(float));
      product_elements_ = std::max(product_elements_, rounded(elements + 1));
    }
    scratchpad_bytes = static_cast<size_t>(frequencies * (chunk_ * (in_ + out_) + in_ * out_) +
                                           runtime::thread_count() * product_elements_) *
                       4;
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const auto* g = static_cast<const float*>(inputs[0]);
    const auto* x = static_cast<const float*>(inputs[1]);
    auto* source = static_cast<float*>(scratchpad);
    float* gradient = source + frequencies * chunk_ * in_;
    float* sums = gradient + frequencies * chunk_ * out_;
    float* memory = sums + frequencies * in_ * out_;
    for (int64_t t = 0; t < tiling_.count; t += chunk_) {
      const int64_t tiles = std::min(chunk_, tiling_.count - t);
      runtime::parallel_for(tiles, 1, [&](int64_t begin, int64_t end) {
        transform_source(tiling_, x, in_, t + begin, t + end, source + begin * in_, chunk_ * in_);
        transform_gradient(g, t + begin, t + end, gradient + begin * out_);
      });
      for_each_frequency([&](int64_t f, int64_t part) {
        const float* a = gradient + f * chunk_ * out_;
        const float* b = source + f * chunk_ * in_;
        float* c = sums + f * in_ * out_;
        if (products_.empty()) {
          gemm_.outer(a, out_, b, in_, out_, in_, tiles, c, in_, t > 0);
          return;
        }
        const size_t which = t == 0 ? 0 : (t + chunk_ < tiling_.count ? 1 : 2);
        products_[which].run(reinterpret_cast<const char*>(a), reinterpret_cast<const char*>(b),
                             reinterpret_cast<char*>(c), nullptr, memory + part * product_elements_);
      });
    }
    transform_sums(sums, static_cast<float*>(outputs[0]));
  }

 private:
  static int64_t chunk_of(int64_t tiles, int64_t tile_bytes) {
    const int64_t most = std::max<int64_t>(shared_bytes / tile_bytes, 64);
    return ceil_div(tiles, ceil_div(tiles, most));
  }

  Product product_of(int64_t tiles, Product::Result result) const {
    return Product({out_, tiles, 1, out_}, {tiles, in_, in_, 1}, in_, false, 1, result);
  }

  void transform_gradient(const float* g, int64_t begin, int64_t end, float* to) const {
    const Plane plane = {tiling_.columns * out_, out_};
    for_each_result(tiling_, out_, begin, end, [&](int64_t t, int64_t offset, int64_t rows, int64_t columns) {
      kernels().winograd.gradient(g + offset, plane, rows, columns, out_, to + t * out_, chunk_ * out_);
    });
  }

  void transform_sums(const float* sums, float* weight) const {
    runtime::parallel_for(out_, 4, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        kernels().winograd.weight_gradient(sums + o * in_, in_ * out_, in_, weight + o * in_ * 9);
      }
    });
  }

  Tiling tiling_;
  int64_t in_;
  int64_t out_;
  int64_t chunk_;  // tiles at a time
  GemmKernels gemm_ = kernels().gemm[0];
  std::vector<Product> products_;  // of the first chunk, the next ones, and the last; none where nothing is packed
  int64_t product_elements_ = 0;
};

}  // namespace

std::unique_ptr<Kernel> prepare_winograd(const KernelCall& call) {
  if (!op::suits_winograd(call)) return nullptr;
  const ConvGeometry g = op::conv_geometry(call);
  if (call.op == OpId::conv_backward_weight) return std::make_unique<WinogradWeight>(g);
  return std::make_unique<WinogradConv>(call, g);
}

}  // namespace pydl::cpu
