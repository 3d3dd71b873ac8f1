// Winograd's convolutions F(4 x 4, 3 x 3), interpolated at 0, a, -a, b, -b and infinity (Lavin and Gray, 2016): a tile
// takes one multiplication for each of its 36 frequencies instead of 9 x 16. Lanes are channels.
//
// With a = 5/8 and b = 3/2 (exact in float32, as are their squares) rounding errors are a quarter of those with the
// usual 1 and 2, whose powers differ more.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

using Floats = Vector<float>;
constexpr int64_t lanes = vector_length<float>;

constexpr float a = 0.625F;
constexpr float b = 1.5F;
constexpr float a2 = a * a;
constexpr float b2 = b * b;

// One axis of each transform. Each reads at `from` and writes at `to`, with the given steps.

inline void transform_input(const Floats* from, int from_step, Floats* to, int to_step) {
  const Floats d0 = from[0], d1 = from[from_step], d2 = from[2 * from_step], d3 = from[3 * from_step],
               d4 = from[4 * from_step], d5 = from[5 * from_step];
  const Floats even = d4 - b2 * d2;
  const Floats odd = d3 - b2 * d1;
  const Floats even2 = d4 - a2 * d2;
  const Floats odd2 = d3 - a2 * d1;
  to[0] = a2 * b2 * d0 - (a2 + b2) * d2 + d4;
  to[to_step] = even + a * odd;
  to[2 * to_step] = even - a * odd;
  to[3 * to_step] = even2 + b * odd2;
  to[4 * to_step] = even2 - b * odd2;
  to[5 * to_step] = a2 * b2 * d1 - (a2 + b2) * d3 + d5;
}

inline void transform_output(const Floats* from, int from_step, Floats* to, int to_step) {
  const Floats m1 = from[from_step], m2 = from[2 * from_step], m3 = from[3 * from_step], m4 = from[4 * from_step];
  const Floats sum = m1 + m2, difference = m1 - m2;
  const Floats sum2 = m3 + m4, difference2 = m3 - m4;
  to[0] = from[0] + sum + sum2;
  to[to_step] = a * difference + b * difference2;
  to[2 * to_step] = a2 * sum + b2 * sum2;
  to[3 * to_step] = a * a2 * difference + b * b2 * difference2 + from[5 * from_step];
}

inline void transform_gradient(const Floats* from, int from_step, Floats* to, int to_step) {
  const Floats g0 = from[0], g1 = from[from_step], g2 = from[2 * from_step], g3 = from[3 * from_step];
  const Floats even = g0 + a2 * g2, odd = a * g1 + a * a2 * g3;
  const Floats even2 = g0 + b2 * g2, odd2 = b * g1 + b * b2 * g3;
  to[0] = g0;
  to[to_step] = even + odd;
  to[2 * to_step] = even - odd;
  to[3 * to_step] = even2 + odd2;
  to[4 * to_step] = even2 - odd2;
  to[5 * to_step] = g3;
}

// Factors for the values at 0, a and b: reciprocals of the products of their differences from the other points.
constexpr float at_zero = 1 / (a2 * b2);
constexpr float at_a = 1 / (2 * a2 * (a2 - b2));
constexpr float at_b = 1 / (2 * b2 * (b2 - a2));

inline void transform_weight(const Floats* from, int from_step, Floats* to, int to_step) {
  const Floats w0 = from[0], w1 = from[from_step], w2 = from[2 * from_step];
  const Floats outer = at_a * w0 + at_a * a2 * w2, inner = at_a * a * w1;
  const Floats outer2 = at_b * w0 + at_b * b2 * w2, inner2 = at_b * b * w1;
  to[0] = at_zero * w0;
  to[to_step] = outer + inner;
  to[2 * to_step] = outer - inner;
  to[3 * to_step] = outer2 + inner2;
  to[4 * to_step] = outer2 - inner2;
  to[5 * to_step] = w2;
}

inline void transform_weight_gradient(const Floats* from, int from_step, Floats* to, int to_step) {
  const Floats u1 = from[from_step], u2 = from[2 * from_step], u3 = from[3 * from_step], u4 = from[4 * from_step];
  const Floats sum = at_a * (u1 + u2), difference = at_a * a * (u1 - u2);
  const Floats sum2 = at_b * (u3 + u4), difference2 = at_b * b * (u3 - u4);
  to[0] = at_zero * from[0] + sum + sum2;
  to[to_step] = difference + difference2;
  to[2 * to_step] = a2 * sum + b2 * sum2 + from[5 * from_step];
}

// Transforms both axes, from a `from_size` square to a `to_size` square.
template <auto transform, int from_size, int to_size>
inline void transform_square(const Floats (&from)[from_size * from_size], Floats (&to)[to_size * to_size]) {
  Floats between[to_size * from_size];
#pragma GCC unroll 6
  for (int column = 0; column < from_size; ++column) transform(from + column, from_size, between + column, from_size);
#pragma GCC unroll 6
  for (int row = 0; row < to_size; ++row) transform(between + row * from_size, 1, to + row * to_size, 1);
}

void store_frequencies(const Floats (&all)[36], float* to, int64_t step) {
#pragma GCC unroll 36
  for (int f = 0; f < 36; ++f) store(to + f * step, all[f]);
}

void load_frequencies(const float* from, int64_t step, Floats (&all)[36]) {
#pragma GCC unroll 36
  for (int f = 0; f < 36; ++f) all[f] = load(from + f * step);
}

inline Floats magnitude(Floats x) { return m::from_bits<Floats>(m::bits_of(x) & 0x7fffffff); }

struct Sum {
  static Floats join(Floats a, Floats b) { return a + b; }
};
inline float sum_of(Floats x) { return join_lanes<Sum, float>(x); }

// The sum of the magnitudes in one quarter of the central 4 x 4 elements; the quarter begins at `corner`.
template <int corner>
inline Floats quarter(const Floats (&tile)[36]) {
  return magnitude(tile[corner]) + magnitude(tile[corner + 1]) +
         (magnitude(tile[corner + 6]) + magnitude(tile[corner + 7]));
}
constexpr int quarters[4] = {7, 9, 19, 21};

inline Floats squares(const Floats (&tile)[36]) {
  Floats even{};
  Floats odd{};
#pragma GCC unroll 18
  for (int i = 0; i < 36; i += 2) {
    even += tile[i] * tile[i];
    odd += tile[i + 1] * tile[i + 1];
  }
  return even + odd;
}

// Transforms a tile and calls `observe(c, tile)` for each vector of channels.
template <class Observe>
inline void transform_tile(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                           int64_t frequency_step, const Observe& observe) {
  const bool whole = part.top == 0 && part.left == 0 && part.bottom == 6 && part.right == 6;
  for (int64_t c = 0; c < channels; c += lanes) {
    Floats tile[36];
    if (whole) {
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) {
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) tile[i * 6 + j] = load(x + i * plane.row_step + j * plane.column_step + c);
      }
    } else {
      for (Floats& element : tile) element = Floats{};
      for (int64_t i = part.top; i < part.bottom; ++i) {
        for (int64_t j = part.left; j < part.right; ++j)
          tile[i * 6 + j] = load(x + i * plane.row_step + j * plane.column_step + c);
      }
    }
    observe(c, tile);
    Floats result[36];
    transform_square<transform_input, 6, 6>(tile, result);
    store_frequencies(result, frequencies + c, frequency_step);
  }
}

void winograd_input(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                    int64_t frequency_step, TileSums& sums) {
  Floats first{}, second{}, third{}, fourth{}, all_squares{};
  transform_tile(x, plane, part, channels, frequencies, frequency_step, [&](int64_t, const Floats(&tile)[36]) {
    first += quarter<quarters[0]>(tile);
    second += quarter<quarters[1]>(tile);
    third += quarter<quarters[2]>(tile);
    fourth += quarter<quarters[3]>(tile);
    all_squares += squares(tile);
  });
  sums = {{sum_of(first), sum_of(second), sum_of(third), sum_of(fourth)}, sum_of(all_squares)};
}

void winograd_source(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                     int64_t frequency_step, ChannelSums sums) {
  transform_tile(x, plane, part, channels, frequencies, frequency_step, [&](int64_t c, const Floats(&tile)[36]) {
    const Floats magnitudes = quarter<quarters[0]>(tile) + quarter<quarters[1]>(tile) +
                              (quarter<quarters[2]>(tile) + quarter<quarters[3]>(tile));
    store(sums.magnitudes + c, load(sums.magnitudes + c) + magnitudes);
    store(sums.squares + c, load(sums.squares + c) + squares(tile));
  });
}

// The sums of the windows of a tile: of three rows, and then of three columns of these.
void sum_windows(const Floats (&tile)[36], float (&sums)[16]) {
  for (int row = 0; row < 4; ++row) {
    Floats columns[6];
    for (int j = 0; j < 6; ++j) columns[j] = tile[row * 6 + j] + tile[row * 6 + 6 + j] + tile[row * 6 + 12 + j];
    for (int j = 0; j < 4; ++j) sums[row * 4 + j] = sum_of(columns[j] + columns[j + 1] + columns[j + 2]);
  }
}

void winograd_windows(const float* x, Plane plane, TilePart part, int64_t channels, float scale, WindowSums& sums) {
  Floats magnitudes[36] = {};
  Floats position_squares[36] = {};
  Floats all_squares{};
  for (int64_t i = part.top; i < part.bottom; ++i) {
    for (int64_t j = part.left; j < part.right; ++j) {
      const float* from = x + i * plane.row_step + j * plane.column_step;
      Floats magnitude_sum{};
      Floats square_sum{};
      for (int64_t c = 0; c < channels; c += lanes) {
        const Floats element = load(from + c) * scale;
        magnitude_sum += magnitude(element);
        square_sum += element * element;
      }
      magnitudes[i * 6 + j] = magnitude_sum;
      position_squares[i * 6 + j] = square_sum;
      all_squares += square_sum;
    }
  }
  sum_windows(magnitudes, sums.magnitudes);
  sum_windows(position_squares, sums.squares);
  sums.all_squares = sum_of(all_squares);
}

void winograd_output(const float* frequencies, int64_t frequency_step, int64_t channels, const float* bias, bool relu,
                     float* y, Plane plane, int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < channels; c += lanes) {
    Floats tile[36];
    load_frequencies(frequencies + c, frequency_step, tile);
    Floats result[16];
    transform_square<transform_output, 6, 4>(tile, result);
    const Floats start = bias == nullptr ? Floats{} : load(bias + c);
#pragma GCC unroll 16
    for (Floats& element : result) element += start;
    if (relu) {
#pragma GCC unroll 16
      for (Floats& element : result) element = element < 0.0F ? Floats{} : element;  // NaN is kept
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j)
        store(y + i * plane.row_step + j * plane.column_step + c, result[i * 4 + j]);
    }
  }
}

void winograd_gradient(const float* g, Plane plane, int64_t rows, int64_t columns, int64_t channels, float* frequencies,
                       int64_t frequency_step, ChannelSums sums) {
  for (int64_t c = 0; c < channels; c += lanes) {
    Floats tile[16];
    for (Floats& element : tile) element = Floats{};
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) tile[i * 4 + j] = load(g + i * plane.row_step + j * plane.column_step + c);
    }
    Floats magnitudes = load(sums.magnitudes + c);
    Floats square_sum = load(sums.squares + c);
#pragma GCC unroll 16
    for (const Floats& element : tile) {
      magnitudes += magnitude(element);
      square_sum += element * element;
    }
    store(sums.magnitudes + c, magnitudes);
    store(sums.squares + c, square_sum);
    Floats result[36];
    transform_square<transform_gradient, 4, 6>(tile, result);
    store_frequencies(result, frequencies + c, frequency_step);
  }
}

// Lanes are the columns of the products here, arranged in panels like those of a matrix product.
void winograd_weight(const float* w, int64_t depth_stride, int64_t column_stride, bool rotated, int64_t depth,
                     int64_t columns, float* packed, int64_t frequency_step, ChannelSums sums) {
  constexpr int64_t panel = 2 * lanes;
  for (int64_t j = 0; j < columns; j += lanes) {
    float* to = packed + j / panel * panel * depth + j % panel;
    Floats magnitudes{};
    Floats square_sum{};
    for (int64_t d = 0; d < depth; ++d, to += panel) {
      const float* from = w + d * depth_stride + j * column_stride;
      Floats kernel[9];
      for (int element = 0; element < 9; ++element) {
        float column[lanes];
        for (int64_t lane = 0; lane < lanes; ++lane) column[lane] = from[lane * column_stride + element];
        const Floats weights = load(column);
        kernel[rotated ? 8 - element : element] = weights;
        magnitudes += magnitude(weights);
        square_sum += weights * weights;
      }
      Floats result[36];
      transform_square<transform_weight, 3, 6>(kernel, result);
      store_frequencies(result, to, frequency_step);
    }
    store(sums.magnitudes + j, magnitudes);
    store(sums.squares + j, square_sum);
  }
}

// sums[k][i] += scale * from[k][i], where from[k] is the position of tap k: one vector for each tap that is inside.
void winograd_add_taps(const float* const (&from)[9], float scale, int64_t channels, float* sums) {
  for (int k = 0; k < 9; ++k, sums += channels) {
    if (from[k] == nullptr) continue;
    for (int64_t c = 0; c < channels; c += lanes) store(sums + c, load(sums + c) + scale * load(from[k] + c));
  }
}

void winograd_weight_gradient(const float* frequencies, int64_t frequency_step, int64_t channels, float* w) {
  for (int64_t c = 0; c < channels; c += lanes, w += 9 * lanes) {
    Floats tile[36];
    load_frequencies(frequencies + c, frequency_step, tile);
    Floats kernel[9];
    transform_square<transform_weight_gradient, 6, 3>(tile, kernel);
    for (int element = 0; element < 9; ++element) {
      float column[lanes];
      store(column, kernel[element]);
      for (int64_t lane = 0; lane < lanes; ++lane) w[lane * 9 + element] = column[lane];
    }
  }
}

}  // namespace

void fill_winograd(KernelSet& set) {
  set.winograd = {winograd_input,    winograd_source, winograd_windows,         winograd_output,
                  winograd_gradient, winograd_weight, winograd_weight_gradient, winograd_add_taps};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
