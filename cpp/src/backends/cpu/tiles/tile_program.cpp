#include "backends/cpu/tiles/tile_program.h"

#include <algorithm>
#include <cstdint>

#include "runtime/cpu_features.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// Rows shorter than this are gathered several at a time, because a separate tile would cost more than it saves.
constexpr int64_t shortest_row = 128;
// The amount of work, in float32 additions, for which waking a thread pays off.
constexpr int64_t work_per_thread = runtime::worth_a_thread(runtime::cost::element);
// The number of elements that are worth a row of partial results.
constexpr int64_t reduced_together = 16384;

// Iterates over `count` elements of an operand from `index` on, one run of the innermost loop at a time: `visit(offset,
// run, position)`, with the offset in bytes and the position counted from `index`.
template <class Visit>
void for_each_run(const LoopNest& nest, int operand, int64_t index, int64_t count, const Visit& visit) {
  const int inner = nest.rank - 1;
  int64_t position[max_rank] = {};
  int64_t offset = 0;
  for (int loop = inner; loop >= 0; --loop) {
    position[loop] = loop > 0 ? index % nest.sizes[loop] : index;
    index /= nest.sizes[loop];
    offset += position[loop] * nest.steps[operand][loop];
  }
  int64_t done = 0;
  while (true) {
    const int64_t run = std::min(nest.sizes[inner] - position[inner], count - done);
    visit(offset, run, done);
    done += run;
    if (done == count) return;
    offset -= position[inner] * nest.steps[operand][inner];
    position[inner] = 0;
    for (int loop = inner - 1; loop >= 0; --loop) {
      offset += nest.steps[operand][loop];
      if (++position[loop] < nest.sizes[loop]) break;
      offset -= nest.sizes[loop] * nest.steps[operand][loop];
      position[loop] = 0;
    }
  }
}

void gather(const LoopNest& nest, int operand, const char* base, int64_t index, int64_t count, char* tile) {
  const int64_t size = nest.item_sizes[operand];
  if (nest.is_uniform(operand)) return copy_run(tile, size, base, 0, count, size);
  for_each_run(nest, operand, index, count, [&](int64_t offset, int64_t run, int64_t done) {
    copy_run(tile + done * size, size, base + offset, nest.inner_step(operand), run, size);
  });
}

void scatter(const LoopNest& nest, int operand, char* base, int64_t index, int64_t count, const char* tile) {
  const int64_t size = nest.item_sizes[operand];
  for_each_run(nest, operand, index, count, [&](int64_t offset, int64_t run, int64_t done) {
    copy_run(base + offset, nest.inner_step(operand), tile + done * size, size, run, size);
  });
}

}  // namespace

Lane lane_of(DType dtype) {
  if (dtype == DType::float64) return lane_double;
  if (is_floating(dtype)) return lane_float;
  return dtype == DType::int64 ? lane_int64 : lane_int32;
}

DType dtype_of(Lane lane) {
  constexpr DType dtypes[lane_count] = {DType::float32, DType::float64, DType::int32, DType::int64};
  return dtypes[lane];
}

TileProgram::TileProgram(const LoopNest& nest, int outputs, int reductions)
    : nest_(nest),
      first_output_(nest.operand_count - outputs - reductions),
      first_reduction_(nest.operand_count - reductions),
      register_count_(nest.operand_count) {}

int TileProgram::temporary() { return register_count_++; }

void TileProgram::emit(TileKernel kernel, int destination, std::initializer_list<int> sources, int cost) {
  Instruction instruction = {kernel, static_cast<int8_t>(destination), {}};
  std::transform(sources.begin(), sources.end(), instruction.sources, [](int s) { return static_cast<int8_t>(s); });
  instructions_.push_back(instruction);
  cost_ += cost;
}

void TileProgram::offer_numbers(TileKernel first, TileKernel second) {
  with_number_[0] = first;
  with_number_[1] = second;
}

void TileProgram::emit_reduction(int source, const TileReduction& reduction) {
  reductions_.add(reduction);
  reduced_.push_back({instructions_.size(), source});
  cost_ += 1;
}

void TileProgram::emit_cast(DType from, DType to, int destination, int source) {
  const auto& cast = kernels().cast;
  if (TileKernel direct = cast[static_cast<int>(from)][static_cast<int>(to)]) {
    emit(direct, destination, {source}, 1);
    return;
  }
  const int between = temporary();
  emit_cast(from, DType::float32, between, source);
  emit_cast(DType::float32, to, destination, between);
}

// Whether an operand is a short row that is repeated.
bool TileProgram::repeats(int operand) const {
  return nest_.rank == 2 && nest_.steps[operand][0] == 0 && nest_.inner_size() < shortest_row;
}

// Whether an output will have left the caches before anything reads it. A plain store would first read each of its
// cache lines.
bool TileProgram::should_stream() const {
  const int output = first_output_;
  const int64_t item = nest_.item_sizes[output];
  const auto fills_lines = [&](int64_t elements) { return elements * item % 64 == 0; };
  const bool aligned = grid_.rows() == 1 || (fills_lines(grid_.columns()) && fills_lines(grid_.tile_length()) &&
                                             (!by_rows_ || fills_lines(nest_.inner_size())));
  return first_reduction_ == output + 1 && access_[output] == Access::dense && aligned &&
         nest_.count * item >= runtime::bytes_beyond_caches() && item >= 4;
}

// Tiles of repeated short rows are whole rows of them, so that all tiles are alike. If rows are reduced, or combined
// with others, tiles are parts of a row or whole rows of the reduced matrix.
void TileProgram::cut(bool repeated) {
  const int64_t reduced_columns = reductions_.columns();
  if (by_rows_) {
    const int64_t inner = nest_.inner_size();
    const int64_t columns = reduced_columns > 0 ? reduced_columns : inner;
    const int64_t parts = (inner + tile_length - 1) / tile_length;
    grid_ = TileGrid(nest_.count / columns, columns, inner, (inner + parts - 1) / parts, false);
  } else if (reduced_columns > 0) {
    grid_ = TileGrid(nest_.count / reduced_columns, reduced_columns, reduced_columns, tile_length, true);
  } else {
    const int64_t longest = repeated ? tile_length / nest_.inner_size() * nest_.inner_size() : tile_length;
    grid_ = TileGrid(1, nest_.count, nest_.count, longest, true);
  }
  if (reductions_.has_columns()) grid_.join_rows(reduced_together);
  reductions_.position(grid_);
}

// Replaces the kernel of a single instruction by one that reads an operand as one number, where it is one in each tile.
void TileProgram::read_numbers() {
  if (!by_rows_ || instructions_.size() != 1 || !reductions_.empty()) return;
  Instruction& instruction = instructions_[0];
  for (int i = 0; i < 2; ++i) {
    const int operand = instruction.sources[i];
    const bool is_number = access_[operand] == Access::strided && nest_.inner_step(operand) == 0;
    if (operand >= first_output_ || !is_number || with_number_[i] == nullptr) continue;
    if (instruction.sources[1 - i] == operand) continue;
    instruction.kernel = with_number_[i];
    access_[operand] = Access::number;
    return;
  }
}

void TileProgram::finish() {
  bool all_dense = true;
  bool strided = false;
  bool repeated = false;
  for (int i = 0; i < first_reduction_; ++i) {
    const bool is_input = i < first_output_;
    if (nest_.is_dense(i)) {
      access_[i] = Access::dense;
      continue;
    }
    all_dense = false;
    access_[i] = is_input && (nest_.is_uniform(i) || repeats(i)) ? Access::constant : Access::strided;
    strided = strided || access_[i] == Access::strided;
    repeated = repeated || (access_[i] == Access::constant && !nest_.is_uniform(i));
  }
  by_rows_ = strided && nest_.inner_size() >= shortest_row;
  cut(repeated);
  read_numbers();
  streams_ = !repeated && should_stream();
  whole_ = all_dense && instructions_.size() == 1 && !streams_ && reductions_.empty();
}

void TileProgram::run(void* const* operands, void* scratchpad) const {
  if (whole_) {
    // Works in units of a cache line, so that no two threads write to the same one.
    constexpr int64_t step = 64;
    const int64_t steps = (nest_.count + step - 1) / step;
    runtime::parallel_for(steps, work_per_thread / step / cost_, [&](int64_t begin, int64_t end) {
      run_whole(operands, begin * step, std::min(end * step, nest_.count));
    });
    return;
  }
  const int64_t grain = work_per_thread / grid_.block_size() / cost_;
  runtime::parallel_for(grid_.block_count(), grain,
                        [&](int64_t begin, int64_t end) { run_tiles(operands, scratchpad, begin, end); });
  reductions_.finish(grid_, operands + first_reduction_, scratchpad);
}

void TileProgram::execute(void* const* registers, const Tile& tile, void* scratchpad) const {
  size_t next = 0;
  for (size_t i = 0; i < instructions_.size(); ++i) {
    const Instruction& instruction = instructions_[i];
    const void* sources[3];
    for (int k = 0; k < 3; ++k) sources[k] = registers[instruction.sources[k]];
    instruction.kernel(registers[instruction.destination], sources, tile.count());
    for (; next < reduced_.size() && reduced_[next].after == i + 1; ++next) {
      // Results of reductions are not registers, so their tiles are free.
      void* pending = registers[static_cast<size_t>(first_reduction_) + reductions_.output(next)];
      reductions_.reduce(next, grid_, tile, registers[reduced_[next].source], pending, scratchpad);
    }
  }
}

void TileProgram::run_whole(void* const* operands, int64_t begin, int64_t end) const {
  void* registers[max_operands];
  for (int i = 0; i < nest_.operand_count; ++i) {
    registers[i] = static_cast<char*>(operands[i]) + begin * nest_.item_sizes[i];
  }
  execute(registers, {begin, 0, 1, begin, end - begin, 0}, nullptr);
}

void TileProgram::run_tiles(void* const* operands, void* scratchpad, int64_t begin, int64_t end) const {
  constexpr int64_t widest_item = 8;
  alignas(64) char tiles[max_registers][tile_length * widest_item];
  void* registers[max_registers];
  for (int i = 0; i < register_count_; ++i) registers[i] = tiles[i];
  for (int i = 0; i < first_output_; ++i) {
    if (access_[i] != Access::constant) continue;
    const int64_t count = std::min(grid_.tile_length(), nest_.count);
    gather(nest_, i, static_cast<const char*>(operands[i]), 0, count, tiles[i]);
  }

  // An operand that is overwritten is in the caches already.
  const bool overwrites =
      std::find(operands, operands + first_output_, operands[first_output_]) != operands + first_output_;
  const bool streams = streams_ && !overwrites && reinterpret_cast<uintptr_t>(operands[first_output_]) % 64 == 0;
  grid_.for_each_tile(begin, end, [&](const Tile& tile) {
    const int64_t count = tile.count();
    bool scattered[max_operands] = {};
    for (int i = 0; i < first_reduction_; ++i) {
      char* base = static_cast<char*>(operands[i]);
      if (access_[i] == Access::dense && i >= first_output_ && streams) {
        registers[i] = tiles[i];
      } else if (access_[i] == Access::dense) {
        registers[i] = base + tile.index * nest_.item_sizes[i];
      } else if (access_[i] == Access::number) {
        registers[i] = base + nest_.offset(i, tile.index);
      } else if (access_[i] == Access::strided) {
        const bool in_place = by_rows_ && nest_.inner_step(i) == nest_.item_sizes[i];
        scattered[i] = !in_place && i >= first_output_;
        if (in_place) {
          registers[i] = base + nest_.offset(i, tile.index);
        } else if (i < first_output_) {
          gather(nest_, i, base, tile.index, count, tiles[i]);
        }
      }
    }
    execute(registers, tile, scratchpad);
    for (int i = first_output_; i < first_reduction_; ++i) {
      if (scattered[i]) scatter(nest_, i, static_cast<char*>(operands[i]), tile.index, count, tiles[i]);
      if (streams) {
        const int64_t size = nest_.item_sizes[i];
        kernels().copy.stream(tiles[i], static_cast<char*>(operands[i]) + tile.index * size, count * size);
      }
    }
  });
  if (streams) kernels().copy.finish_streams();
}

}  // namespace pydl::cpu
