// Which results Winograd's algorithm computes badly. It adds up, in other orders, all that a tile reads, so that
// rounding errors are relative to the largest elements of the tile and of the kernel, also in results whose own window
// does not see these; and what is infinite or not a number reaches all of the tile.
//
// What is promised of every result is an error of at most 1e-5 of the sum of |x| |w| over its own window. Errors grow
// with the root of the sum of all squares of the tile, and of the kernel, and with their number of channels hardly: the
// promise holds where the sum of magnitudes of each window is not much smaller than this root. (The products of a
// window are summed over all channels; that the weights in it are small just where the elements are large becomes
// improbable where several elements are about as large.) Tests are chosen so that they cost little where all is well.
#pragma once

#include "backends/cpu/winograd_tiling.h"

namespace pydl::cpu {

/// A set of the 4 x 4 results of a tile: bit 4 i + j is the one in row i and column j.
using TileResults = uint16_t;

/// The results of tile `t` that are to be computed otherwise. `sums` are those that its transform found.
TileResults unsafe_results(const WinogradTiling& tiling, const float* x, int64_t channels, int64_t t,
                           const TileSums& sums);

/// What can be said of a channel of weights, or of a gradient's factors.
enum class ChannelState : uint8_t {
  safe,
  uneven,   // few elements are much larger than all others
  extreme,  // something is not finite, or so large that intermediate results may not be
};

/// Of the kernels of `depth` channels that make one channel of results.
ChannelState state_of_kernels(float magnitudes, float squares, int64_t depth);

/// For the gradient of a weight from `places` products per element: the states of the `in` channels of x and of the
/// `out` channels of g, in this order, from the sums in `magnitudes` and `squares`, which are overwritten.
void find_unsafe_channels(float* magnitudes, float* squares, int64_t in, int64_t out, int64_t places,
                          ChannelState* states);

}  // namespace pydl::cpu
