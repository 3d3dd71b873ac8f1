// Float32 products by AMX tiles. This file is compiled for processors with AMX and runs only on these, so it must not
// contain inline functions that other files share.
#include "backends/cpu/gemm/bf16x3_kernels.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // a false warning in the intrinsics headers of GCC 12
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

namespace pydl::cpu::amx {

namespace {

// A tile of A has 16 rows of 32 elements along the depth. A tile of B has 16 rows of 16 pairs, each of two elements
// along the depth (the layout that `tdpbf16ps` reads). For each 32 of depth, a strip has three parts of two tiles.
constexpr int64_t tile_side = 16;
constexpr int64_t tile_items = 16 * 32;
constexpr int64_t part_items = 2 * tile_items;
constexpr int64_t block_items = 3 * part_items;

int64_t blocks_of(int64_t depth) { return (depth + bf16x3_depth - 1) / bf16x3_depth; }

// Returns the start of the tile whose first element along a strip's side is element `i`, in the given block.
uint16_t* tile_at(void* packed, int64_t i, int64_t block, int64_t blocks) {
  return static_cast<uint16_t*>(packed) + (i / bf16x3_strip * blocks + block) * block_items +
         i / tile_side % 2 * tile_items;
}

__mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xffff : count <= 0 ? 0 : (1U << count) - 1);
}

struct Parts {
  __m512i part[3];
};

__m512 widened(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }

// Splits two vectors; the elements of `x` come first.
Parts split(__m512 x, __m512 y) {
  Parts parts;
  for (int i = 0; i < 3; ++i) {
    const __m512i part = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(y, x));
    parts.part[i] = part;
    x = _mm512_sub_ps(x, widened(_mm512_castsi512_si256(part)));
    y = _mm512_sub_ps(y, widened(_mm512_extracti64x4_epi64(part, 1)));
  }
  return parts;
}

void store(const Parts& parts, uint16_t* position) {
  for (int i = 0; i < 3; ++i) _mm512_store_si512(position + i * part_items, parts.part[i]);
}

void store_zeros(uint16_t* position) {
  for (int i = 0; i < 3; ++i) _mm512_store_si512(position + i * part_items, _mm512_setzero_si512());
}

// Transposes 16 x 16 elements.
void transpose_elements(__m512* rows) {
  __m512i x[16];
  __m512i y[16];
  for (int i = 0; i < 16; ++i) x[i] = _mm512_castps_si512(rows[i]);
  for (int i = 0; i < 8; ++i) {
    y[2 * i] = _mm512_unpacklo_epi32(x[2 * i], x[2 * i + 1]);
    y[2 * i + 1] = _mm512_unpackhi_epi32(x[2 * i], x[2 * i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    y[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
    y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
    y[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
    y[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; ++i) {
    rows[i] = _mm512_castsi512_ps(_mm512_shuffle_i32x4(y[i], y[i + 8], 0x88));
    rows[i + 8] = _mm512_castsi512_ps(_mm512_shuffle_i32x4(y[i], y[i + 8], 0xdd));
  }
}

// Transposes 8 x 8 pairs of elements.
void transpose_pairs(__m512* rows) {
  __m512d x[8];
  __m512d y[8];
  for (int i = 0; i < 8; ++i) x[i] = _mm512_castps_pd(rows[i]);
  for (int i = 0; i < 4; ++i) {
    y[2 * i] = _mm512_unpacklo_pd(x[2 * i], x[2 * i + 1]);
    y[2 * i + 1] = _mm512_unpackhi_pd(x[2 * i], x[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    x[i] = _mm512_shuffle_f64x2(y[i], y[i + 2], 0x88);
    x[i + 2] = _mm512_shuffle_f64x2(y[i], y[i + 2], 0xdd);
    x[i + 4] = _mm512_shuffle_f64x2(y[i + 4], y[i + 6], 0x88);
    x[i + 6] = _mm512_shuffle_f64x2(y[i + 4], y[i + 6], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm512_castpd_ps(_mm512_shuffle_f64x2(x[i], x[i + 4], 0x88));
    rows[i + 4] = _mm512_castpd_ps(_mm512_shuffle_f64x2(x[i], x[i + 4], 0xdd));
  }
}

// The memory layout of a tile's numbers. The functions below read up to 16 rows of A or columns of B (`side`) and up to
// 32 along the depth (`depth`). One of the two is contiguous, and `stride` is the step of the other. Missing elements
// are zero.
enum class Lies { a_along_depth, a_across_depth, b_along_depth, b_across_depth };

constexpr bool is_along_depth(Lies lies) { return lies == Lies::a_along_depth || lies == Lies::b_along_depth; }

template <Lies lies>
void pack_tile(const float* x, int64_t stride, int64_t side, int64_t depth, uint16_t* position);

template <>
void pack_tile<Lies::a_along_depth>(const float* x, int64_t stride, int64_t side, int64_t depth, uint16_t* position) {
  const __mmask16 low = first(depth);
  const __mmask16 high = first(depth - 16);
  for (int64_t i = 0; i < tile_side; ++i, position += bf16x3_depth) {
    if (i >= side) {
      store_zeros(position);
      continue;
    }
    const float* row = x + i * stride;
    store(split(_mm512_maskz_loadu_ps(low, row), _mm512_maskz_loadu_ps(high, high == 0 ? row : row + 16)), position);
  }
}

template <>
void pack_tile<Lies::a_across_depth>(const float* x, int64_t stride, int64_t side, int64_t depth, uint16_t* position) {
  const __mmask16 mask = first(side);
  __m512 rows[2][16];
  for (int64_t k = 0; k < bf16x3_depth; ++k) {
    rows[k / 16][k % 16] = k < depth ? _mm512_maskz_loadu_ps(mask, x + k * stride) : _mm512_setzero_ps();
  }
  transpose_elements(rows[0]);
  transpose_elements(rows[1]);
  for (int64_t i = 0; i < tile_side; ++i) store(split(rows[0][i], rows[1][i]), position + i * bf16x3_depth);
}

// Interleaves the parts of two rows.
template <>
void pack_tile<Lies::b_across_depth>(const float* x, int64_t stride, int64_t side, int64_t depth, uint16_t* position) {
  alignas(64) static constexpr uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                     8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i interleaved = _mm512_load_si512(order);
  const __mmask16 mask = first(side);
  for (int64_t k = 0; k < bf16x3_depth; k += 2, position += 2 * tile_side) {
    const __m512 even = k < depth ? _mm512_maskz_loadu_ps(mask, x + k * stride) : _mm512_setzero_ps();
    const __m512 odd = k + 1 < depth ? _mm512_maskz_loadu_ps(mask, x + (k + 1) * stride) : _mm512_setzero_ps();
    Parts parts = split(even, odd);
    for (__m512i& part : parts.part) part = _mm512_permutexvar_epi16(interleaved, part);
    store(parts, position);
  }
}

template <>
void pack_tile<Lies::b_along_depth>(const float* x, int64_t stride, int64_t side, int64_t depth, uint16_t* position) {
  for (int64_t k = 0; k < bf16x3_depth; k += 16) {
    const __mmask16 mask = first(depth - k);
    __m512 columns[2][8];
    for (int64_t j = 0; j < tile_side; ++j) {
      const bool inside = j < side && mask != 0;
      columns[j / 8][j % 8] = inside ? _mm512_maskz_loadu_ps(mask, x + j * stride + k) : _mm512_setzero_ps();
    }
    transpose_pairs(columns[0]);
    transpose_pairs(columns[1]);
    for (int64_t i = 0; i < 8; ++i, position += 2 * tile_side) store(split(columns[0][i], columns[1][i]), position);
  }
}

// Prefetches the numbers of the tile of `lines` rows or columns that is packed next.
void prefetch(const float* x, int64_t stride, int64_t lines, int64_t length) {
  for (int64_t i = 0; i < lines; ++i) {
    _mm_prefetch(reinterpret_cast<const char*>(x + i * stride), _MM_HINT_T0);
    if (length > 16) _mm_prefetch(reinterpret_cast<const char*>(x + i * stride + 16), _MM_HINT_T0);
  }
}

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Packs tile by tile along the contiguous axis, within one tile of the other axis at a time.
template <Lies lies>
void pack(const float* x, int64_t stride, int64_t side, int64_t depth, void* packed) {
  constexpr bool along = is_along_depth(lies);
  constexpr int64_t step = along ? bf16x3_depth : tile_side;
  constexpr int64_t other_step = along ? tile_side : bf16x3_depth;
  const int64_t length = along ? depth : side;
  const int64_t others = along ? side : depth;
  for (int64_t other = 0; other < others; other += other_step) {
    const float* row = x + other * stride;
    const int64_t lines = smaller(others - other, other_step);
    for (int64_t i = 0; i < length; i += step) {
      if (i + step < length) prefetch(row + i + step, stride, lines, step);
      const int64_t s = along ? other : i;
      const int64_t k = along ? i : other;
      pack_tile<lies>(row + i, stride, smaller(side - s, tile_side), smaller(depth - k, bf16x3_depth),
                      tile_at(packed, s, k / bf16x3_depth, blocks_of(depth)));
    }
  }
}

void pack_a(const float* a, int64_t row_stride, int64_t depth_stride, int64_t rows, int64_t depth, void* packed) {
  if (depth_stride == 1) {
    pack<Lies::a_along_depth>(a, row_stride, rows, depth, packed);
  } else {
    pack<Lies::a_across_depth>(a, depth_stride, rows, depth, packed);
  }
}

void pack_b(const float* b, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns, void* packed) {
  if (column_stride == 1) {
    pack<Lies::b_across_depth>(b, depth_stride, columns, depth, packed);
  } else {
    pack<Lies::b_along_depth>(b, column_stride, columns, depth, packed);
  }
}

// Tiles 0 to 3 hold results, 4 and 5 tiles of A, 6 and 7 tiles of B. Compilers do not know which memory the tile
// instructions read and write; `multiply_strips` tells them.
void fence() { asm volatile("" ::: "memory"); }

template <int down, int across>
void add_products() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (across > 1) _tile_dpbf16ps(1, 4, 7);
  if constexpr (down > 1) _tile_dpbf16ps(2, 5, 6);
  if constexpr (down > 1 && across > 1) _tile_dpbf16ps(3, 5, 7);
}

// A packed strip of A.
struct PackedRows {
  const uint16_t* strip;

  template <int down>
  void load(int64_t block, int part) const {
    const uint16_t* tile = strip + block * block_items + part * part_items;
    _tile_loadd(4, tile, 64);
    if constexpr (down > 1) _tile_loadd(5, tile + tile_items, 64);
  }
};

// Rows of A, read in place from a split image: 32 elements of each row for each block.
struct ImageRows {
  const uint16_t* x;
  int64_t part_step;
  int64_t x_step;
  const int64_t* offsets;

  template <int down>
  void load(int64_t block, int part) const {
    const uint16_t* tile = x + offsets[block] + part * part_step;
    _tile_loadd(4, tile, x_step * 2);
    if constexpr (down > 1) _tile_loadd(5, tile + tile_side * x_step, x_step * 2);
  }
};

template <int across>
void load_b(const uint16_t* b, int part) {
  _tile_loadd(6, b + part * part_items, 64);
  if constexpr (across > 1) _tile_loadd(7, b + part * part_items + tile_items, 64);
}

// Adds the smallest products first, in an order in which each one shares an operand with the one before.
template <int down, int across, class Rows>
void multiply_block(const Rows& a, const uint16_t* b, int64_t block) {
  b += block * block_items;
  a.template load<down>(block, 0);
  load_b<across>(b, 2);
  add_products<down, across>();
  load_b<across>(b, 1);
  add_products<down, across>();
  a.template load<down>(block, 1);
  add_products<down, across>();
  load_b<across>(b, 0);
  add_products<down, across>();
  a.template load<down>(block, 2);
  add_products<down, across>();
  a.template load<down>(block, 0);
  add_products<down, across>();
}

template <int down, int across, class Rows>
void multiply_strips(const Rows& a, const uint16_t* b, int64_t blocks, float* c, int64_t c_stride, bool accumulate) {
  const int64_t bytes = c_stride * static_cast<int64_t>(sizeof(float));
  float* lower = c + tile_side * c_stride;
  fence();
  if (accumulate) {
    _tile_loadd(0, c, bytes);
    if constexpr (across > 1) _tile_loadd(1, c + tile_side, bytes);
    if constexpr (down > 1) _tile_loadd(2, lower, bytes);
    if constexpr (down > 1 && across > 1) _tile_loadd(3, lower + tile_side, bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t block = 0; block < blocks; ++block) multiply_block<down, across>(a, b, block);
  _tile_stored(0, c, bytes);
  if constexpr (across > 1) _tile_stored(1, c + tile_side, bytes);
  if constexpr (down > 1) _tile_stored(2, lower, bytes);
  if constexpr (down > 1 && across > 1) _tile_stored(3, lower + tile_side, bytes);
  fence();
}

template <class Rows>
void multiply_whole(const Rows& a, const uint16_t* b, int64_t rows, int64_t columns, int64_t blocks, float* c,
                    int64_t c_stride, bool accumulate) {
  using Strips =
      void (*)(const Rows& a, const uint16_t* b, int64_t blocks, float* c, int64_t c_stride, bool accumulate);
  constexpr Strips choices[2][2] = {{multiply_strips<1, 1, Rows>, multiply_strips<1, 2, Rows>},
                                    {multiply_strips<2, 1, Rows>, multiply_strips<2, 2, Rows>}};
  choices[rows > tile_side][columns > tile_side](a, b, blocks, c, c_stride, accumulate);
}

void copy(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += 16) {
      const __mmask16 mask = first(columns - j);
      _mm512_mask_storeu_ps(y + i * y_stride + j, mask, _mm512_maskz_loadu_ps(mask, x + i * x_stride + j));
    }
  }
}

// Results that do not fill their tiles are computed in a buffer and copied to c.
template <class Rows>
void multiply_tiles(const Rows& a, const uint16_t* b, int64_t rows, int64_t columns, int64_t blocks, float* c,
                    int64_t c_stride, bool accumulate) {
  if (rows % tile_side == 0 && columns % tile_side == 0) {
    multiply_whole(a, b, rows, columns, blocks, c, c_stride, accumulate);
    return;
  }
  alignas(64) float whole[bf16x3_strip * bf16x3_strip];
  if (accumulate) copy(c, c_stride, whole, bf16x3_strip, rows, columns);
  multiply_whole(a, b, rows, columns, blocks, whole, bf16x3_strip, accumulate);
  copy(whole, bf16x3_strip, c, c_stride, rows, columns);
}

// Finishes results, moves them from x to c, which may be the same, and returns whether all are finite. Where they are
// streamed, c and its rows are aligned to lines of the cache; only whole lines bypass it.
bool finish_results(const SplitFinish& finish, int64_t column, const float* x, int64_t x_stride, float* c,
                    int64_t c_stride, int64_t rows, int64_t columns, bool streams) {
  const bool stays = x == c && finish.bias == nullptr && !finish.relu;
  __m512i largest = _mm512_setzero_si512();
  for (int64_t j = 0; j < columns; j += 16) {
    const __mmask16 mask = first(columns - j);
    const __m512 bias =
        finish.bias == nullptr ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, finish.bias + column + j);
    const bool fills_lines = streams && columns - j >= 16;
    for (int64_t i = 0; i < rows; ++i) {
      __m512 result = _mm512_maskz_loadu_ps(mask, x + i * x_stride + j);
      largest = _mm512_max_epu32(largest, _mm512_slli_epi32(_mm512_castps_si512(result), 1));  // shifts the sign out
      if (stays) continue;
      if (finish.bias != nullptr) result = _mm512_add_ps(result, bias);
      if (finish.relu) result = _mm512_max_ps(_mm512_setzero_ps(), result);  // NaN stays NaN
      float* position = c + i * c_stride + j;
      if (fills_lines) {
        _mm512_stream_ps(position, result);
      } else {
        _mm512_mask_storeu_ps(position, mask, result);
      }
    }
  }
  const __m512i infinite = _mm512_set1_epi32(static_cast<int>(0xff000000U));
  return _mm512_cmpge_epu32_mask(largest, infinite) == 0;
}

// Multiplies one strip of rows. What is streamed waits in a buffer, because tiles are stored through the caches.
template <class Rows>
bool multiply_rows(const Rows& a, const void* packed_b, int64_t rows, int64_t columns, int64_t blocks, float* c,
                   int64_t c_stride, Store how, const SplitFinish* finish) {
  alignas(64) float whole[bf16x3_strip * bf16x3_strip];
  const bool streams = how == Store::stream;
  bool finite = true;
  for (int64_t j = 0; j < columns; j += bf16x3_strip) {
    const auto* b = static_cast<const uint16_t*>(packed_b) + j / bf16x3_strip * blocks * block_items;
    const int64_t width = smaller(columns - j, bf16x3_strip);
    if (streams) {
      multiply_whole(a, b, rows, width, blocks, whole, bf16x3_strip, false);
    } else {
      multiply_tiles(a, b, rows, width, blocks, c + j, c_stride, how == Store::add);
    }
    if (finish == nullptr) continue;
    finite &= finish_results(*finish, j, streams ? whole : c + j, streams ? bf16x3_strip : c_stride, c + j, c_stride,
                             rows, width, streams);
  }
  return finite;
}

bool multiply(const void* packed_a, const void* packed_b, int64_t rows, int64_t columns, int64_t depth, float* c,
              int64_t c_stride, Store how, const SplitFinish* finish) {
  const int64_t blocks = blocks_of(depth);
  bool finite = true;
  for (int64_t i = 0; i < rows; i += bf16x3_strip) {
    const PackedRows a = {static_cast<const uint16_t*>(packed_a) + i / bf16x3_strip * blocks * block_items};
    if (!multiply_rows(a, packed_b, smaller(rows - i, bf16x3_strip), columns, blocks, c + i * c_stride, c_stride, how,
                       finish)) {
      finite = false;
    }
  }
  if (how == Store::stream) _mm_sfence();
  return finite;
}

bool multiply_image(const uint16_t* parts, int64_t part_step, int64_t x_step, const int64_t* offsets, int64_t blocks,
                    const void* packed_b, int64_t rows, int64_t columns, float* c, int64_t c_stride,
                    const SplitFinish& finish) {
  bool finite = true;
  for (int64_t i = 0; i < rows; i += bf16x3_strip) {
    const ImageRows a = {parts + i * x_step, part_step, x_step, offsets};
    if (!multiply_rows(a, packed_b, smaller(rows - i, bf16x3_strip), columns, blocks, c + i * c_stride, c_stride,
                       Store::overwrite, &finish)) {
      finite = false;
    }
  }
  return finite;
}

void split_elements(const float* x, int64_t count, uint16_t* parts, int64_t part_step) {
  for (int64_t i = 0; i < count; i += 32) {
    const __mmask16 low = first(count - i);
    const __mmask16 high = first(count - i - 16);
    const Parts p = split(_mm512_maskz_loadu_ps(low, x + i), _mm512_maskz_loadu_ps(high, x + (high == 0 ? i : i + 16)));
    for (int part = 0; part < 3; ++part) _mm512_storeu_si512(parts + part * part_step + i, p.part[part]);
  }
}

void gather(const uint16_t* parts, int64_t part_step, int64_t x_step, const int64_t* offsets, int64_t runs,
            int64_t length, int64_t rows, uint16_t* lines, int64_t line_step) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int part = 0; part < 3; ++part) {
      const uint16_t* x = parts + part * part_step + r * x_step;
      uint16_t* line = lines + r * line_step + part * (line_step / 3);
      for (int64_t run = 0; run < runs; ++run, line += length) {
        const uint16_t* from = x + offsets[run];
        for (int64_t i = 0; i < length; i += 32) _mm512_storeu_si512(line + i, _mm512_loadu_si512(from + i));
      }
    }
  }
}

__mmask32 first_words(int64_t count) { return count >= 32 ? 0xffffffffU : count <= 0 ? 0 : (1U << count) - 1; }

void pack_a_lines(const uint16_t* lines, int64_t line_step, int64_t rows, int64_t depth, void* packed) {
  const int64_t blocks = blocks_of(depth);
  for (int64_t i = 0; i < rows; ++i) {
    uint16_t* row = tile_at(packed, i, 0, blocks) + i % tile_side * bf16x3_depth;
    for (int part = 0; part < 3; ++part) {
      const uint16_t* line = lines + i * line_step + part * (line_step / 3);
      uint16_t* position = row + part * part_items;
      for (int64_t k = 0; k < depth; k += bf16x3_depth, position += block_items) {
        _mm512_store_si512(position, _mm512_maskz_loadu_epi16(first_words(depth - k), line + k));
      }
    }
  }
}

// Interleaves pairs of lines: columns 0 to 15, then 16 to 31.
void pack_b_lines(const uint16_t* lines, int64_t line_step, int64_t begin, int64_t count, int64_t depth,
                  int64_t columns, void* packed) {
  alignas(64) static constexpr uint16_t order[2][32] = {
      {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
       8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47},
      {16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
       24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};
  const __m512i low = _mm512_load_si512(order[0]);
  const __m512i high = _mm512_load_si512(order[1]);
  const int64_t block = begin / bf16x3_depth;
  for (int64_t k = 0; k < bf16x3_depth; k += 2) {
    for (int part = 0; part < 3; ++part) {
      const uint16_t* line = lines + k * line_step + part * (line_step / 3);
      for (int64_t j = 0; j < columns; j += bf16x3_strip) {
        const __m512i x = k < count ? _mm512_loadu_si512(line + j) : _mm512_setzero_si512();
        const __m512i y = k + 1 < count ? _mm512_loadu_si512(line + line_step + j) : _mm512_setzero_si512();
        uint16_t* position = tile_at(packed, j, block, blocks_of(depth)) + part * part_items + k * tile_side;
        _mm512_store_si512(position, _mm512_permutex2var_epi16(x, low, y));
        _mm512_store_si512(position + tile_items, _mm512_permutex2var_epi16(x, high, y));
      }
    }
  }
}

void scatter(const float* y, int64_t y_stride, const int64_t* offsets, int64_t runs, int64_t length, int64_t rows,
             float* x, int64_t x_step) {
  for (int64_t r = 0; r < rows; ++r, x += x_step, y += y_stride) {
    const float* from = y;
    for (int64_t run = 0; run < runs; ++run, from += length) {
      float* to = x + offsets[run];
      for (int64_t i = 0; i < length; i += 16) {
        const __mmask16 mask = first(length - i);
        const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to + i), _mm512_maskz_loadu_ps(mask, from + i));
        _mm512_mask_storeu_ps(to + i, mask, sum);
      }
    }
  }
}

struct alignas(64) TileConfig {
  uint8_t palette;
  uint8_t start_row;
  uint8_t reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

constexpr TileConfig config = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

// Written in assembly because `_tile_loadconfig` of some compilers does not declare that it reads the whole
// configuration.
void begin() { asm volatile("ldtilecfg %0" ::"m"(config)); }
void end() { _tile_release(); }

}  // namespace

const Bf16x3Kernels bf16x3_kernels = {
    pack_a, pack_b, multiply, multiply_image, split_elements, gather, pack_a_lines, pack_b_lines, scatter, begin, end};

}  // namespace pydl::cpu::amx
