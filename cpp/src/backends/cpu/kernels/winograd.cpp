// Winograd's convolutions F(4 x 4, 3 x 3), interpolated at 0, 1, -1, 2, -2 and infinity (Lavin and Gray, 2016): one
// multiplication per frequency takes the place of 4 of the 9 x 16 of a tile. Lanes are channels.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

using Lanes = Vector<float>;
constexpr int64_t lanes = vector_length<float>;

// One axis of each transform: reads at `from`, writes at `to`, in steps.

inline void transform_input(const Lanes* from, int from_step, Lanes* to, int to_step) {
  const Lanes d0 = from[0], d1 = from[from_step], d2 = from[2 * from_step], d3 = from[3 * from_step],
              d4 = from[4 * from_step], d5 = from[5 * from_step];
  const Lanes even = d4 - 4.0F * d2;
  const Lanes odd = d3 - 4.0F * d1;
  const Lanes even2 = d4 - d2;
  const Lanes odd2 = 2.0F * (d3 - d1);
  to[0] = 4.0F * d0 - 5.0F * d2 + d4;
  to[to_step] = even + odd;
  to[2 * to_step] = even - odd;
  to[3 * to_step] = even2 + odd2;
  to[4 * to_step] = even2 - odd2;
  to[5 * to_step] = 4.0F * d1 - 5.0F * d3 + d5;
}

inline void transform_output(const Lanes* from, int from_step, Lanes* to, int to_step) {
  const Lanes m1 = from[from_step], m2 = from[2 * from_step], m3 = from[3 * from_step], m4 = from[4 * from_step];
  const Lanes sum = m1 + m2, difference = m1 - m2;
  const Lanes sum2 = m3 + m4, difference2 = m3 - m4;
  to[0] = from[0] + sum + sum2;
  to[to_step] = difference + 2.0F * difference2;
  to[2 * to_step] = sum + 4.0F * sum2;
  to[3 * to_step] = difference + 8.0F * difference2 + from[5 * from_step];
}

inline void transform_gradient(const Lanes* from, int from_step, Lanes* to, int to_step) {
  const Lanes g0 = from[0], g1 = from[from_step], g2 = from[2 * from_step], g3 = from[3 * from_step];
  const Lanes even = g0 + g2, odd = g1 + g3;
  const Lanes even2 = g0 + 4.0F * g2, odd2 = 2.0F * g1 + 8.0F * g3;
  to[0] = g0;
  to[to_step] = even + odd;
  to[2 * to_step] = even - odd;
  to[3 * to_step] = even2 + odd2;
  to[4 * to_step] = even2 - odd2;
  to[5 * to_step] = g3;
}

inline void transform_weight(const Lanes* from, int from_step, Lanes* to, int to_step) {
  const Lanes w0 = from[0], w1 = from[from_step], w2 = from[2 * from_step];
  const Lanes outer = (-1.0F / 6) * (w0 + w2), inner = (-1.0F / 6) * w1;
  const Lanes outer2 = (1.0F / 24) * w0 + (1.0F / 6) * w2, inner2 = (1.0F / 12) * w1;
  to[0] = 0.25F * w0;
  to[to_step] = outer + inner;
  to[2 * to_step] = outer - inner;
  to[3 * to_step] = outer2 + inner2;
  to[4 * to_step] = outer2 - inner2;
  to[5 * to_step] = w2;
}

inline void transform_weight_gradient(const Lanes* from, int from_step, Lanes* to, int to_step) {
  const Lanes u1 = from[from_step], u2 = from[2 * from_step], u3 = from[3 * from_step], u4 = from[4 * from_step];
  const Lanes sum = (-1.0F / 6) * (u1 + u2), difference = (1.0F / 6) * (u2 - u1);
  const Lanes sum2 = u3 + u4, difference2 = (1.0F / 12) * (u3 - u4);
  to[0] = 0.25F * from[0] + sum + (1.0F / 24) * sum2;
  to[to_step] = difference + difference2;
  to[2 * to_step] = sum + (1.0F / 6) * sum2 + from[5 * from_step];
}

// A transform of both axes, of a `from_size` square to a `to_size` square.
template <auto transform, int from_size, int to_size>
inline void transform_square(const Lanes (&from)[from_size * from_size], Lanes (&to)[to_size * to_size]) {
  Lanes between[to_size * from_size];
#pragma GCC unroll 6
  for (int column = 0; column < from_size; ++column) transform(from + column, from_size, between + column, from_size);
#pragma GCC unroll 6
  for (int row = 0; row < to_size; ++row) transform(between + row * from_size, 1, to + row * to_size, 1);
}

void store_frequencies(const Lanes (&all)[36], float* to, int64_t step) {
#pragma GCC unroll 36
  for (int f = 0; f < 36; ++f) store(to + f * step, all[f]);
}

void load_frequencies(const float* from, int64_t step, Lanes (&all)[36]) {
#pragma GCC unroll 36
  for (int f = 0; f < 36; ++f) all[f] = load(from + f * step);
}

void winograd_input(const float* x, Plane plane, int64_t top, int64_t bottom, int64_t left, int64_t right,
                    int64_t channels, float* frequencies, int64_t frequency_step) {
  const bool whole = top == 0 && left == 0 && bottom == 6 && right == 6;
  for (int64_t c = 0; c < channels; c += lanes) {
    Lanes tile[36];
    if (whole) {
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) {
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) tile[i * 6 + j] = load(x + i * plane.row_step + j * plane.column_step + c);
      }
    } else {
      for (Lanes& element : tile) element = Lanes{};
      for (int64_t i = top; i < bottom; ++i) {
        for (int64_t j = left; j < right; ++j)
          tile[i * 6 + j] = load(x + i * plane.row_step + j * plane.column_step + c);
      }
    }
    Lanes result[36];
    transform_square<transform_input, 6, 6>(tile, result);
    store_frequencies(result, frequencies + c, frequency_step);
  }
}

void winograd_output(const float* frequencies, int64_t frequency_step, int64_t channels, const float* bias, bool relu,
                     float* y, Plane plane, int64_t rows, int64_t columns) {
  for (int64_t c = 0; c < channels; c += lanes) {
    Lanes tile[36];
    load_frequencies(frequencies + c, frequency_step, tile);
    Lanes result[16];
    transform_square<transform_output, 6, 4>(tile, result);
    const Lanes start = bias == nullptr ? Lanes{} : load(bias + c);
#pragma GCC unroll 16
    for (Lanes& element : result) element += start;
    if (relu) {
#pragma GCC unroll 16
      for (Lanes& element : result) element = element < 0.0F ? Lanes{} : element;  // keeps what is not a number
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j)
        store(y + i * plane.row_step + j * plane.column_step + c, result[i * 4 + j]);
    }
  }
}

void winograd_gradient(const float* g, Plane plane, int64_t rows, int64_t columns, int64_t channels, float* frequencies,
                       int64_t frequency_step) {
  for (int64_t c = 0; c < channels; c += lanes) {
    Lanes tile[16];
    for (Lanes& element : tile) element = Lanes{};
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) tile[i * 4 + j] = load(g + i * plane.row_step + j * plane.column_step + c);
    }
    Lanes result[36];
    transform_square<transform_gradient, 4, 6>(tile, result);
    store_frequencies(result, frequencies + c, frequency_step);
  }
}

// Lanes are columns of the products here, in panels as those of a product have them.
void winograd_weight(const float* w, int64_t depth_stride, int64_t column_stride, bool rotated, int64_t depth,
                     int64_t columns, float* packed, int64_t frequency_step) {
  constexpr int64_t panel = 2 * lanes;
  for (int64_t j = 0; j < columns; j += lanes) {
    float* to = packed + j / panel * panel * depth + j % panel;
    for (int64_t d = 0; d < depth; ++d, to += panel) {
      const float* from = w + d * depth_stride + j * column_stride;
      Lanes kernel[9];
      for (int element = 0; element < 9; ++element) {
        float column[lanes];
        for (int64_t lane = 0; lane < lanes; ++lane) column[lane] = from[lane * column_stride + element];
        kernel[rotated ? 8 - element : element] = load(column);
      }
      Lanes result[36];
      transform_square<transform_weight, 3, 6>(kernel, result);
      store_frequencies(result, to, frequency_step);
    }
  }
}

void winograd_weight_gradient(const float* frequencies, int64_t frequency_step, int64_t channels, float* w) {
  for (int64_t c = 0; c < channels; c += lanes, w += 9 * lanes) {
    Lanes tile[36];
    load_frequencies(frequencies + c, frequency_step, tile);
    Lanes kernel[9];
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
  set.winograd = {winograd_input, winograd_output, winograd_gradient, winograd_weight, winograd_weight_gradient};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
