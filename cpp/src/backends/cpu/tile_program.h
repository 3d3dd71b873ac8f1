// TileProgram: a short list of instructions over tiles that stay in the L1 cache. Each instruction is a prebuilt SIMD
// kernel, so a chain of elementwise ops runs in one pass over memory without a compiler at run time. An eager op is a
// program of one instruction, plus conversions for dtypes that are not computed in.
//
// Values live in registers, numbered: operands in the order of the loop nest (inputs, then outputs), then temporaries.
// Per tile, an operand that lies densely is read and written where it is; what is the same in every tile (one element,
// or a short row that repeats) is gathered once; any other layout is gathered into a tile, or scattered from one.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "backends/cpu/kernel_set.h"
#include "backends/cpu/loop_nest.h"
#include "backends/cpu/tile_grid.h"
#include "backends/cpu/tile_reductions.h"

namespace pydl::cpu {

/// Elements of a tile: a few registers of float64 fit into the L1 cache.
inline constexpr int64_t tile_length = 1024;
inline constexpr int max_registers = 28;

/// registers[destination] = kernel(registers[sources...])
struct Instruction {
  TileKernel kernel;
  int8_t destination;
  int8_t sources[3];
};

class TileProgram {
 public:
  /// A program on the operands of `nest`, the last of which are written: `outputs`, then a result per reduction, which
  /// is no register. Results that many elements meet in have steps of 0.
  TileProgram(const LoopNest& nest, int outputs, int reductions = 0);

  /// A new register that is no operand.
  int temporary();
  /// Appends an instruction. `cost` is its time per element, in additions of float32.
  void emit(TileKernel kernel, int destination, std::initializer_list<int> sources, int cost);
  /// Appends what converts a register to another dtype; a 16-bit float takes the way through float32.
  void emit_cast(DType from, DType to, int destination, int source);
  /// Appends a reduction of a register. The order of loops must be row-major.
  void emit_reduction(int source, const TileReduction& reduction);
  /// To be called once, after the last instruction.
  void finish();

  /// What `run` needs for reductions.
  size_t scratchpad_bytes() const { return reductions_.scratchpad_bytes(); }
  /// `operands` point to the first element of each operand.
  void run(void* const* operands, void* scratchpad = nullptr) const;

 private:
  // How an operand is reached.
  enum class Access : int8_t { dense, constant, strided };

  bool repeats(int operand) const;
  bool should_stream() const;
  void cut(bool repeated);
  void run_tiles(void* const* operands, void* scratchpad, int64_t begin, int64_t end) const;
  void run_whole(void* const* operands, int64_t begin, int64_t end) const;
  void execute(void* const* registers, const Tile& tile, void* scratchpad) const;

  // Reads a register after `after` instructions, before it is used again.
  struct ReducedRegister {
    size_t after;
    int source;
  };

  LoopNest nest_;
  int first_output_;
  int first_reduction_;
  int register_count_;
  std::vector<Instruction> instructions_;
  TileReductions reductions_;
  std::vector<ReducedRegister> reduced_;
  int cost_ = 1;
  Access access_[max_operands] = {};
  bool whole_ = false;    // one instruction on dense operands: no tiles
  bool streams_ = false;  // the output is too large for the caches, and goes past them
  bool by_rows_ = false;  // tiles end where the innermost loop ends
  TileGrid grid_;
};

/// The lane that elements of a dtype are computed in, and the dtype of a lane.
Lane lane_of(DType dtype);
DType dtype_of(Lane lane);

}  // namespace pydl::cpu
