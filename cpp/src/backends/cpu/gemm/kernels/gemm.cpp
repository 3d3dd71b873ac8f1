// Matrix products: packing into panels, the product of panels in registers, and small products without packing.
#include <array>
#include <utility>

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/stream.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Rows of a register tile. With two vectors per row, this leaves room for the operands beside the accumulators.
#if defined(__AVX512F__)
constexpr int tile_rows = 14;
#elif defined(__AVX__)
constexpr int tile_rows = 6;
#else
constexpr int tile_rows = 4;
#endif
template <class T>
constexpr int64_t tile_columns = 2 * vector_length<T>;

// Packs lines of `length` consecutive elements, `stride` apart in memory, as the columns of a panel of `width` columns:
// panel[i * width + line] = lines[line * stride + i]. Missing lines become zeros.
template <class T>
inline void pack_lines(const T* lines, int64_t stride, int64_t line_count, int64_t length, int64_t width, T* panel) {
  constexpr int64_t side = vector_length<T>;
  for (int64_t first = 0; first < width; first += side) {
    const int64_t present = line_count - first < side ? line_count - first : side;
    // In a panel narrower than a vector, the next row overwrites the excess lanes written by this one.
    const int64_t used = width <= side || width - first >= side ? side : width - first;
    for (int64_t i = 0; i < length; i += side) {
      const int64_t count = length - i < side ? length - i : side;
      Vector<T> square[side];
#pragma GCC unroll 16
      for (int64_t line = 0; line < side; ++line) {
        square[line] = Vector<T>{};
        if (line < present) square[line] = load_part(lines + (first + line) * stride + i, count, T(0));
      }
      transpose_square<T>(square);
#pragma GCC unroll 16
      for (int64_t k = 0; k < side; ++k) {
        if (k >= count) break;
        store_part(panel + (i + k) * width + first, square[k], used);
      }
    }
  }
}

// Packs lines that run across the panel: panel[i * width + lane] = lines[i * stride + lane * lane_stride].
template <class T>
inline void pack_across(const T* lines, int64_t stride, int64_t lane_stride, int64_t length, int64_t present,
                        int64_t width, T* panel) {
  constexpr int64_t side = vector_length<T>;
  for (int64_t i = 0; i < length; ++i) {
    const T* line = lines + i * stride;
    T* to = panel + i * width;
    if (lane_stride != 1) {
      for (int64_t lane = 0; lane < width; ++lane) to[lane] = lane < present ? line[lane * lane_stride] : T(0);
      continue;
    }
    // Whole vectors are stored, except near the end of the panel: the next rows overwrite the excess lanes.
    const int64_t room = (length - i) * width;
    for (int64_t lane = 0; lane < width; lane += side) {
      const Vector<T> part = lane < present ? load_part(line + lane, present - lane, T(0)) : Vector<T>{};
      store_part(to + lane, part, room - lane < side ? width - lane : side);
    }
  }
}

// Packs a panel of `width` lanes, of which `lanes` are present.
template <class T>
inline void pack_panel(const T* from, int64_t lane_stride, int64_t depth_stride, int64_t lanes, int64_t depth,
                       int64_t width, T* panel) {
  if (depth_stride == 1) {
    pack_lines(from, lane_stride, lanes, depth, width, panel);
  } else {
    pack_across(from, depth_stride, lane_stride, depth, lanes, width, panel);
  }
}

// Rows are cut into as few tiles as possible, of about equal height. Returns the first row of tile number `tile`.
inline int64_t tile_begin(int64_t rows, int64_t tile) {
  const int64_t tiles = (rows + tile_rows - 1) / tile_rows;
  return rows * tile / tiles;
}

// Matrices whose lines run across the panels are packed a few lines at a time for all panels: lines are often a power
// of two apart, and would not stay in the caches from one panel to the next.
constexpr int64_t depth_at_once = 8;

template <class T>
void pack_a(const void* a, int64_t row_stride, int64_t depth_stride, int64_t rows, int64_t depth, void* packed) {
  const int64_t step = depth_stride == 1 ? depth : depth_at_once;
  for (int64_t k = 0; k < depth; k += step) {
    const int64_t length = depth - k < step ? depth - k : step;
    int64_t end = 0;
    for (int64_t tile = 1, begin = 0; begin < rows; ++tile, begin = end) {
      end = tile_begin(rows, tile);
      const int64_t height = end - begin;
      pack_panel(static_cast<const T*>(a) + begin * row_stride + k * depth_stride, row_stride, depth_stride, height,
                 length, height, static_cast<T*>(packed) + begin * depth + k * height);
    }
  }
}

template <class T>
void pack_b(const void* b, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns, void* packed) {
  constexpr int64_t width = tile_columns<T>;
  const int64_t step = depth_stride == 1 ? depth : depth_at_once;
  for (int64_t k = 0; k < depth; k += step) {
    const int64_t length = depth - k < step ? depth - k : step;
    for (int64_t first = 0; first < columns; first += width) {
      pack_panel(static_cast<const T*>(b) + first * column_stride + k * depth_stride, column_stride, depth_stride,
                 columns - first < width ? columns - first : width, length, width,
                 static_cast<T*>(packed) + first * depth + k * width);
    }
  }
}

// What a tile prefetches into the L2 cache for a later tile in each of its steps: a line of A and two vectors of B.
// Both steps are 0 if there is nothing to prefetch.
template <class T>
struct Fetches {
  const T* a;
  int64_t a_step;
  const T* b;
  int64_t b_step;
};

// Computes one tile of `rows` rows and `vectors` vectors of columns: c = a b + bias, or c += a b + bias, where a and b
// advance by their steps. Only whole vectors are streamed.
template <class T, int rows, int vectors, bool fetches = false>
inline void multiply_steps(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t depth, T* c,
                           int64_t c_stride, int64_t columns, const T* bias, Store how,
                           const Fetches<T>* fetch = nullptr) {
  constexpr int64_t length = vector_length<T>;
  Vector<T> sums[rows][vectors];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) {
    const Vector<T> start = bias == nullptr ? Vector<T>{} : load_part(bias + v * length, columns - v * length, T(0));
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) sums[r][v] = start;
  }
  if (how != Store::stream) {
    const T* row = c;
    for (int r = 0; r < rows; ++r, row += c_stride) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(row + v * length, 1);
    }
  }
  for (int64_t k = 0; k < depth; ++k, a += a_step, b += b_step) {
    Vector<T> right[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      right[v] = load(b + v * length);
      if constexpr (fetches) __builtin_prefetch(fetch->b + k * fetch->b_step + v * length, 0, 2);
    }
    if constexpr (fetches) __builtin_prefetch(fetch->a + k * fetch->a_step, 0, 2);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[r][v] += a[r] * right[v];
    }
  }
  T* row = c;
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r, row += c_stride) {
    // Addresses are computed here, not kept in registers, or in memory, while the product is computed.
    __asm__("" : "+r"(row));
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      T* to = row + v * length;
      if (how == Store::stream && columns - v * length >= length) {
        stream(to, sums[r][v]);
        continue;
      }
      if (how == Store::add) sums[r][v] += load_part(to, columns - v * length, T(0));
      store_part(to, sums[r][v], columns - v * length);
    }
  }
}

template <class T, int rows, int vectors>
void multiply_tile(const T* a, const T* b, int64_t depth, T* c, int64_t c_stride, int64_t columns, const T* bias,
                   Store how) {
  multiply_steps<T, rows, vectors>(a, rows, b, tile_columns<T>, depth, c, c_stride, columns, bias, how);
}

template <class T>
using TileProduct = void (*)(const T* a, const T* b, int64_t depth, T* c, int64_t c_stride, int64_t columns,
                             const T* bias, Store how);

// The tile product for each height, lowest first.
template <class T, int vectors, int... row>
constexpr std::array<TileProduct<T>, tile_rows> tiles_of_heights(std::integer_sequence<int, row...>) {
  return {multiply_tile<T, row + 1, vectors>...};
}

template <class T>
void multiply(const void* packed_a, const void* packed_b, int64_t rows, int64_t columns, int64_t depth, void* c,
              int64_t c_stride, const void* bias, Store how) {
  using Heights = std::make_integer_sequence<int, tile_rows>;
  static constexpr auto narrow = tiles_of_heights<T, 1>(Heights());
  static constexpr auto wide = tiles_of_heights<T, 2>(Heights());
  for (int64_t j = 0; j < columns; j += tile_columns<T>) {
    const T* b = static_cast<const T*>(packed_b) + j * depth;
    const T* tile_bias = bias == nullptr ? nullptr : static_cast<const T*>(bias) + j;
    const int64_t width = columns - j < tile_columns<T> ? columns - j : tile_columns<T>;
    const auto& tiles = width <= vector_length<T> ? narrow : wide;
    int64_t end = 0;
    for (int64_t tile = 1, begin = 0; begin < rows; ++tile, begin = end) {
      end = tile_begin(rows, tile);
      tiles[static_cast<size_t>(end - begin - 1)](static_cast<const T*>(packed_a) + begin * depth, b, depth,
                                                  static_cast<T*>(c) + begin * c_stride + j, c_stride, width, tile_bias,
                                                  how);
    }
  }
  if (how == Store::stream) finish_streamed_stores();
}

template <class T>
using WideTile = void (*)(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t depth, T* c, int64_t c_stride,
                          const T* bias, bool accumulate, const Fetches<T>& fetch);

template <class T, int rows, bool fetches>
void multiply_wide_tile(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t depth, T* c, int64_t c_stride,
                        const T* bias, bool accumulate, const Fetches<T>& fetch) {
  multiply_steps<T, rows, 2, fetches>(a, a_step, b, b_step, depth, c, c_stride, tile_columns<T>, bias,
                                      accumulate ? Store::add : Store::overwrite, &fetch);
}

template <class T, bool fetches, int... row>
constexpr std::array<WideTile<T>, tile_rows> wide_tiles(std::integer_sequence<int, row...>) {
  return {multiply_wide_tile<T, row + 1, fetches>...};
}

// A panel of B of this depth and a tile of A fit into the smallest L1 cache, and the panel into the stack.
constexpr int64_t copied_depth = 192;

template <class T>
inline void copy_panel(const T* b, int64_t b_step, int64_t depth, T* panel) {
  for (int64_t k = 0; k < depth; ++k, b += b_step, panel += tile_columns<T>) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) store(panel + v * vector_length<T>, load(b + v * vector_length<T>));
  }
}

// Columns come in whole tiles. The first tile of each column of tiles prefetches the next columns of B, and the first
// column of tiles prefetches the next block of A. Where A is packed and there are several tiles, these share a copy of
// their columns of B: rows of B are often a power of two apart, and then only few of them stay in the caches from one
// tile to the next.
template <class T>
void multiply_wide(const void* a, int64_t a_step, const void* b, int64_t b_step, bool has_next, int64_t rows,
                   int64_t columns, int64_t depth, void* c, int64_t c_stride, const void* bias, bool accumulate) {
  using Heights = std::make_integer_sequence<int, tile_rows>;
  static constexpr auto fetching = wide_tiles<T, true>(Heights());
  static constexpr auto others = wide_tiles<T, false>(Heights());
  const T* left = static_cast<const T*>(a);
  const T* right = static_cast<const T*>(b);
  const bool is_packed = a_step == 0;
  const bool copies = is_packed && rows > tile_rows && depth <= copied_depth;
  alignas(64) T panel[copied_depth * tile_columns<T>];
  for (int64_t j = 0; j < columns; j += tile_columns<T>) {
    const bool is_last = j + tile_columns<T> >= columns;
    const T* next_b = is_last ? right + depth * b_step : right + j + tile_columns<T>;
    const bool has_next_b = !is_last || has_next;
    if (copies) copy_panel(right + j, b_step, depth, panel);
    const T* columns_of_b = copies ? panel : right + j;
    const int64_t step = copies ? tile_columns<T> : b_step;
    int64_t end = 0;
    for (int64_t tile = 1, begin = 0; begin < rows; ++tile, begin = end) {
      end = tile_begin(rows, tile);
      const bool fetches_a = j == 0 && has_next && !is_packed;
      const bool fetches_b = begin == 0 && has_next_b;
      const Fetches<T> fetch = {fetches_a ? left + depth * a_step + begin : left, fetches_a ? a_step : 0,
                                fetches_b ? next_b : right, fetches_b ? b_step : 0};
      const int64_t height = end - begin;
      (fetches_a || fetches_b ? fetching : others)[static_cast<size_t>(height - 1)](
          left + (is_packed ? begin * depth : begin), is_packed ? height : a_step, columns_of_b, step, depth,
          static_cast<T*>(c) + begin * c_stride + j, c_stride,
          bias == nullptr ? nullptr : static_cast<const T*>(bias) + j, accumulate, fetch);
    }
  }
}

// Multiplies `block` rows with `vectors` vectors of columns, the last of which has `last` columns. A may have any
// layout, B has contiguous rows.
template <class T, int block, int vectors, bool whole>
inline void multiply_rows(const T* a, int64_t a_row_stride, int64_t a_depth_stride, const T* b, int64_t b_stride,
                          int64_t last, int64_t depth, T* c, int64_t c_stride, const T* bias) {
  constexpr int64_t length = vector_length<T>;
  const auto load_vector = [&](const T* from, int v) {
    return whole || v + 1 < vectors ? load(from + v * length) : load_part(from + v * length, last, T(0));
  };
  Vector<T> sums[block][vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const Vector<T> start = bias == nullptr ? Vector<T>{} : load_vector(bias, v);
#pragma GCC unroll 8
    for (int r = 0; r < block; ++r) sums[r][v] = start;
  }
  for (int64_t k = 0; k < depth; ++k, a += a_depth_stride, b += b_stride) {
    Vector<T> right[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) right[v] = load_vector(b, v);
#pragma GCC unroll 8
    for (int r = 0; r < block; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sums[r][v] += a[r * a_row_stride] * right[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < block; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      T* to = c + r * c_stride + v * length;
      if (whole || v + 1 < vectors) {
        store(to, sums[r][v]);
      } else {
        store_part(to, sums[r][v], last);
      }
    }
  }
}

// Multiplies `block` rows with all columns, two vectors at a time.
template <class T, int block>
inline void multiply_short_rows(const T* a, int64_t a_row_stride, int64_t a_depth_stride, const T* b, int64_t b_stride,
                                int64_t columns, int64_t depth, T* c, int64_t c_stride, const T* bias) {
  constexpr int64_t length = vector_length<T>;
  int64_t j = 0;
  const auto multiply_columns = [&]<int vectors, bool whole>() {
    multiply_rows<T, block, vectors, whole>(a, a_row_stride, a_depth_stride, b + j, b_stride,
                                            columns - j - (vectors - 1) * length, depth, c + j, c_stride,
                                            bias == nullptr ? nullptr : bias + j);
  };
  for (; j + 2 * length <= columns; j += 2 * length) multiply_columns.template operator()<2, true>();
  if (columns - j > length) {
    multiply_columns.template operator()<2, false>();
  } else if (columns - j == length) {
    multiply_columns.template operator()<1, true>();
  } else if (columns > j) {
    multiply_columns.template operator()<1, false>();
  }
}

// Multiplies `block` rows with all columns, `steps` rows of B at a time, so that long rows of a B that does not fit
// into the caches are read in memory order.
template <class T, int block, int steps>
inline void add_products(const T* a, int64_t a_row_stride, int64_t a_depth_stride, const T* b, int64_t b_stride,
                         int64_t columns, T* c, int64_t c_stride) {
  constexpr int64_t length = vector_length<T>;
  for (int64_t j = 0; j < columns; j += length) {
    const int64_t width = columns - j < length ? columns - j : length;
    Vector<T> sums[block];
#pragma GCC unroll 8
    for (int r = 0; r < block; ++r) sums[r] = load_part(c + r * c_stride + j, width, T(0));
#pragma GCC unroll 8
    for (int k = 0; k < steps; ++k) {
      const Vector<T> row = load_part(b + k * b_stride + j, width, T(0));
#pragma GCC unroll 8
      for (int r = 0; r < block; ++r) sums[r] += a[r * a_row_stride + k * a_depth_stride] * row;
    }
#pragma GCC unroll 8
    for (int r = 0; r < block; ++r) store_part(c + r * c_stride + j, sums[r], width);
  }
}

template <class T, int block>
inline void multiply_long_rows(const T* a, int64_t a_row_stride, int64_t a_depth_stride, const T* b, int64_t b_stride,
                               int64_t columns, int64_t depth, T* c, int64_t c_stride, const T* bias) {
  for (int r = 0; r < block; ++r) {
    for (int64_t j = 0; j < columns; ++j) c[r * c_stride + j] = bias == nullptr ? T(0) : bias[j];
  }
  int64_t k = 0;
  for (; k + 8 <= depth; k += 8) {
    add_products<T, block, 8>(a + k * a_depth_stride, a_row_stride, a_depth_stride, b + k * b_stride, b_stride, columns,
                              c, c_stride);
  }
  for (; k < depth; ++k) {
    add_products<T, block, 1>(a + k * a_depth_stride, a_row_stride, a_depth_stride, b + k * b_stride, b_stride, columns,
                              c, c_stride);
  }
}

template <class T>
void multiply_small(const void* a, int64_t a_row_stride, int64_t a_depth_stride, const void* b, int64_t b_stride,
                    int64_t rows, int64_t columns, int64_t depth, void* c, int64_t c_stride, const void* bias) {
  const T* right = static_cast<const T*>(b);
  const T* add = static_cast<const T*>(bias);
  const auto multiply_block = [&]<int block>(int64_t i) {
    const T* left = static_cast<const T*>(a) + i * a_row_stride;
    T* to = static_cast<T*>(c) + i * c_stride;
    if (columns * depth > 32768) {
      multiply_long_rows<T, block>(left, a_row_stride, a_depth_stride, right, b_stride, columns, depth, to, c_stride,
                                   add);
      return;
    }
    multiply_short_rows<T, block>(left, a_row_stride, a_depth_stride, right, b_stride, columns, depth, to, c_stride,
                                  add);
  };
  int64_t i = 0;
  // With AVX-512 there are registers for twice as many sums as are in flight at once.
  constexpr int most = sizeof(Vector<T>) == 64 ? 8 : 4;
  for (; i + most <= rows; i += most) multiply_block.template operator()<most>(i);
  for (; i + 4 <= rows; i += 4) multiply_block.template operator()<4>(i);
  for (; i + 2 <= rows; i += 2) multiply_block.template operator()<2>(i);
  if (i < rows) multiply_block.template operator()<1>(i);
}

struct Sum {
  template <class V>
  static inline V join(V a, V b) {
    return a + b;
  }
};

// The products of one row of A with `block` rows of the transposed B, all contiguous along k.
template <class T, int block>
inline void multiply_dots(const T* a, const T* b, int64_t b_stride, int64_t depth, T* c, const T* bias) {
  constexpr int64_t length = vector_length<T>;
  Vector<T> sums[block];
#pragma GCC unroll 8
  for (int j = 0; j < block; ++j) sums[j] = Vector<T>{};
  for (int64_t k = 0; k < depth; k += length) {
    const int64_t width = depth - k < length ? depth - k : length;
    const Vector<T> left = load_part(a + k, width, T(0));
#pragma GCC unroll 8
    for (int j = 0; j < block; ++j) sums[j] += left * load_part(b + j * b_stride + k, width, T(0));
  }
#pragma GCC unroll 8
  for (int j = 0; j < block; ++j) {
    c[j] = join_lanes<Sum, T>(sums[j]) + (bias == nullptr ? T(0) : bias[j]);
  }
}

template <class T>
void multiply_dot(const void* a, int64_t a_stride, const void* b, int64_t b_stride, int64_t rows, int64_t columns,
                  int64_t depth, void* c, int64_t c_stride, const void* bias) {
  for (int64_t i = 0; i < rows; ++i) {
    const T* left = static_cast<const T*>(a) + i * a_stride;
    const T* right = static_cast<const T*>(b);
    T* to = static_cast<T*>(c) + i * c_stride;
    const T* add = static_cast<const T*>(bias);
    int64_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      multiply_dots<T, 4>(left, right + j * b_stride, b_stride, depth, to + j, add == nullptr ? add : add + j);
    }
    for (; j < columns; ++j) {
      multiply_dots<T, 1>(left, right + j * b_stride, b_stride, depth, to + j, add == nullptr ? add : add + j);
    }
  }
}

template <class T>
constexpr GemmKernels gemm_kernels() {
  return {tile_rows,   tile_columns<T>,  pack_a<T>,         pack_b<T>,
          multiply<T>, multiply_wide<T>, multiply_small<T>, multiply_dot<T>};
}

}  // namespace

void fill_matmul(KernelSet& set) {
  set.gemm[0] = gemm_kernels<float>();
  set.gemm[1] = gemm_kernels<double>();
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
