// Convolutions with few output channels: the positions of a row are the lanes of a vector.
#include <array>
#include <utility>

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/shuffle.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

constexpr int lanes = static_cast<int>(vector_length<float>);
constexpr int64_t sum_step = 16;  // distance between sums in memory, independent of the vector length
// As many accumulators as leave room for the operands.
constexpr int accumulators = lanes == 16 ? 28 : 12;
// Vectors of positions per tile; all are multiplied with the same weights.
template <int channels>
constexpr int tile_vectors = 2 * channels <= accumulators ? 2 : 1;
// Kernel elements per tile.
template <int channels>
constexpr int tile_depth = accumulators / channels < 5 ? accumulators / channels : 5;

using Channels = std::make_integer_sequence<int, static_cast<int>(planar_channels)>;

// Stores sums, which hold one vector per channel, as the first `positions` rows of y.
template <int channels>
inline void store_positions(const Vector<float> (&sums)[channels], int64_t positions, float* y, int64_t y_step) {
  for (int first = 0; first < channels; first += lanes) {
    Vector<float> rows[lanes] = {};
#pragma GCC unroll 16
    for (int o = first; o < (channels < first + lanes ? channels : first + lanes); ++o) rows[o - first] = sums[o];
    transpose_square<float>(rows);
    const int64_t width = channels - first;
    if (positions >= lanes) {
#pragma GCC unroll 16
      for (int p = 0; p < lanes; ++p) store_part(y + p * y_step + first, rows[p], width);
    } else {
      for (int p = 0; p < positions; ++p) store_part(y + p * y_step + first, rows[p], width);
    }
  }
}

template <int channels, int vectors>
void row_tile(const float* x, const int64_t* offsets, int64_t depth, const float* w, const float* bias,
              int64_t positions, float* y, int64_t y_step) {
  Vector<float> sums[vectors][channels];
#pragma GCC unroll 8
  for (int o = 0; o < channels; ++o) {
    const Vector<float> start = broadcast(bias == nullptr ? 0.0F : bias[o]);
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[v][o] = start;
  }
  for (int64_t d = 0; d < depth; ++d, w += channels) {
    Vector<float> left[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) left[v] = load(x + offsets[d] + v * lanes);
#pragma GCC unroll 8
    for (int o = 0; o < channels; ++o) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[v][o] += left[v] * w[o];
    }
  }
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) {
    store_positions<channels>(sums[v], positions - v * lanes, y + v * lanes * y_step, y_step);
  }
}

template <int channels>
void row_of(const float* x, const int64_t* offsets, int64_t depth, const float* w, const float* bias, int64_t positions,
            float* y, int64_t y_step) {
  constexpr int64_t width = tile_vectors<channels> * lanes;
  int64_t p = 0;
  for (; positions - p > lanes; p += width) {
    row_tile<channels, tile_vectors<channels>>(x + p, offsets, depth, w, bias, positions - p, y + p * y_step, y_step);
  }
  if (p < positions) row_tile<channels, 1>(x + p, offsets, depth, w, bias, positions - p, y + p * y_step, y_step);
}

template <int channels, int depth>
void weight_tile(const float* x, int64_t x_row, const int64_t* offsets, const float* g, int64_t g_plane, int64_t g_row,
                 int64_t rows, int64_t positions, float* sums) {
  Vector<float> tile[depth][channels];
#pragma GCC unroll 8
  for (int d = 0; d < depth; ++d) {
#pragma GCC unroll 8
    for (int o = 0; o < channels; ++o) tile[d][o] = load(sums + (d * channels + o) * sum_step);
  }
  for (int64_t r = 0; r < rows; ++r, x += x_row, g += g_row) {
    for (int64_t p = 0; p < positions; p += lanes) {
#pragma GCC unroll 8
      for (int d = 0; d < depth; ++d) {
        const Vector<float> left = load_part(x + offsets[d] + p, positions - p, 0.0F);
#pragma GCC unroll 8
        for (int o = 0; o < channels; ++o) tile[d][o] += left * load(g + o * g_plane + p);
      }
    }
  }
#pragma GCC unroll 8
  for (int d = 0; d < depth; ++d) {
#pragma GCC unroll 8
    for (int o = 0; o < channels; ++o) store(sums + (d * channels + o) * sum_step, tile[d][o]);
  }
}

using WeightTile = void (*)(const float* x, int64_t x_row, const int64_t* offsets, const float* g, int64_t g_plane,
                            int64_t g_row, int64_t rows, int64_t positions, float* sums);

template <int channels, int... depth>
constexpr auto weight_tiles(std::integer_sequence<int, depth...>) {
  return std::array<WeightTile, sizeof...(depth)>{weight_tile<channels, depth + 1>...};
}

template <int channels>
void weight_of(const float* x, int64_t x_row, const int64_t* offsets, int64_t depth, const float* g, int64_t g_plane,
               int64_t g_row, int64_t rows, int64_t positions, float* sums) {
  constexpr int most = tile_depth<channels>;
  static constexpr auto tiles = weight_tiles<channels>(std::make_integer_sequence<int, most>());
  for (int64_t d = 0; d < depth; d += most) {
    const auto size = static_cast<size_t>(depth - d < most ? depth - d : most);
    tiles[size - 1](x, x_row, offsets + d, g, g_plane, g_row, rows, positions, sums + d * channels * sum_step);
  }
}

template <int... channel>
constexpr auto rows_of(std::integer_sequence<int, channel...>) {
  return std::array{row_of<channel + 1>...};
}
template <int... channel>
constexpr auto weights_of(std::integer_sequence<int, channel...>) {
  return std::array{weight_of<channel + 1>...};
}

void row(const float* x, const int64_t* offsets, int64_t depth, const float* w, int64_t channels, const float* bias,
         int64_t positions, float* y, int64_t y_step) {
  static constexpr auto functions = rows_of(Channels());
  functions[static_cast<size_t>(channels - 1)](x, offsets, depth, w, bias, positions, y, y_step);
}

void weight(const float* x, int64_t x_row, const int64_t* offsets, int64_t depth, const float* g, int64_t g_plane,
            int64_t g_row, int64_t channels, int64_t rows, int64_t positions, float* sums) {
  static constexpr auto functions = weights_of(Channels());
  functions[static_cast<size_t>(channels - 1)](x, x_row, offsets, depth, g, g_plane, g_row, rows, positions, sums);
}

void to_planes(const float* g, int64_t channels, int64_t positions, float* y, int64_t y_plane) {
  for (int64_t p = 0; p < positions; p += lanes) {
    for (int64_t first = 0; first < channels; first += lanes) {
      Vector<float> rows[lanes] = {};
      const int64_t width = channels - first;
      for (int i = 0; i < lanes && p + i < positions; ++i)
        rows[i] = load_part(g + (p + i) * channels + first, width, 0.0F);
      transpose_square<float>(rows);
      for (int64_t o = 0; o < (width < lanes ? width : lanes); ++o) store(y + (first + o) * y_plane + p, rows[o]);
    }
  }
}

}  // namespace

void fill_planar_conv(KernelSet& set) { set.planar_conv = {row, weight, to_planes}; }

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
