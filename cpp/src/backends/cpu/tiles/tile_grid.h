// TileGrid: how the elements of a tile program are divided into tiles, and tiles into blocks, which are distributed
// over threads. The partition depends on shapes alone, so that results of reductions do not depend on the number of
// threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pydl::cpu {

/// A run of consecutive elements: `rows` whole rows of a matrix, or `columns` elements of one row.
struct Tile {
  int64_t index;  ///< of its first element
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;
  int64_t position;  ///< its number among the tiles of its row

  int64_t count() const { return rows * columns; }
};

class TileGrid {
 public:
  TileGrid() = default;
  /// A grid for a row-major matrix. Tiles have at most `longest` elements. Tiles of rows that are cut end at multiples
  /// of `segment` elements, which must divide the columns. `whole_rows` allows tiles of several rows.
  TileGrid(int64_t rows, int64_t columns, int64_t segment, int64_t longest, bool whole_rows);

  /// Makes blocks of vertically adjacent tiles, with at least `elements` elements each, instead of one tile each.
  void join_rows(int64_t elements);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t tile_rows() const { return tile_rows_; }
  int64_t tile_length() const { return tile_rows_ * tile_columns_; }
  int64_t tiles_per_row() const { return tiles_per_row_; }
  /// The number of rows of tiles, and of rows of blocks.
  int64_t tile_lines() const { return (rows_ + tile_rows_ - 1) / tile_rows_; }
  int64_t block_lines() const { return (rows_ + block_rows_ - 1) / block_rows_; }
  int64_t block_count() const { return block_lines() * tiles_per_row(); }
  /// The maximum number of elements of a block.
  int64_t block_size() const { return block_rows_ * tile_columns_; }

  /// These numbers are the same for every element of a tile.
  int64_t tile_number(const Tile& tile) const { return tile.row / tile_rows_ * tiles_per_row() + tile.position; }
  int64_t block_line(const Tile& tile) const { return tile.row / block_rows_; }
  /// Its number among the tiles of its block.
  int64_t position_in_block(const Tile& tile) const { return tile.row % block_rows_ / tile_rows_; }
  bool begins_block(const Tile& tile) const { return tile.row % block_rows_ == 0; }
  bool ends_block(const Tile& tile) const {
    const int64_t end = tile.row + tile.rows;
    return end == rows_ || end % block_rows_ == 0;
  }

  /// Visits the tiles of the blocks [begin, end).
  template <class Visit>
  void for_each_tile(int64_t begin, int64_t end, const Visit& visit) const {
    int64_t first = begin / tiles_per_row_ * block_rows_;
    int64_t position = begin % tiles_per_row_;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t segment = tiles_per_segment_ == 1 ? position : position / tiles_per_segment_;
      const int64_t in_segment = (position - segment * tiles_per_segment_) * tile_columns_;
      Tile tile = {0,       first, 1, segment * segment_ + in_segment, std::min(tile_columns_, segment_ - in_segment),
                   position};
      const int64_t last = std::min(first + block_rows_, rows_);
      for (; tile.row < last; tile.row += tile_rows_) {
        tile.rows = std::min(tile_rows_, last - tile.row);
        tile.index = tile.row * columns_ + tile.column;
        visit(tile);
      }
      if (++position == tiles_per_row_) {
        position = 0;
        first += block_rows_;
      }
    }
  }

 private:
  int64_t rows_ = 1;
  int64_t columns_ = 1;
  int64_t segment_ = 1;
  int64_t tile_rows_ = 1;
  int64_t tile_columns_ = 1;
  int64_t tiles_per_segment_ = 1;
  int64_t tiles_per_row_ = 1;
  int64_t block_rows_ = 1;
};

}  // namespace pydl::cpu
