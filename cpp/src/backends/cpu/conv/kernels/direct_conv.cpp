// Convolutions with few channels: the output channels are the lanes of one vector, or of several where vectors are
// short.
#include <algorithm>
#include <array>
#include <utility>

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

constexpr int64_t lanes = vector_length<float>;
constexpr int vectors = static_cast<int>(direct_channels / lanes);
// Positions in a register tile. With one vector per position, this leaves room for the operands beside the
// accumulators.
constexpr int tile_positions = vectors == 1 ? 14 : (vectors == 2 ? 6 : 2);

using Sums = Vector<float>[vectors];

// Computes one register tile. Only the vectors that hold the first `channels` channels are stored.
template <int positions>
void conv_tile(const float* x, int64_t x_step, const int64_t* offsets, int64_t depth, const float* w, int64_t channels,
               const float* bias, float* y, int64_t y_step) {
  Sums sums[positions];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    const int64_t width = channels - v * lanes;
    const Vector<float> start =
        bias == nullptr || width <= 0 ? Vector<float>{} : load_part(bias + v * lanes, width, 0.0F);
#pragma GCC unroll 16
    for (int p = 0; p < positions; ++p) sums[p][v] = start;
  }
  for (int64_t d = 0; d < depth; ++d, w += direct_channels) {
    const float* from = x + offsets[d];
    Sums right;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) right[v] = load(w + v * lanes);
#pragma GCC unroll 16
    for (int p = 0; p < positions; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[p][v] += from[p * x_step] * right[v];
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < positions; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      if (channels > v * lanes) store_part(y + p * y_step + v * lanes, sums[p][v], channels - v * lanes);
    }
  }
}

template <int rows>
void weight_tile(const float* x, int64_t x_step, const float* g, int64_t g_step, int64_t channels, int64_t positions,
                 float* w) {
  Sums sums[rows];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(w + r * direct_channels + v * lanes);
  }
  for (int64_t p = 0; p < positions; ++p, x += x_step, g += g_step) {
    Sums right;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const int64_t width = channels - v * lanes;
      right[v] = width <= 0 ? Vector<float>{} : load_part(g + v * lanes, width, 0.0F);
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[r][v] += x[r] * right[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) store(w + r * direct_channels + v * lanes, sums[r][v]);
  }
}

// Blocks that two positions accumulate at once: as many as leave room for the operands beside the accumulators.
constexpr int spread_blocks = vectors == 1 ? 12 : (vectors == 2 ? 3 : 1);

// Computes `positions` positions that are `far` apart, so that one does not wait for what the other has just written.
template <int positions, int blocks>
void spread_tile(const float* g, int64_t g_far, int64_t depth, const float* w, int64_t w_step, const float* used,
                 const int64_t* offsets, float* y, int64_t y_far) {
  Sums sums[positions][blocks] = {};
  for (int64_t d = 0; d < depth; ++d, w += w_step) {
    Vector<float> left[positions];
#pragma GCC unroll 2
    for (int p = 0; p < positions; ++p) left[p] = broadcast(g[p * g_far + d]);
#pragma GCC unroll 16
    for (int b = 0; b < blocks; ++b) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        const Vector<float> right = load(w + b * direct_channels + v * lanes);
#pragma GCC unroll 2
        for (int p = 0; p < positions; ++p) sums[p][b][v] += left[p] * right;
      }
    }
  }
#pragma GCC unroll 2
  for (int p = 0; p < positions; ++p) {
#pragma GCC unroll 16
    for (int b = 0; b < blocks; ++b) {
      float* to = y + p * y_far + offsets[b];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        // Weights of 0 after the end of a row would make NaN of what is not finite, in elements of other windows.
        const auto is_used = load(used + b * direct_channels + v * lanes) != Vector<float>{};
        store(to + v * lanes, load(to + v * lanes) + (is_used ? sums[p][b][v] : Vector<float>{}));
      }
    }
  }
}

template <int positions, int... blocks>
constexpr auto spread_tiles(std::integer_sequence<int, blocks...>) {
  return std::array{spread_tile<positions, blocks + 1>...};
}

void conv_spread(const float* g, int64_t g_step, int64_t depth, const float* w, const float* used,
                 const int64_t* offsets, int64_t blocks, int64_t positions, float* y, int64_t y_step) {
  using Blocks = std::make_integer_sequence<int, spread_blocks>;
  static constexpr auto single = spread_tiles<1>(Blocks());
  static constexpr auto pairs = spread_tiles<2>(Blocks());
  const int64_t half = positions / 2;
  const int64_t w_step = blocks * direct_channels;
  for (int64_t first = 0; first < blocks; first += spread_blocks) {
    const auto size = static_cast<size_t>(std::min<int64_t>(blocks - first, spread_blocks) - 1);
    const float* weight = w + first * direct_channels;
    const float* lanes_used = used + first * direct_channels;
    for (int64_t p = 0; p < half; ++p) {
      pairs[size](g + p * g_step, half * g_step, depth, weight, w_step, lanes_used, offsets + first, y + p * y_step,
                  half * y_step);
    }
    if (positions % 2 != 0) {
      single[size](g + (positions - 1) * g_step, 0, depth, weight, w_step, lanes_used, offsets + first,
                   y + (positions - 1) * y_step, 0);
    }
  }
}

using Sizes = std::make_integer_sequence<int, tile_positions>;

template <int... size>
constexpr auto conv_tiles(std::integer_sequence<int, size...>) {
  return std::array{conv_tile<size + 1>...};
}
template <int... size>
constexpr auto weight_tiles(std::integer_sequence<int, size...>) {
  return std::array{weight_tile<size + 1>...};
}

// Calls `function(begin, size)` for as few tiles as possible, of about equal size.
template <class Function>
inline void for_each_tile(int64_t count, const Function& function) {
  const int64_t tiles = (count + tile_positions - 1) / tile_positions;
  int64_t begin = 0;
  for (int64_t tile = 1; tile <= tiles; ++tile) {
    const int64_t end = count * tile / tiles;
    function(begin, end - begin);
    begin = end;
  }
}

void conv_row(const float* x, int64_t x_step, const int64_t* offsets, int64_t depth, const float* w, int64_t channels,
              const float* bias, int64_t positions, float* y, int64_t y_step) {
  static constexpr auto tiles = conv_tiles(Sizes());
  for_each_tile(positions, [&](int64_t begin, int64_t size) {
    tiles[static_cast<size_t>(size - 1)](x + begin * x_step, x_step, offsets, depth, w, channels, bias,
                                         y + begin * y_step, y_step);
  });
}

void conv_weight(const float* x, int64_t x_step, const float* g, int64_t g_step, int64_t channels, int64_t positions,
                 int64_t rows, float* w) {
  static constexpr auto tiles = weight_tiles(Sizes());
  for_each_tile(rows, [&](int64_t begin, int64_t size) {
    tiles[static_cast<size_t>(size - 1)](x + begin, x_step, g, g_step, channels, positions,
                                         w + begin * direct_channels);
  });
}

}  // namespace

void fill_conv(KernelSet& set) { set.direct_conv = {conv_row, conv_weight, conv_spread}; }

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
