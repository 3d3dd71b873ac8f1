// Computes by definition the results that Winograd's algorithm would compute badly (winograd_checks.h).
#pragma once

#include "backends/cpu/conv/winograd_checks.h"

namespace pydl::cpu {

/// Repairs results of `conv`, or of `conv_backward_input`, which is a convolution of the gradient with kernels rotated
/// by 180 degrees.
class ConvRepair {
 public:
  struct Shape {
    WinogradTiling tiling;
    int64_t depth;          // channels of the source
    int64_t columns;        // channels of the result
    int64_t depth_stride;   // of the weight
    int64_t column_stride;  // of the weight
    bool rotated;
    bool relu;
  };
  struct Operands {
    const float* x;
    const float* weight;
    const float* bias;  // or null
    float* y;
  };

  explicit ConvRepair(const Shape& shape);

  /// The memory that each of the functions below needs, in floats.
  int64_t elements() const;
  /// Overwrites the results in `unsafe`, which contains a set for each tile.
  void compute_results(const Operands& operands, const TileResults* unsafe, float* memory) const;
  /// Overwrites `count` channels of all results.
  void compute_channels(const Operands& operands, const int64_t* channels, int64_t count, float* memory) const;

 private:
  using Position = WinogradTiling::Position;

  int64_t weight_offset(int64_t tap) const { return shape_.rotated ? kernel_taps - 1 - tap : tap; }
  bool sees_zeros_only(const Position& position, const float* x) const;
  void compute_tiles(const Operands& operands, const TileResults* unsafe, int64_t begin, int64_t end,
                     const float* weights, float* memory) const;
  void compute_block(const Operands& operands, const Position* positions, int64_t count, const float* weights,
                     float* memory) const;
  void compute_row(const Operands& operands, int64_t row, const int64_t* channels, int64_t count, const float* weights,
                   float* memory) const;
  void finish(float result, const float* bias, float& y) const;

  Shape shape_;
  GemmKernels gemm_ = kernels().gemm[0];
  int64_t panel_step_;      // distance of taps of packed weights
  int64_t piece_elements_;  // size of the memory of a piece
};

/// Repairs channels of the gradient of a weight.
class WeightRepair {
 public:
  /// For the gradients of results, which `tiling` divides, and for x.
  WeightRepair(const WinogradTiling& tiling, int64_t in, int64_t out) : tiling_(tiling), in_(in), out_(out) {}

  int64_t elements() const;
  /// Whether computing `count` channels takes much less time than computing all by definition: few channels, or few
  /// elements that are not zero.
  bool is_cheap(const float* g, const float* x, const int64_t* channels, int64_t count, bool skips_zeros) const;
  /// Overwrites the kernels of `count` channels: first channels of x, then those of g, which are numbered from `in` on.
  /// Zeros may be skipped if everything that they are multiplied by is finite.
  void compute_channels(const float* g, const float* x, const int64_t* channels, int64_t count, bool skips_zeros,
                        float* weight, float* memory) const;

 private:
  static int64_t count_nonzeros(const float* elements, int64_t positions, int64_t step, const int64_t* channels,
                                int64_t count, int64_t first_channel);
  int64_t channels_of_x(const int64_t* channels, int64_t count) const;
  void compute_channel(const float* g, const float* x, int64_t channel, bool skips_zeros, float* weight,
                       float* memory) const;

  WinogradTiling tiling_;
  int64_t in_;
  int64_t out_;
};

}  // namespace pydl::cpu
