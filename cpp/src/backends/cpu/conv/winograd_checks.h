// Finds the results that Winograd's algorithm computes badly. It adds all elements that a tile reads in various orders,
// so rounding errors are relative to the largest elements of the tile and of the kernel, even in results whose own
// window does not contain these. Infinities and NaN spread to the whole tile.
//
// The promise for every result is an error of at most 1e-5 of the sum of |x| |w| over its own window. Errors grow with
// the square root of the sum of all squares of the tile, and of the kernel, but hardly with the number of channels. The
// promise therefore holds if the sum of magnitudes of each window is not much smaller than this root. (The products of
// a window are summed over all channels. If several elements are about as large, it is improbable that the weights are
// small exactly where these elements are.) The tests are designed to cost little if all results are safe.
#pragma once

#include "backends/cpu/conv/winograd_tiling.h"

namespace pydl::cpu {

/// A set of the 4 x 4 results of a tile: bit 4 i + j stands for row i and column j.
using TileResults = uint16_t;

/// The results of tile `t` that must be computed by definition. `sums` are those that its transform found.
TileResults unsafe_results(const WinogradTiling& tiling, const float* x, int64_t channels, int64_t t,
                           const TileSums& sums);

/// The state of a channel of weights, or of a channel of either factor of a gradient.
enum class ChannelState : uint8_t {
  safe,
  uneven,   // a few elements are much larger than all others
  extreme,  // contains Inf or NaN, or elements so large that intermediate results may overflow
};

/// The state of the kernels, over `depth` channels, that produce one channel of results.
ChannelState state_of_kernels(float magnitudes, float squares, int64_t depth);

/// For the gradient of a weight, each element of which sums `products` products: the states of the `in` channels of x,
/// followed by those of the `out` channels of g, from the sums in `magnitudes` and `squares`, which are overwritten.
void find_unsafe_channels(float* magnitudes, float* squares, int64_t in, int64_t out, int64_t products,
                          ChannelState* states);

}  // namespace pydl::cpu
