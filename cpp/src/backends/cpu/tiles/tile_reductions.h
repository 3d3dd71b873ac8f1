// TileReductions: the reductions of a tile program's registers, which run while these are in the L1 cache. Partial
// results are stored in the scratchpad and combined at the end.
#pragma once

#include <vector>

#include "backends/cpu/reduce/accumulators.h"
#include "backends/cpu/tiles/tile_grid.h"
#include "op/reduction_split.h"

namespace pydl::cpu {

struct TileReduction {
  Reduction reduction;
  ReduceLane lane;  ///< of the reduced elements
  op::ReductionSplit split;
  Finish finish;
  size_t output;  ///< which result it is
};

class TileReductions {
 public:
  /// Reductions run in the order in which they are added.
  void add(const TileReduction& reduction) { entries_.push_back({reduction, 0, 0}); }
  bool empty() const { return entries_.empty(); }
  /// The number of columns of the matrix that all reductions over rows or columns work on; 0 if there are none.
  int64_t columns() const;
  /// Whether some results are combined down the rows, with one number per column.
  bool has_columns() const;

  /// Reserves scratchpad space for the partial results of a grid.
  void position(const TileGrid& grid);
  size_t scratchpad_bytes() const { return bytes_; }

  /// The number of the result that a reduction produces.
  size_t output(size_t number) const { return entries_[number].reduction.output; }
  /// Reduces a tile's register. `pending` has space for one tile, which is kept between the tiles of a block.
  void reduce(size_t number, const TileGrid& grid, const Tile& tile, const void* elements, void* pending,
              void* scratchpad) const;
  /// Combines the partial results of all tiles. `outputs` has one pointer per reduction.
  void finish(const TileGrid& grid, void* const* outputs, void* scratchpad) const;

 private:
  struct Entry {
    TileReduction reduction;
    size_t parts;    // where partial results are stored in the scratchpad
    size_t results;  // and their combined results; the same position if there is one part per result
  };
  // `count` results of `parts` parts each.
  struct Counts {
    int64_t count;
    int64_t parts;
  };

  void reduce_columns(const Entry& entry, const TileGrid& grid, const Tile& tile, const void* elements, void* pending,
                      char* sums) const;
  static Counts counts(const TileReduction& reduction, const TileGrid& grid);
  template <class Accumulator>
  void join(const Entry& entry, const TileGrid& grid, void* scratchpad, void* output) const;

  std::vector<Entry> entries_;
  size_t bytes_ = 0;
};

}  // namespace pydl::cpu
