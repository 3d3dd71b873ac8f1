#include "backends/cpu/tiles/tile_grid.h"

#include "backends/cpu/rounding.h"

namespace pydl::cpu {

namespace {

// The number of blocks that keeps many threads busy, and the number of rows that are worth a row of partial results.
constexpr int64_t enough_blocks = 32;
constexpr int64_t fewest_rows = 32;

}  // namespace

TileGrid::TileGrid(int64_t rows, int64_t columns, int64_t segment, int64_t longest, bool whole_rows)
    : rows_(rows), columns_(columns), segment_(segment) {
  if (rows * columns == 0) {  // no tiles
    rows_ = 0;
    columns_ = segment_ = 1;
  } else if (whole_rows && columns <= longest) {
    tile_rows_ = std::min(longest / columns, rows);
    segment_ = tile_columns_ = columns;
  } else {
    tile_columns_ = std::min(longest, segment);
    tiles_per_segment_ = ceil_div(segment, tile_columns_);
  }
  tiles_per_row_ = columns_ / segment_ * tiles_per_segment_;
  block_rows_ = tile_rows_;
}

void TileGrid::join_rows(int64_t elements) {
  const int64_t shortest = std::max(ceil_div(elements, tile_columns_), fewest_rows);
  const int64_t wanted = ceil_div(rows_, ceil_div(enough_blocks, tiles_per_row()));
  const int64_t rows = rows_ >= 2 * shortest ? std::max(shortest, wanted) : rows_;
  block_rows_ = ceil_div(rows, tile_rows_) * tile_rows_;
}

}  // namespace pydl::cpu
