// The division of the results of a 3 x 3 convolution into the tiles of Winograd's algorithm, and the input of each
// tile.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/kernel_set.h"

namespace pydl::cpu {

inline constexpr int64_t winograd_tile = 4;  // rows and columns of results in a tile
inline constexpr int64_t winograd_side = 6;  // rows and columns of the input that these depend on
inline constexpr int64_t kernel_taps = 9;

struct WinogradTiling {
  WinogradTiling(int64_t images, int64_t result_rows, int64_t result_columns, int64_t source_rows,
                 int64_t source_columns, int64_t row_padding, int64_t column_padding)
      : images(images),
        rows(result_rows),
        columns(result_columns),
        from_rows(source_rows),
        from_columns(source_columns),
        low_row(row_padding),
        low_column(column_padding),
        down((rows + winograd_tile - 1) / winograd_tile),
        across((columns + winograd_tile - 1) / winograd_tile),
        count(images * down * across) {}

  /// A position in the result.
  struct Position {
    int64_t image;
    int64_t row;
    int64_t column;
  };
  /// The first position of a tile.
  Position position(int64_t t) const {
    return {t / (down * across), t / across % down * winograd_tile, t % across * winograd_tile};
  }
  /// The index of a position of the result among all.
  int64_t index(const Position& p) const { return (p.image * rows + p.row) * columns + p.column; }

  /// The index of the source position that a tap reads, or -1 if it is outside.
  int64_t source_index(const Position& p, int64_t tap) const {
    const int64_t i = p.row - low_row + tap / 3;
    const int64_t j = p.column - low_column + tap % 3;
    if (i < 0 || i >= from_rows || j < 0 || j >= from_columns) return -1;
    return (p.image * from_rows + i) * from_columns + j;
  }

  /// The index of the result position from which a tap reads a position of the source, or -1 if it is outside.
  int64_t result_index(const Position& source, int64_t tap) const {
    const Position p = {source.image, source.row + low_row - tap / 3, source.column + low_column - tap % 3};
    const bool inside = p.row >= 0 && p.row < rows && p.column >= 0 && p.column < columns;
    return inside ? index(p) : -1;
  }

  /// The input of a tile: the index of its first position, which may be outside, and the part that is inside.
  struct Source {
    int64_t first;
    TilePart part;
  };
  Source source(const Position& p) const {
    const int64_t i = p.row - low_row;
    const int64_t j = p.column - low_column;
    const int64_t top = std::clamp<int64_t>(-i, 0, winograd_side);
    const int64_t left = std::clamp<int64_t>(-j, 0, winograd_side);
    return {(p.image * from_rows + i) * from_columns + j,
            {top, std::clamp<int64_t>(from_rows - i, top, winograd_side), left,
             std::clamp<int64_t>(from_columns - j, left, winograd_side)}};
  }

  int64_t images;
  int64_t rows, columns;            // of the result
  int64_t from_rows, from_columns;  // of the source
  int64_t low_row, low_column;      // padding before the source
  int64_t down, across;             // tiles in an image, by axis
  int64_t count;                    // tiles in all images
};

}  // namespace pydl::cpu
