#include "backends/cpu/tiles/tile_reductions.h"

#include <algorithm>
#include <cstring>

namespace pydl::cpu {

namespace {

using op::OpId;
using Over = op::ReductionSplit::Over;

constexpr size_t accumulator_size = 8;

// The number of rows that are combined in the type of the elements before the result is combined with the accumulators.
constexpr int64_t rows_that_meet = 8;

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

bool is_floating_lane(ReduceLane lane) { return lane == reduce_float || lane == reduce_double; }

size_t lane_size(ReduceLane lane) { return lane == reduce_double || lane == reduce_int64 ? 8 : 4; }

OpId op_of(Reduction reduction) {
  if (reduction == reduce_sum) return OpId::add;
  return reduction == reduce_max ? OpId::maximum : OpId::minimum;
}

// Reduce lanes and compute lanes have the same numbers for the dtypes that they share.
static_assert(int{reduce_float} == int{lane_float} && int{reduce_int64} == int{lane_int64});

}  // namespace

int64_t TileReductions::columns() const {
  for (const Entry& entry : entries_) {
    if (entry.reduction.split.over != Over::all) return entry.reduction.split.columns;
  }
  return 0;
}

bool TileReductions::has_columns() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.reduction.split.over == Over::rows; });
}

TileReductions::Counts TileReductions::counts(const TileReduction& reduction, const TileGrid& grid) {
  switch (reduction.split.over) {
    case Over::all: return {1, grid.tile_lines() * grid.tiles_per_row()};
    case Over::columns: return {grid.rows(), grid.tiles_per_row()};
    default: return {grid.columns(), grid.block_lines()};
  }
}

void TileReductions::position(const TileGrid& grid) {
  for (Entry& entry : entries_) {
    const auto [count, parts] = counts(entry.reduction, grid);
    entry.parts = entry.results = bytes_;
    bytes_ += aligned(static_cast<size_t>(count * parts) * accumulator_size);
    if (parts == 1) continue;
    entry.results = bytes_;
    bytes_ += aligned(static_cast<size_t>(count) * accumulator_size);
  }
}

void TileReductions::reduce(size_t number, const TileGrid& grid, const Tile& tile, const void* elements, void* pending,
                            void* scratchpad) const {
  const Entry& entry = entries_[number];
  const TileReduction& reduction = entry.reduction;
  const ReduceKernels& functions = kernels().reduce[reduction.reduction][reduction.lane];
  char* parts = static_cast<char*>(scratchpad) + entry.parts;
  const auto part = [&](int64_t index) { return parts + static_cast<size_t>(index) * accumulator_size; };
  switch (reduction.split.over) {
    case Over::all: functions.rows(elements, 1, 0, tile.count(), nullptr, part(grid.tile_number(tile))); break;
    case Over::columns:
      functions.rows(elements, tile.rows, tile.columns, tile.columns, nullptr,
                     part(tile.row * grid.tiles_per_row() + tile.position));
      break;
    case Over::rows:
      reduce_columns(entry, grid, tile, elements, pending, part(grid.block_line(tile) * grid.columns() + tile.column));
  }
}

// Tiles with few rows are combined in `pending` first, because the accumulators are wider.
void TileReductions::reduce_columns(const Entry& entry, const TileGrid& grid, const Tile& tile, const void* elements,
                                    void* pending, char* sums) const {
  const Reduction reduction = entry.reduction.reduction;
  const ReduceLane lane = entry.reduction.lane;
  if (grid.begins_block(tile)) {
    if (is_floating_lane(lane)) {
      std::fill_n(reinterpret_cast<double*>(sums), tile.columns, identity_of<double>(reduction));
    } else {
      std::fill_n(reinterpret_cast<int64_t*>(sums), tile.columns, identity_of<int64_t>(reduction));
    }
  }
  const auto add = [&](const void* rows, int64_t count) {
    kernels().reduce[reduction][lane].columns(rows, count, tile.columns, tile.columns, nullptr, sums);
  };
  const int64_t meeting = rows_that_meet / grid.tile_rows();
  if (meeting < 2) return add(elements, tile.rows);
  const int64_t position = grid.position_in_block(tile) % meeting;
  // The last tile of the grid may have fewer rows.
  const int64_t count = tile.rows * tile.columns;
  if (position == 0) {
    std::memcpy(pending, elements, static_cast<size_t>(count) * lane_size(lane));
  } else {
    const void* sources[] = {pending, elements, nullptr};
    kernels().elementwise[static_cast<int>(op_of(reduction))][lane](pending, sources, count);
  }
  if (position == meeting - 1 || grid.ends_block(tile)) add(pending, position == 0 ? tile.rows : grid.tile_rows());
}

template <class Accumulator>
void TileReductions::join(const Entry& entry, const TileGrid& grid, void* scratchpad, void* output) const {
  const TileReduction& reduction = entry.reduction;
  const auto [count, parts] = counts(reduction, grid);
  auto* memory = static_cast<char*>(scratchpad);
  auto* results = reinterpret_cast<Accumulator*>(memory + entry.results);
  if (parts > 1) {
    constexpr ReduceLane lane = std::is_same_v<Accumulator, double> ? reduce_double : reduce_int64;
    const ReduceKernels& functions = kernels().reduce[reduction.reduction][lane];
    if (reduction.split.over == Over::rows) {
      std::fill_n(results, count, identity_of<Accumulator>(reduction.reduction));
      functions.columns(memory + entry.parts, parts, count, count, nullptr, results);
    } else {
      functions.rows(memory + entry.parts, count, parts, parts, nullptr, results);
    }
  }
  finish_results(reduction.finish, results, count, output);
}

void TileReductions::finish(const TileGrid& grid, void* const* outputs, void* scratchpad) const {
  for (const Entry& entry : entries_) {
    void* output = outputs[entry.reduction.output];
    if (is_floating_lane(entry.reduction.lane)) {
      join<double>(entry, grid, scratchpad, output);
    } else {
      join<int64_t>(entry, grid, scratchpad, output);
    }
  }
}

}  // namespace pydl::cpu
