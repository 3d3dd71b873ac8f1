// The kernels for convolutions of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Convolutions of few channels without packing: x is read in place. Float32 only.
struct DirectConvKernels {
  /// Computes `positions` results of up to `direct_channels` channels: y[p][o] = sum over d of x[p * x_step +
  /// offsets[d]] w[d][o], plus bias if it is not null. Rows of w have `direct_channels` entries.
  void (*row)(const float* x, int64_t x_step, const int64_t* offsets, int64_t depth, const float* w, int64_t channels,
              const float* bias, int64_t positions, float* y, int64_t y_step);
  /// w[r][o] += sum over p of x[p * x_step + r] g[p][o], for r below `rows`.
  void (*weight)(const float* x, int64_t x_step, const float* g, int64_t g_step, int64_t channels, int64_t positions,
                 int64_t rows, float* w);
  /// y[p * y_step + offsets[b] + i] += sum over d of g[p * g_step + d] w[d][b][i], for i below `direct_channels` where
  /// used[b][i] is not 0. Each position of g adds to `blocks` pieces of y, which may overlap with those of adjacent
  /// positions.
  void (*spread)(const float* g, int64_t g_step, int64_t depth, const float* w, const float* used,
                 const int64_t* offsets, int64_t blocks, int64_t positions, float* y, int64_t y_step);
};
inline constexpr int64_t direct_channels = 16;

/// Convolutions with up to `planar_channels` output channels, whose vectors contain positions. The positions of an
/// image row are adjacent, and up to `planar_overhang` elements after them may be read. Float32 only.
struct PlanarConvKernels {
  /// y[p * y_step + o] = sum over d of x[p + offsets[d]] w[d * channels + o], plus bias if it is not null.
  void (*row)(const float* x, const int64_t* offsets, int64_t depth, const float* w, int64_t channels,
              const float* bias, int64_t positions, float* y, int64_t y_step);
  /// For `rows` rows of `positions` positions each, with planes of g in whole vectors: sums[d * channels + o] (a whole
  /// vector of partial sums) += x[r * x_row + p + offsets[d]] g[o * g_plane + r * g_row + p].
  void (*weight)(const float* x, int64_t x_row, const int64_t* offsets, int64_t depth, const float* g, int64_t g_plane,
                 int64_t g_row, int64_t channels, int64_t rows, int64_t positions, float* sums);
  /// y[o * y_plane + p] = g[p * channels + o], in whole vectors, with zeros after the last position.
  void (*to_planes)(const float* g, int64_t channels, int64_t positions, float* y, int64_t y_plane);
};
inline constexpr int64_t planar_channels = 8;
inline constexpr int64_t planar_overhang = 32;

/// A plane of vectors of channels. Steps are in elements.
struct Plane {
  int64_t row_step;
  int64_t column_step;
};

/// The rows [top, bottom) and columns [left, right) of a 6 x 6 tile that are inside an image. The rest reads as zeros.
struct TilePart {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;
};

/// Sums over all channels of a 6 x 6 tile: the magnitudes in each quarter of the 4 x 4 positions in the middle, and all
/// squares. Every 3 x 3 window contains one of the quarters.
struct TileSums {
  float quarters[4];
  float squares;
};

/// Sums over all channels of each of the 4 x 4 windows of 3 x 3 positions in a 6 x 6 tile, and all squares of the tile.
struct WindowSums {
  float magnitudes[16];
  float squares[16];
  float all_squares;
};

/// Sums per channel.
struct ChannelSums {
  float* magnitudes;
  float* squares;
};

/// Transforms of Winograd's convolutions F(4 x 4, 3 x 3): a tile of 4 x 4 results depends on 6 x 6 inputs, and products
/// are elementwise on 36 frequencies, `frequency_step` apart. Float32, channels in whole vectors (`winograd_channels`).
/// The transforms also sum up how large their operands are, from which bad rounding errors are predicted.
struct WinogradKernels {
  /// Computes the frequencies of a tile of x.
  void (*input)(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                int64_t frequency_step, TileSums& sums);
  /// The same, but adds to the sums of the channels: the magnitudes in the middle, and all squares.
  void (*source)(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                 int64_t frequency_step, ChannelSums sums);
  /// The sums over all channels for each window of a tile, of elements times `scale`.
  void (*windows)(const float* x, Plane plane, TilePart part, int64_t channels, float scale, WindowSums& sums);
  /// Computes the first rows and columns of a 4 x 4 tile of y, plus bias if it is not null.
  void (*output)(const float* frequencies, int64_t frequency_step, int64_t channels, const float* bias, bool relu,
                 float* y, Plane plane, int64_t rows, int64_t columns);
  /// The transpose of `output`, applied to a gradient. Adds to the sums of its channels.
  void (*gradient)(const float* g, Plane plane, int64_t rows, int64_t columns, int64_t channels, float* frequencies,
                   int64_t frequency_step, ChannelSums sums);
  /// Packs the frequencies of a weight for products, one panel of each after the other. The 3 x 3 kernel of row d and
  /// column j begins at w[d * depth_stride + j * column_stride]. `rotated` rotates kernels by 180 degrees. Also
  /// computes the sums of the columns.
  void (*weight)(const float* w, int64_t depth_stride, int64_t column_stride, bool rotated, int64_t depth,
                 int64_t columns, float* packed, int64_t frequency_step, ChannelSums sums);
  /// Computes the gradients of `channels` adjacent kernels from those of their frequencies.
  void (*weight_gradient)(const float* frequencies, int64_t frequency_step, int64_t channels, float* w);
  /// sums[k][c] += scale * from[k][c] for the taps k whose `from` is not null.
  void (*add_taps)(const float* const (&from)[9], float scale, int64_t channels, float* sums);
};
inline constexpr int64_t winograd_frequencies = 36;
inline constexpr int64_t winograd_channels = 16;

}  // namespace pydl::cpu
