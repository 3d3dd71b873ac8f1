#include "backends/cpu/conv/winograd_checks.h"

#include <algorithm>
#include <limits>

namespace pydl::cpu {

namespace {

// Smaller squares are not exact enough in float32.
constexpr float least_squares = 1e-30F;
constexpr float largest = std::numeric_limits<float>::max();

// The square of a window's sum of magnitudes, divided by a sum of squares, counts the elements of the window that are
// about as large as the largest ones. Required of each window, for each channel: 1 / 24, if the squares are those of
// the whole tile, because the errors come from the whole tile, and 1 / 20, if they are those of the window itself, so
// that its sum does not depend on the weights of few elements. For normally distributed numbers the first ratio is 1.4,
// for a quarter of the window's surroundings 0.6; if half of the numbers are zeros, 0.7 and 0.14. Measured over
// distributions of many kinds, thousands of convolutions of each, the largest errors are then 0.7 of what is promised.
constexpr float channels_per_tile_element = 24;
constexpr float channels_per_window_element = 20;
constexpr float fewest_elements = 16;
// With few channels: of any quarter of a tile, which is a small part of each of its windows.
constexpr float fewest_in_whole_tile = 2.5F;
// If only one quarter of the tile matters, all of its windows may contain the same large element.
constexpr float fewest_in_quarter = 2;

bool is_ordinary(const TileSums& sums, int64_t rows, int64_t columns, float share) {
  if (!(sums.squares >= least_squares && sums.squares <= largest)) return false;
  const bool is_one_quarter = rows <= 2 && columns <= 2;
  const float needed = (is_one_quarter ? std::max(share, fewest_in_quarter) : share) * sums.squares;
  for (int64_t quarter = 0; quarter < 4; ++quarter) {
    if (quarter / 2 * 2 >= rows || quarter % 2 * 2 >= columns) continue;  // no result needs this quarter
    if (!(sums.quarters[quarter] * sums.quarters[quarter] >= needed)) return false;
  }
  return true;
}

// Checks all windows of a tile.
TileResults unsafe_windows(const WindowSums& sums, float needed, float elements) {
  TileResults unsafe = 0;
  for (int64_t window = 0; window < 16; ++window) {
    const float square = sums.magnitudes[window] * sums.magnitudes[window];
    const bool safe = square >= needed && square >= elements * sums.squares[window];
    if (!safe) unsafe = static_cast<TileResults>(unsafe | 1U << window);
  }
  return unsafe;
}

}  // namespace

TileResults unsafe_results(const WinogradTiling& tiling, const float* x, int64_t channels, int64_t t,
                           const TileSums& sums) {
  constexpr TileResults all = 0xffff;
  constexpr float enlarging = 0x1p60F;
  const float elements = static_cast<float>(channels) / channels_per_window_element;
  const auto position = tiling.position(t);
  // A quarter is part of its windows, and a window is part of its tile: this implies both requirements.
  const float share = std::max(elements, fewest_in_whole_tile);
  if (is_ordinary(sums, tiling.rows - position.row, tiling.columns - position.column, share)) return 0;
  if (!(sums.squares <= largest)) return all;
  const auto [first, part] = tiling.source(position);
  const float scale = sums.squares < least_squares ? enlarging : 1;
  const Plane plane = {tiling.from_columns * channels, channels};
  WindowSums windows;
  kernels().winograd.windows(x + first * channels, plane, part, channels, scale, windows);
  if (windows.all_squares == 0) return 0;
  const float needed = static_cast<float>(channels) / channels_per_tile_element * windows.all_squares;
  return unsafe_windows(windows, needed, std::max(elements, fewest_elements));
}

ChannelState state_of_kernels(float magnitudes, float squares, int64_t depth) {
  // The ratio counts the elements that are not small as if all others were zeros: 0.64 of all elements if they are
  // normally distributed, and one element if a single one is large.
  constexpr float least_share = 0.1F;
  constexpr float fewest_weights = 64;
  constexpr float most_squares = 1e26F;
  if (!(squares <= most_squares)) return ChannelState::extreme;
  const float needed = std::max(least_share * static_cast<float>(kernel_taps * depth), fewest_weights) * squares;
  return magnitudes * magnitudes >= needed ? ChannelState::safe : ChannelState::uneven;
}

void find_unsafe_channels(float* magnitudes, float* squares, int64_t in, int64_t out, int64_t products,
                          ChannelState* states) {
  constexpr float most_squares = 1e32F;
  constexpr float smallest_squares = 1e-36F;  // smaller ones are not exact enough to be used
  // If the nonzero elements of both factors are independent, about this many nonzero products are in each sum.
  constexpr float fewest_products = 16;
  constexpr float unbounded = std::numeric_limits<float>::infinity();
  // The squares of x come from 6 x 6 positions per tile, its magnitudes from 4 x 4.
  constexpr float overlap = 36.0F / 16.0F;
  // The estimated number of nonzero elements, as if all were equal. Reuses the memory of the magnitudes.
  float* elements = magnitudes;
  for (int64_t i = 0; i < in + out; ++i) {
    states[i] = squares[i] <= most_squares ? ChannelState::safe : ChannelState::extreme;
    const bool is_used = states[i] == ChannelState::safe && squares[i] > smallest_squares;
    elements[i] = is_used ? magnitudes[i] * (magnitudes[i] / squares[i]) * (i < in ? overlap : 1) : unbounded;
  }
  const float needed = fewest_products * static_cast<float>(products);
  // The channel with the fewest elements is excluded until the rest has enough.
  for (;;) {
    float* x = std::min_element(elements, elements + in);
    float* g = std::min_element(elements + in, elements + in + out);
    if (*x == unbounded || *g == unbounded || *x * *g >= needed) return;
    float* fewest = *x <= *g ? x : g;
    states[fewest - elements] = ChannelState::uneven;
    *fewest = unbounded;
  }
}

}  // namespace pydl::cpu
