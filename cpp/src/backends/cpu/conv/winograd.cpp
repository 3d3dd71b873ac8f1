#include "backends/cpu/conv/winograd.h"

#include <algorithm>
#include <vector>

#include "backends/cpu/conv/winograd_repair.h"
#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/rounding.h"
#include "op/conv_geometry.h"
#include "op/post_operations.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

constexpr int64_t tile = winograd_tile;
constexpr int64_t frequencies = winograd_frequencies;
// Work is divided by shapes alone, so that results do not depend on the number of threads. It is divided into groups of
// tiles or into pairs of frequencies, and each piece has its own memory.
constexpr int64_t most_pieces = 16;
constexpr int64_t frequency_pieces = frequencies / 2;
// The working set of a thread should stay in its L2 cache: the frequencies of some tiles, and those of the weight if
// they are small enough. Otherwise threads divide the frequencies, of as many tiles as fit into the caches of all.
constexpr int64_t part_bytes = 1 << 20;
constexpr int64_t most_weight_bytes = 3 << 20;
constexpr int64_t shared_bytes = 8 << 20;
// Up to this many channels, the products of a weight's gradient are computed without packing.
constexpr int64_t most_unpacked = 128;
// Rows of A that are packed at a time.
constexpr int64_t block_rows = 168;
// If more than one in this many channels would have to be repaired, all are computed by definition.
constexpr int64_t uneven_share = 8;

// The distance of frequencies in elements: an odd number of cache lines, so that they do not all fall into the same
// cache set.
int64_t step_of(int64_t elements) {
  constexpr int64_t line = 16;
  return (ceil_div(elements, line) | 1) * line;
}

// Distributes the frequencies over threads and calls `function(f, piece)`. The frequencies of a piece are processed one
// after the other, so that a piece needs memory for only one product.
template <class Function>
void for_each_frequency(const Function& function) {
  runtime::parallel_for(frequency_pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      for (int64_t f = frequencies / frequency_pieces * piece; f < frequencies / frequency_pieces * (piece + 1); ++f) {
        function(f, piece);
      }
    }
  });
}

// Calls `function(first element, part, t)` for the inputs of tiles [begin, end).
template <class Function>
void for_each_source(const WinogradTiling& g, const float* x, int64_t channels, int64_t begin, int64_t end,
                     const Function& function) {
  for (int64_t t = begin; t < end; ++t) {
    const auto [first, part] = g.source(g.position(t));
    function(x + first * channels, part, t);
  }
}

// Calls `function(t, first element, rows, columns)` for tiles [begin, end) of the result.
template <class Function>
void for_each_result(const WinogradTiling& g, int64_t channels, int64_t begin, int64_t end, const Function& function) {
  for (int64_t t = begin; t < end; ++t) {
    const auto [image, row, column] = g.position(t);
    function(t - begin, ((image * g.rows + row) * g.columns + column) * channels, std::min(tile, g.rows - row),
             std::min(tile, g.columns - column));
  }
}

// The number of floats of a buffer that the algorithm, the repairs and the fallback use one after the other.
int64_t most_elements(int64_t algorithm, int64_t repairs, const Kernel& fallback) {
  const auto other = static_cast<int64_t>((fallback.scratchpad_bytes + sizeof(float) - 1) / sizeof(float));
  return round_up(std::max({algorithm, repairs, other}), 16);
}

WinogradTiling tiling_of(const KernelCall& call, const ConvGeometry& g) {
  if (call.op != OpId::conv_backward_input) {
    return {g.batch, g.output[1], g.output[2], g.input[1], g.input[2], g.low[1], g.low[2]};
  }
  return {g.batch, g.input[1], g.input[2], g.output[1], g.output[2], 2 - g.low[1], 2 - g.low[2]};
}

// `conv_backward_input` is a convolution of the gradient with kernels rotated by 180 degrees.
ConvRepair::Shape shape_of(const KernelCall& call, const ConvGeometry& g) {
  const bool backward = call.op == OpId::conv_backward_input;
  return {.tiling = tiling_of(call, g),
          .depth = backward ? g.out_channels : g.in_channels,
          .columns = backward ? g.in_channels : g.out_channels,
          .depth_stride = kernel_taps * (backward ? g.in_channels : 1),
          .column_stride = kernel_taps * (backward ? 1 : g.in_channels),
          .rotated = backward,
          .relu = op::applies_relu(call.attrs)};
}

// `conv` and `conv_backward_input`.
class WinogradConv final : public Kernel {
 public:
  WinogradConv(const KernelCall& call, const ConvGeometry& g, std::unique_ptr<Kernel> fallback)
      : shape_(shape_of(call, g)), has_bias_(call.inputs.size() > 2), repair_(shape_), fallback_(std::move(fallback)) {
    const auto [depth, columns] = std::pair(shape_.depth, shape_.columns);
    weight_step_ = step_of(ceil_div(columns, gemm_.panel_columns) * gemm_.panel_columns * depth);
    by_tiles_ = frequencies * weight_step_ * 4 <= most_weight_bytes;
    const int64_t tile_bytes = frequencies * (depth + columns) * 4;
    const int64_t tiles = shape_.tiling.count;
    pieces_ = by_tiles_ ? std::min(most_pieces, ceil_div(tiles, fewest_tiles)) : 1;
    const int64_t piece = ceil_div(tiles, pieces_);
    const int64_t most = std::max<int64_t>((by_tiles_ ? part_bytes : shared_bytes) / tile_bytes, fewest_tiles);
    chunk_ = ceil_div(piece, ceil_div(piece, most));
    source_step_ = step_of(chunk_ * depth);
    result_step_ = step_of(chunk_ * columns);
    packing_ =
        round_up(std::min(chunk_, block_rows) * depth + 16, 16);  // packing writes part of a vector beyond the end
    piece_elements_ = frequencies * (source_step_ + result_step_);
    const int64_t packings = by_tiles_ ? pieces_ : frequency_pieces;
    elements_ = frequencies * weight_step_ + pieces_ * piece_elements_ + packings * packing_;
    elements_ = most_elements(elements_, repair_.elements(), *fallback_);
    scratchpad_bytes = static_cast<size_t>((elements_ + 2 * columns) * 4 + columns * 8 + tiles * 2);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvRepair::Operands operands = {static_cast<const float*>(inputs[0]), static_cast<const float*>(inputs[1]),
                                           has_bias_ ? static_cast<const float*>(inputs[2]) : nullptr,
                                           static_cast<float*>(outputs[0])};
    auto* memory = static_cast<float*>(context.scratchpad);
    auto* channels = reinterpret_cast<int64_t*>(memory + elements_);
    auto* sums = reinterpret_cast<float*>(channels + shape_.columns);
    auto* unsafe = reinterpret_cast<TileResults*>(sums + 2 * shape_.columns);
    pack_weight(operands.weight, memory, {sums, sums + shape_.columns});
    int64_t count = find_channels(sums, ChannelState::uneven, channels);
    if (count * uneven_share > shape_.columns) {
      fallback_->run(context, inputs, outputs);
    } else {
      convolve(operands, memory, unsafe);
      repair_.compute_results(operands, unsafe, memory);
      repair_.compute_channels(operands, channels, count, memory);
    }
    count = find_channels(sums, ChannelState::extreme, channels);
    repair_.compute_channels(operands, channels, count, memory);
  }

 private:
  static constexpr int64_t fewest_tiles = 14;  // at a time: the products are efficient from this many rows on

  void convolve(const ConvRepair::Operands& operands, float* weight, TileResults* unsafe) const {
    float* memory = weight + frequencies * weight_step_;
    float* packings = memory + pieces_ * piece_elements_;
    if (!by_tiles_) return convolve_by_frequencies(operands, weight, unsafe, memory, packings);
    runtime::parallel_for(pieces_, 1, [&](int64_t begin, int64_t end) {
      // The memory of the first piece is reused for the following ones, because it is in the cache.
      float* source = memory + begin * piece_elements_;
      float* result = source + frequencies * source_step_;
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t stop = (piece + 1) * shape_.tiling.count / pieces_;
        for (int64_t t = piece * shape_.tiling.count / pieces_; t < stop; t += chunk_) {
          const int64_t tiles = std::min(chunk_, stop - t);
          transform_source(operands.x, t, t + tiles, source, unsafe);
          for (int64_t f = 0; f < frequencies; ++f)
            multiply(f, tiles, source, weight, result, packings + begin * packing_);
          transform_result(result, t, t, t + tiles, operands);
        }
      }
    });
  }

  void convolve_by_frequencies(const ConvRepair::Operands& operands, const float* weight, TileResults* unsafe,
                               float* source, float* packings) const {
    float* result = source + frequencies * source_step_;
    for (int64_t t = 0; t < shape_.tiling.count; t += chunk_) {
      const int64_t tiles = std::min(chunk_, shape_.tiling.count - t);
      runtime::parallel_for(tiles, 1, [&](int64_t begin, int64_t end) {
        transform_source(operands.x, t + begin, t + end, source + begin * shape_.depth, unsafe);
      });
      for_each_frequency(
          [&](int64_t f, int64_t piece) { multiply(f, tiles, source, weight, result, packings + piece * packing_); });
      runtime::parallel_for(
          tiles, 1, [&](int64_t begin, int64_t end) { transform_result(result, t, t + begin, t + end, operands); });
    }
  }

  void pack_weight(const float* w, float* packed, ChannelSums sums) const {
    const int64_t panels = ceil_div(shape_.columns, gemm_.panel_columns);
    runtime::parallel_for(panels, 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * gemm_.panel_columns;
      kernels().winograd.weight(
          w + first * shape_.column_stride, shape_.depth_stride, shape_.column_stride, shape_.rotated, shape_.depth,
          std::min(end * gemm_.panel_columns, shape_.columns) - first, packed + first * shape_.depth, weight_step_,
          {sums.magnitudes + first, sums.squares + first});
    });
  }

  // Collects the channels of the result whose kernels are in this state, and returns their number.
  int64_t find_channels(const float* sums, ChannelState state, int64_t* channels) const {
    int64_t count = 0;
    for (int64_t j = 0; j < shape_.columns; ++j) {
      if (state_of_kernels(sums[j], sums[shape_.columns + j], shape_.depth) == state) channels[count++] = j;
    }
    return count;
  }

  // Computes the frequencies of tiles [begin, end) of the source, to[f][tile][channel], and determines which of their
  // results are unsafe.
  void transform_source(const float* x, int64_t begin, int64_t end, float* to, TileResults* unsafe) const {
    const auto [tiling, depth] = std::pair(shape_.tiling, shape_.depth);
    const Plane plane = {tiling.from_columns * depth, depth};
    for_each_source(tiling, x, depth, begin, end, [&](const float* from, const TilePart& part, int64_t t) {
      TileSums sums;
      kernels().winograd.input(from, plane, part, depth, to + (t - begin) * depth, source_step_, sums);
      unsafe[t] = unsafe_results(tiling, x, depth, t, sums);
    });
  }

  void multiply(int64_t f, int64_t tiles, const float* source, const float* weight, float* result,
                float* packed) const {
    const auto [depth, columns] = std::pair(shape_.depth, shape_.columns);
    for (int64_t row = 0; row < tiles; row += block_rows) {
      const int64_t rows = std::min(block_rows, tiles - row);
      gemm_.pack_a(source + f * source_step_ + row * depth, depth, 1, rows, depth, packed);
      gemm_.multiply(packed, weight + f * weight_step_, rows, columns, depth, result + f * result_step_ + row * columns,
                     columns, nullptr, Store::overwrite);
    }
  }

  // `result` begins with tile `first`.
  void transform_result(const float* result, int64_t first, int64_t begin, int64_t end,
                        const ConvRepair::Operands& operands) const {
    const int64_t channels = shape_.columns;
    const Plane plane = {shape_.tiling.columns * channels, channels};
    result += (begin - first) * channels;
    for_each_result(shape_.tiling, channels, begin, end, [&](int64_t t, int64_t offset, int64_t rows, int64_t columns) {
      kernels().winograd.output(result + t * channels, result_step_, channels, operands.bias, shape_.relu,
                                operands.y + offset, plane, rows, columns);
    });
  }

  ConvRepair::Shape shape_;
  bool has_bias_;
  ConvRepair repair_;
  std::unique_ptr<Kernel> fallback_;  // computes by definition
  GemmKernels gemm_ = kernels().gemm[0];
  bool by_tiles_;        // threads divide the tiles; otherwise the frequencies
  int64_t pieces_;       // number of groups of tiles
  int64_t chunk_;        // number of tiles processed at a time
  int64_t weight_step_;  // distance of frequencies, as below
  int64_t source_step_;
  int64_t result_step_;
  int64_t piece_elements_;
  int64_t packing_;   // elements of a packed block
  int64_t elements_;  // elements of the buffer that the algorithm and the repairs use one after the other
};

// The gradient for the weight: products of the frequencies of inputs and gradients, summed over tiles.
class WinogradWeight final : public Kernel {
 public:
  WinogradWeight(const KernelCall& call, const ConvGeometry& g, std::unique_ptr<Kernel> fallback)
      : tiling_(tiling_of(call, g)),
        in_(g.in_channels),
        out_(g.out_channels),
        chunk_(chunk_of(tiling_.count, frequencies * (in_ + out_) * 4)),
        source_step_(step_of(chunk_ * in_)),
        gradient_step_(step_of(chunk_ * out_)),
        repair_(tiling_, in_, out_),
        fallback_(std::move(fallback)) {
    // With few channels, packed matrices would not be read often enough to pay for packing.
    const bool unpacked = std::max(in_, out_) <= most_unpacked && in_ % gemm_.panel_columns == 0;
    if (!unpacked) {
      const int64_t last = tiling_.count - (ceil_div(tiling_.count, chunk_) - 1) * chunk_;
      products_ = {product_of(chunk_, Gemm::Result::overwritten), product_of(chunk_, Gemm::Result::added),
                   product_of(last, Gemm::Result::added)};
    }
    for (const Gemm& product : products_) {
      const auto elements = static_cast<int64_t>(product.scratchpad_bytes() / sizeof(float));
      product_elements_ = std::max(product_elements_, round_up(elements + 1, 16));
    }
    elements_ = frequencies * (source_step_ + gradient_step_ + in_ * out_) + frequency_pieces * product_elements_;
    elements_ = most_elements(elements_, repair_.elements(), *fallback_);
    const int64_t channels = in_ + out_;
    scratchpad_bytes = static_cast<size_t>((elements_ + most_pieces * 2 * channels) * 4 + channels * 9);
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* g = static_cast<const float*>(inputs[0]);
    const auto* x = static_cast<const float*>(inputs[1]);
    auto* weight = static_cast<float*>(outputs[0]);
    auto* memory = static_cast<float*>(context.scratchpad);
    float* channel_sums = memory + elements_;
    auto* channels = reinterpret_cast<int64_t*>(channel_sums + most_pieces * sums_step());
    auto* states = reinterpret_cast<ChannelState*>(channels + in_ + out_);
    float* sums = memory + frequencies * (source_step_ + gradient_step_);
    sum_products(g, x, memory, sums, channel_sums);
    find_states(channel_sums, states);
    const int64_t uneven = find_channels(states, ChannelState::uneven, channels);
    const bool finite = std::find(states, states + in_ + out_, ChannelState::extreme) == states + in_ + out_;
    if (repair_.is_cheap(g, x, channels, uneven, finite)) {
      transform_sums(sums, weight);
      repair_.compute_channels(g, x, channels, uneven, finite, weight, memory);
    } else {
      fallback_->run(context, inputs, outputs);
    }
    const int64_t extreme = find_channels(states, ChannelState::extreme, channels);
    repair_.compute_channels(g, x, channels, extreme, false, weight, memory);
  }

 private:
  static int64_t chunk_of(int64_t tiles, int64_t tile_bytes) {
    const int64_t most = std::max<int64_t>(shared_bytes / tile_bytes, 64);
    return ceil_div(tiles, ceil_div(tiles, most));
  }

  Gemm product_of(int64_t tiles, Gemm::Result result) const {
    return Gemm({out_, tiles, 1, out_}, {tiles, in_, in_, 1}, in_, false, 1, result);
  }

  // Each piece has the magnitudes of the channels of x and of g, followed by their squares.
  int64_t sums_step() const { return 2 * (in_ + out_); }
  static ChannelSums at(float* sums, int64_t channel, int64_t channels) {
    return {sums + channel, sums + channels + channel};
  }

  void sum_products(const float* g, const float* x, float* memory, float* sums, float* channel_sums) const {
    float* source = memory;
    float* gradient = source + frequencies * source_step_;
    float* products = sums + frequencies * in_ * out_;
    std::fill(channel_sums, channel_sums + most_pieces * sums_step(), 0.0F);
    for (int64_t t = 0; t < tiling_.count; t += chunk_) {
      const int64_t tiles = std::min(chunk_, tiling_.count - t);
      runtime::parallel_for(most_pieces, 1, [&](int64_t begin, int64_t end) {
        for (int64_t piece = begin; piece < end; ++piece) {
          const int64_t first = tiles * piece / most_pieces;
          const int64_t last = tiles * (piece + 1) / most_pieces;
          float* own = channel_sums + piece * sums_step();
          transform_source(x, t + first, t + last, source + first * in_, at(own, 0, in_ + out_));
          transform_gradient(g, t + first, t + last, gradient + first * out_, at(own, in_, in_ + out_));
        }
      });
      for_each_frequency([&](int64_t f, int64_t piece) {
        const float* a = gradient + f * gradient_step_;
        const float* b = source + f * source_step_;
        float* c = sums + f * in_ * out_;
        if (products_.empty()) {
          gemm_.wide(a, out_, b, in_, false, out_, in_, tiles, c, in_, nullptr, t > 0);
          return;
        }
        const size_t which = t == 0 ? 0 : (t + chunk_ < tiling_.count ? 1 : 2);
        products_[which].run(reinterpret_cast<const char*>(a), reinterpret_cast<const char*>(b),
                             reinterpret_cast<char*>(c), nullptr, products + piece * product_elements_);
      });
    }
  }

  // Adds the sums of the pieces and classifies the channels.
  void find_states(float* channel_sums, ChannelState* states) const {
    for (int64_t piece = 1; piece < most_pieces; ++piece) {
      for (int64_t i = 0; i < sums_step(); ++i) channel_sums[i] += channel_sums[piece * sums_step() + i];
    }
    find_unsafe_channels(channel_sums, channel_sums + in_ + out_, in_, out_,
                         tiling_.images * tiling_.rows * tiling_.columns, states);
  }

  int64_t find_channels(const ChannelState* states, ChannelState state, int64_t* channels) const {
    int64_t count = 0;
    for (int64_t i = 0; i < in_ + out_; ++i) {
      if (states[i] == state) channels[count++] = i;
    }
    return count;
  }

  void transform_source(const float* x, int64_t begin, int64_t end, float* to, ChannelSums sums) const {
    const Plane plane = {tiling_.from_columns * in_, in_};
    for_each_source(tiling_, x, in_, begin, end, [&](const float* from, const TilePart& part, int64_t t) {
      kernels().winograd.source(from, plane, part, in_, to + (t - begin) * in_, source_step_, sums);
    });
  }

  void transform_gradient(const float* g, int64_t begin, int64_t end, float* to, ChannelSums sums) const {
    const Plane plane = {tiling_.columns * out_, out_};
    for_each_result(tiling_, out_, begin, end, [&](int64_t t, int64_t offset, int64_t rows, int64_t columns) {
      kernels().winograd.gradient(g + offset, plane, rows, columns, out_, to + t * out_, gradient_step_, sums);
    });
  }

  void transform_sums(const float* sums, float* weight) const {
    runtime::parallel_for(out_, 4, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        kernels().winograd.weight_gradient(sums + o * in_, in_ * out_, in_, weight + o * in_ * kernel_taps);
      }
    });
  }

  WinogradTiling tiling_;
  int64_t in_;
  int64_t out_;
  int64_t chunk_;        // number of tiles processed at a time
  int64_t source_step_;  // distance of frequencies of x, and of the gradient
  int64_t gradient_step_;
  WeightRepair repair_;
  std::unique_ptr<Kernel> fallback_;  // computes by definition
  GemmKernels gemm_ = kernels().gemm[0];
  std::vector<Gemm> products_;  // for the first chunk, the next ones, and the last; empty if nothing is packed
  int64_t product_elements_ = 0;
  int64_t elements_;  // elements of the buffer that the algorithm and the repairs use one after the other
};

}  // namespace

bool suits_winograd(const KernelCall& call) {
  constexpr int64_t fewest_channels = 32;
  constexpr int64_t whole_vectors = 16;
  constexpr int64_t fewest_tiles = 32;
  constexpr int64_t tile = 4;
  if (call.outputs[0].dtype != DType::float32) return false;
  const ConvGeometry g = op::conv_geometry(call);
  const ConvGeometry::Sizes ones = {1, 1, 1};
  const bool square = g.spatial == 2 && g.kernel[1] == 3 && g.kernel[2] == 3;
  if (!square || g.stride != ones || g.dilation != ones || g.groups != 1) return false;
  if (std::max({g.low[1], g.low[2], g.high[1], g.high[2]}) > 2) return false;
  if (g.in_channels % whole_vectors != 0 || g.out_channels % whole_vectors != 0) return false;
  if (g.in_channels < fewest_channels || g.out_channels < fewest_channels) return false;
  const int64_t rows = (g.output[1] + tile - 1) / tile;
  const int64_t columns = (g.output[2] + tile - 1) / tile;
  return g.batch * rows * columns >= fewest_tiles;
}

std::unique_ptr<Kernel> prepare_winograd(const KernelCall& call, std::unique_ptr<Kernel> fallback) {
  const ConvGeometry g = op::conv_geometry(call);
  if (call.op == OpId::conv_backward_weight) return std::make_unique<WinogradWeight>(call, g, std::move(fallback));
  return std::make_unique<WinogradConv>(call, g, std::move(fallback));
}

}  // namespace pydl::cpu
