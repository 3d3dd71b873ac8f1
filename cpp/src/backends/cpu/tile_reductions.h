// TileReductions: what a tile program reduces of its registers while they are in the L1 cache. Partial results lie in
// the scratchpad and are joined at the end.
#pragma once

#include <vector>

#include "backends/cpu/accumulators.h"
#include "backends/cpu/tile_grid.h"
#include "op/reduction_split.h"

namespace pydl::cpu {

struct TileReduction {
  Reduction reduction;
  ReduceLane lane;  ///< of what is reduced
  op::ReductionSplit split;
  Finish finish;
  size_t output;  ///< which result it is
};

class TileReductions {
 public:
  /// In the order in which they run.
  void add(const TileReduction& reduction) { entries_.push_back({reduction, 0, 0}); }
  bool empty() const { return entries_.empty(); }
  /// Columns of the matrix that all reductions over rows or columns see; 0 where there are none.
  int64_t columns() const;
  /// Whether results are joined down the rows, a number per column.
  bool has_columns() const;

  /// Finds places for partial results of a grid.
  void place(const TileGrid& grid);
  size_t scratchpad_bytes() const { return bytes_; }

  /// Which result a reduction gives.
  size_t output(size_t number) const { return entries_[number].reduction.output; }
  /// Reduces a tile's register. `pending` has room for a tile, which is kept between the tiles of a block.
  void reduce(size_t number, const TileGrid& grid, const Tile& tile, const void* elements, void* pending,
              void* scratchpad) const;
  /// Joins what all tiles gave; `outputs` has a pointer per reduction.
  void finish(const TileGrid& grid, void* const* outputs, void* scratchpad) const;

 private:
  struct Entry {
    TileReduction reduction;
    size_t parts;    // where partial results lie in the scratchpad
    size_t results;  // and what they are joined to; the same place where there is one part per result
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
