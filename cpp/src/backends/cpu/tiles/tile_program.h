// TileProgram: a short list of instructions over tiles that stay in the L1 cache. Each instruction is a prebuilt SIMD
// kernel, so a chain of elementwise ops runs in one pass over memory without a compiler at run time. An eager op is a
// program of one instruction, plus conversions for dtypes that kernels do not compute in.
//
// Values are stored in numbered registers: operands in the order of the loop nest (inputs, then outputs), followed by
// temporaries. For each tile, a dense operand is read and written in place. An operand that is the same in every tile
// (one element, or a short row that repeats) is gathered once. One that is a single number in each tile is read as that
// where the kernel can do it. Any other layout is gathered into a tile, or scattered from one.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "backends/cpu/kernel_set.h"
#include "backends/cpu/loop_nest.h"
#include "backends/cpu/tiles/tile_grid.h"
#include "backends/cpu/tiles/tile_reductions.h"

namespace pydl::cpu {

/// The number of elements of a tile: a few registers of float64 fit into the L1 cache.
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
  /// A program on the operands of `nest`. The last operands are written: `outputs`, followed by one result per
  /// reduction, which is not a register. Results have steps of 0 along the axes that are reduced.
  TileProgram(const LoopNest& nest, int outputs, int reductions = 0);

  /// A new register that is not an operand.
  int temporary();
  /// Appends an instruction. `cost` is its time per element, in additions of float32.
  void emit(TileKernel kernel, int destination, std::initializer_list<int> sources, int cost);
  /// Kernels for the last instruction that read one number from their first or second source.
  void offer_numbers(TileKernel first, TileKernel second);
  /// Appends the conversion of a register to another dtype. 16-bit floats are converted by way of float32.
  void emit_cast(DType from, DType to, int destination, int source);
  /// Appends a reduction of a register. The loops must run in row-major order.
  void emit_reduction(int source, const TileReduction& reduction);
  /// Must be called once, after the last instruction.
  void finish();

  /// The scratchpad that `run` needs for reductions.
  size_t scratchpad_bytes() const { return reductions_.scratchpad_bytes(); }
  /// `operands` are pointers to the first element of each operand.
  void run(void* const* operands, void* scratchpad = nullptr) const;

 private:
  // How an operand is accessed.
  enum class Access : int8_t { dense, constant, strided, number };

  bool repeats(int operand) const;
  bool should_stream() const;
  void read_numbers();
  void cut(bool repeated);
  void run_tiles(void* const* operands, void* scratchpad, int64_t begin, int64_t end) const;
  void run_whole(void* const* operands, int64_t begin, int64_t end) const;
  void execute(void* const* registers, const Tile& tile, void* scratchpad) const;

  // Reads a register after `after` instructions, before the register is reused.
  struct ReducedRegister {
    size_t after;
    int source;
  };

  LoopNest nest_;
  int first_output_;
  int first_reduction_;
  int register_count_;
  std::vector<Instruction> instructions_;
  TileKernel with_number_[2] = {};  // instead of that of the last instruction
  TileReductions reductions_;
  std::vector<ReducedRegister> reduced_;
  int cost_ = 1;
  Access access_[max_operands] = {};
  bool whole_ = false;    // one instruction on dense operands: no tiles are needed
  bool streams_ = false;  // the output is too large for the caches and is written past them
  bool by_rows_ = false;  // tiles end where the innermost loop ends
  TileGrid grid_;
};

/// The lane in which elements of a dtype are computed, and the dtype of a lane.
Lane lane_of(DType dtype);
DType dtype_of(Lane lane);

}  // namespace pydl::cpu
