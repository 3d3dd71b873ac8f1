// The kernels of one instruction set, as function pointers: the interface between the common code and the folder
// kernels/, which is compiled once per instruction set.
#pragma once

#include <cstdint>

#include "op/op_id.h"
#include "pydl/dtype.h"

namespace pydl::cpu {

/// The types that elementwise kernels compute in. Other dtypes are converted on the way in and out.
enum Lane : int { lane_float, lane_double, lane_int32, lane_int64, lane_count };

/// Elementwise on contiguous operands: out[i] = f(in[0][i], in[1][i], ...). `out` may be one of the inputs if their
/// elements have the same size.
using TileKernel = void (*)(void* out, const void* const* in, int64_t count);

/// The number of ops of the elementwise table, whose ids come first.
inline constexpr int elementwise_count = static_cast<int>(op::OpId::full);

enum Reduction : int { reduce_sum, reduce_prod, reduce_max, reduce_min, reduce_squares, reduction_count };

/// The dtypes that reductions read. Bools are read as uint8.
enum ReduceLane : int { reduce_float, reduce_double, reduce_int32, reduce_int64, reduce_uint8, reduce_lane_count };

/// Reductions of a matrix along its rows or columns. Accumulators are double for floating point, int64 for integers.
struct ReduceKernels {
  /// acc[i] = reduction of row i, which has `columns` contiguous elements.
  void (*rows)(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double* shift, void* acc);
  /// acc[j] = reduction of acc[j] and column j; each row has `columns` contiguous elements.
  void (*columns)(const void* x, int64_t rows, int64_t row_stride, int64_t columns, const double* shift, void* acc);
};

/// Indices of the first extremum. Only for float, double, int32 and int64.
struct ArgKernels {
  int64_t (*row)(const void* x, int64_t count);
  /// Computes `index[j]` for each column j, for up to `arg_columns` columns.
  void (*columns)(const void* x, int64_t rows, int64_t row_stride, int64_t columns, int64_t* index);
};
inline constexpr int64_t arg_columns = 256;

/// Softmax and related ops, over rows of contiguous elements or over columns of a matrix. `a` is x or the gradient, `b`
/// is the output of the forward op or null. Strides are between rows, in elements.
struct SoftmaxKernels {
  void (*row)(const void* a, const void* b, void* y, int64_t count);
  void (*columns)(const void* a, const void* b, void* y, int64_t rows, int64_t columns, int64_t row_stride);
};
enum SoftmaxOp : int { softmax_forward, log_softmax_forward, softmax_back, log_softmax_back, softmax_count };

/// Constants of a normalisation, one per channel, in the type of the computation.
struct NormConstants {
  const void* mean;
  const void* scale;
  const void* slope;  // backward only
  const void* shift;
};

/// The activation after a normalisation, as its gradient uses it. The gate is open where (x - mean) * scale + shift is
/// greater than 0 and is not at least `most`. If `most` is NaN, there is no upper bound.
struct NormGate {
  const void* scale;
  const void* shift;
  double most;
};

/// Normalisation. The elements are either rows of channels, with arrays of constants and sums (columns), or a run of
/// one channel, with a single number for each constant and sum.
struct NormKernels {
  /// With d = x - shift: without a gradient, first sum += d and second += d * d; with a gradient, first += g and second
  /// += g * d. For columns, all second sums come after all first ones. With a gradient and a gate, g counts only where
  /// the gate is open.
  void (*sum_columns[2])(const void* g, const void* x, int64_t rows, int64_t channels, const void* shift,
                         const NormGate* gate, double* sums);
  void (*sum_run[2])(const void* g, const void* x, int64_t count, const void* shift, const NormGate* gate,
                     double* sums);
  /// (x - mean) * scale + shift, clamped to [least, most]. Index 0 is for columns, index 1 for a run (one row).
  void (*forward[2])(const void* x, void* y, int64_t rows, int64_t channels, const NormConstants& constants,
                     double least, double most);
  /// g * scale + (x - mean) * slope + shift. If there is a gate, g counts only where it is open.
  void (*backward[2])(const void* g, const void* x, void* y, int64_t rows, int64_t channels,
                      const NormConstants& constants, const NormGate* gate);
  /// scale[i] = weight[i] / sqrt(variance[i] + epsilon). A missing weight counts as 1.
  void (*scales)(const void* variance, const void* weight, double epsilon, int64_t channels, void* scale);
  /// Normalises a row to mean square 1, and to mean 0 if `center` is set. `row_backward` is the gradient.
  void (*row)(const void* x, void* y, int64_t count, double epsilon, bool center);
  void (*row_backward)(const void* g, const void* x, void* y, int64_t count, double epsilon, bool center);
};

/// Products of panels: C (rows x columns) = or += A B. A is packed in panels of up to `panel_rows` rows, B in panels of
/// `panel_columns` columns, both along k. Packing may write part of a vector beyond the last panel. `bias` has one
/// number per column or is null.
struct GemmKernels {
  int64_t panel_rows;
  int64_t panel_columns;
  /// Packs rows x depth of A, which may have any strides, into panels of about equal height.
  void (*pack_a)(const void* a, int64_t row_stride, int64_t depth_stride, int64_t rows, int64_t depth, void* packed);
  void (*pack_b)(const void* b, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns,
                 void* packed);
  void (*multiply)(const void* packed_a, const void* packed_b, int64_t rows, int64_t columns, int64_t depth, void* c,
                   int64_t c_stride, const void* bias, bool accumulate);
  /// The same for an unpacked B whose rows are contiguous and whose columns are a multiple of `panel_columns`. A is
  /// packed if `a_step` is 0; otherwise the rows of its transpose are contiguous and `a_step` apart. `has_next` says
  /// that A and B continue in memory; the same number of rows is then fetched into the cache for the next call.
  void (*wide)(const void* a, int64_t a_step, const void* b, int64_t b_step, bool has_next, int64_t rows,
               int64_t columns, int64_t depth, void* c, int64_t c_stride, const void* bias, bool accumulate);
  /// Without packing, for a B with contiguous rows.
  void (*small)(const void* a, int64_t a_row_stride, int64_t a_depth_stride, const void* b, int64_t b_stride,
                int64_t rows, int64_t columns, int64_t depth, void* c, int64_t c_stride, const void* bias);
  /// Without packing, for A and B that are both contiguous along k.
  void (*dot)(const void* a, int64_t a_stride, const void* b, int64_t b_stride, int64_t rows, int64_t columns,
              int64_t depth, void* c, int64_t c_stride, const void* bias);
};

/// Convolutions of few channels without packing: x is read in place. Float32 only.
struct DirectConvKernels {
  /// Computes `places` results of up to `direct_channels` channels: y[p][o] = sum over d of x[p * x_step + offsets[d]]
  /// w[d][o], plus bias if it is not null. Rows of w have `direct_channels` entries.
  void (*row)(const float* x, int64_t x_step, const int64_t* offsets, int64_t depth, const float* w, int64_t channels,
              const float* bias, int64_t places, float* y, int64_t y_step);
  /// w[r][o] += sum over p of x[p * x_step + r] g[p][o], for r below `rows`.
  void (*weight)(const float* x, int64_t x_step, const float* g, int64_t g_step, int64_t channels, int64_t places,
                 int64_t rows, float* w);
  /// y[p * y_step + offsets[b] + i] += sum over d of g[p * g_step + d] w[d][b][i], for i below `direct_channels`. Each
  /// position of g adds to `blocks` pieces of y, which may overlap with those of adjacent positions.
  void (*spread)(const float* g, int64_t g_step, int64_t depth, const float* w, const int64_t* offsets, int64_t blocks,
                 int64_t places, float* y, int64_t y_step);
};
inline constexpr int64_t direct_channels = 16;

/// Convolutions with up to `planar_channels` output channels, whose vectors contain positions. The positions of an
/// image row are adjacent, and up to `planar_overhang` elements after them may be read. Float32 only.
struct PlanarConvKernels {
  /// y[p * y_step + o] = sum over d of x[p + offsets[d]] w[d * channels + o], plus bias if it is not null.
  void (*row)(const float* x, const int64_t* offsets, int64_t depth, const float* w, int64_t channels,
              const float* bias, int64_t places, float* y, int64_t y_step);
  /// For `rows` rows of `places` positions each, with planes of g in whole vectors: sums[d * channels + o] (a whole
  /// vector of partial sums) += x[r * x_row + p + offsets[d]] g[o * g_plane + r * g_row + p].
  void (*weight)(const float* x, int64_t x_row, const int64_t* offsets, int64_t depth, const float* g, int64_t g_plane,
                 int64_t g_row, int64_t channels, int64_t rows, int64_t places, float* sums);
  /// y[o * y_plane + p] = g[p * channels + o], in whole vectors, with zeros after the last position.
  void (*to_planes)(const float* g, int64_t channels, int64_t places, float* y, int64_t y_plane);
};
inline constexpr int64_t planar_channels = 8;
inline constexpr int64_t planar_overhang = 32;

/// A plane of vectors of channels. Steps are in elements.
struct Plane {
  int64_t row_step;
  int64_t column_step;
};

/// The rows [top, bottom) and columns [left, right) of a 6 x 6 tile that are inside an image. The rest reads as zeros.
struct TilePart {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;
};

/// Sums over all channels of a 6 x 6 tile: the magnitudes in each quarter of the 4 x 4 positions in the middle, and all
/// squares. Every 3 x 3 window contains one of the quarters.
struct TileSums {
  float quarters[4];
  float squares;
};

/// Sums per channel.
struct ChannelSums {
  float* magnitudes;
  float* squares;
};

/// Transforms of Winograd's convolutions F(4 x 4, 3 x 3): a tile of 4 x 4 results depends on 6 x 6 inputs, and products
/// are elementwise on 36 frequencies, `frequency_step` apart. Float32, channels in whole vectors (`winograd_channels`).
/// The transforms also sum up how large their operands are, from which bad rounding errors are predicted.
struct WinogradKernels {
  /// Computes the frequencies of a tile of x.
  void (*input)(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                int64_t frequency_step, TileSums& sums);
  /// The same, but adds to the sums of the channels: the magnitudes in the middle, and all squares.
  void (*source)(const float* x, Plane plane, TilePart part, int64_t channels, float* frequencies,
                 int64_t frequency_step, ChannelSums sums);
  /// The sums over the channels of one position, of elements times `scale`.
  void (*place)(const float* x, int64_t channels, float scale, float& magnitudes, float& squares);
  /// Computes the first rows and columns of a 4 x 4 tile of y, plus bias if it is not null.
  void (*output)(const float* frequencies, int64_t frequency_step, int64_t channels, const float* bias, bool relu,
                 float* y, Plane plane, int64_t rows, int64_t columns);
  /// The transpose of `output`, applied to a gradient. Adds to the sums of its channels.
  void (*gradient)(const float* g, Plane plane, int64_t rows, int64_t columns, int64_t channels, float* frequencies,
                   int64_t frequency_step, ChannelSums sums);
  /// Packs the frequencies of a weight for products, one panel of each after the other. The 3 x 3 kernel of row d and
  /// column j begins at w[d * depth_stride + j * column_stride]. `rotated` rotates kernels by 180 degrees. Also
  /// computes the sums of the columns.
  void (*weight)(const float* w, int64_t depth_stride, int64_t column_stride, bool rotated, int64_t depth,
                 int64_t columns, float* packed, int64_t frequency_step, ChannelSums sums);
  /// Computes the gradients of `channels` adjacent kernels from those of their frequencies.
  void (*weight_gradient)(const float* frequencies, int64_t frequency_step, int64_t channels, float* w);
  /// sums[k][c] += scale * from[k][c] for the taps k whose `from` is not null.
  void (*add_taps)(const float* const (&from)[9], float scale, int64_t channels, float* sums);
};
inline constexpr int64_t winograd_frequencies = 36;
inline constexpr int64_t winograd_channels = 16;

/// One row of a batch in one step of a recurrent layer. `kept`: blocks of units for the derivative, or null. `sums`:
/// bias plus product of x, a vector per gate for each panel, if they were computed beforehand; otherwise null.
struct RecurrentRow {
  const void* sums;
  const void* x;
  const void* h_before;
  const void* c_before;
  void* h;
  void* c;
  void* kept;
};

/// The weights of as many units as a vector has lanes. `x_weights` and `h_weights` run over the inputs and over the
/// units of the previous step; each entry is one vector per gate. `bias`: a vector per gate (gru: r, z, and both parts
/// of n).
struct RecurrentPanel {
  const void* x_weights;
  const void* h_weights;
  const void* bias;
  int64_t inputs;
  int64_t hidden;
  int64_t unit;   // the first unit
  int64_t units;  // number of units
};

/// The same row in the backward pass. On entry, `dh` and `dc` are the running gradients after the step, without `dy`
/// (which may be null). On return, they are those before the step, except for what flows through the recurrent weights.
/// `dq` is the gradient of r h (gru with reset before).
struct RecurrentSlopeRow {
  const void* h_before;
  const void* h;
  const void* c_before;
  const void* c;
  const void* kept;
  const void* dy;
  void* dh;
  void* dc;
  void* slopes;
  void* dq;
};

/// Steps of recurrent layers. Weights are packed in panels of up to `panel_vectors` vectors of columns.
struct RecurrentKernels {
  int64_t lanes;
  /// Packs `count[v]` rows from `first[v]` on of a matrix with `depth` contiguous columns as vector v of each of
  /// `depth` entries; or packs columns of a matrix whose rows are `stride` apart.
  void (*pack_rows)(const void* w, int64_t vectors, const int64_t* first, const int64_t* count, int64_t depth,
                    void* packed);
  void (*pack_columns)(const void* w, int64_t stride, int64_t columns, int64_t depth, void* packed);
  /// A whole step for the units of a panel.
  void (*lstm)(const RecurrentRow* rows, int64_t count, const RecurrentPanel& panel);
  void (*gru)(const RecurrentRow* rows, int64_t count, const RecurrentPanel& panel);  // reset after
  /// c[i] (columns) = or += a[i] (depth) times a panel of `panel_vectors` vectors.
  void (*multiply)(const void* const* a, void* const* c, int64_t count, int64_t depth, const void* packed,
                   int64_t columns, bool accumulate);
  /// In place, on rows that contain the sums of the gates' inputs: h of a simple layer (tanh, relu); r and z of a gru
  /// with reset before, and r h; its n, and h.
  void (*rnn[2])(void* h, int64_t units);
  void (*gru_gates)(const void* h_before, void* kept, int64_t units);
  void (*gru_output)(const void* h_before, void* kept, void* h, int64_t units);
  /// Gradients of the gates' inputs.
  void (*lstm_slopes)(const RecurrentSlopeRow& row, int64_t units);
  void (*gru_slopes[2])(const RecurrentSlopeRow& row, int64_t units);  // reset before (z and n), reset after
  void (*gru_reset_slopes)(const RecurrentSlopeRow& row, int64_t units);
  void (*rnn_slopes[2])(const RecurrentSlopeRow& row, int64_t units);
};
inline constexpr int64_t panel_vectors = 4;

/// The elements that one window of a pooling covers, counted from its first one: `count` along each of 3 axes, `stride`
/// apart.
struct WindowShape {
  int64_t count[3];
  int64_t stride[3];
};

/// Adjacent windows of the same shape: the steps from one to the next, in elements of x and of y.
struct WindowRow {
  int64_t places;
  int64_t x_step;
  int64_t y_step;
};

/// Pooling of a row of windows for `channels` consecutive channels.
struct PoolKernels {
  void (*max)(const void* x, const WindowShape& window, const WindowRow& row, int64_t channels, void* y);
  /// Adds g to dx at the first of the largest elements of x; both have the same layout. The functions at index 1
  /// overwrite dx in the windows instead, for windows that share no element.
  void (*max_backward[2])(const void* x, const void* g, const WindowShape& window, const WindowRow& row,
                          int64_t channels, void* dx);
  /// y = scale times the sum.
  void (*sum)(const void* x, const WindowShape& window, const WindowRow& row, int64_t channels, double scale, void* y);
  /// Adds scale times g to every element of dx.
  void (*spread[2])(const void* g, const WindowShape& window, const WindowRow& row, int64_t channels, double scale,
                    void* dx);
};

/// Weighted sums that make up a resampled row. Weights and elements have the same type.
struct ResampleKernels {
  /// y[j] = sum over the `count` taps k of weights[k] * x[offsets[k] + j].
  void (*rows)(const void* x, const int64_t* offsets, const void* weights, int64_t count, int64_t length, void* y);
  /// y[i] = sum over the `count` taps k of weights[k * length + i] * x[index[k * length + i]].
  void (*gather)(const void* x, const int32_t* index, const void* weights, int64_t count, int64_t length, void* y);
};

/// Constants of an optimiser step. Each update reads those that it needs.
struct UpdateConstants {
  double lr, momentum, dampening, weight_decay;  // sgd, rmsprop (lr and weight_decay: adam too)
  double alpha, epsilon;                         // rmsprop (epsilon: adam too)
  double beta1, beta2, step_size, root_correction;
  bool nesterov, decoupled, first_step;
};

/// One pass over `count` elements of a parameter, with p, state and gradient as in op_id.h.
using UpdateKernel = void (*)(void* const* operands, int64_t count, const UpdateConstants& constants);

/// Adds rows: y[i] += x[i].
using AddKernel = void (*)(void* y, const void* x, int64_t count);

/// The interval of uniform numbers: low + (high - low) u, but at most `last`, the number just below `high`.
struct Interval {
  double low, high, last;
};

/// Writes elements [begin, begin + count) of a stream to y; `begin` is a multiple of 4.
struct RandomKernels {
  void (*uniform_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Interval& interval,
                        float* y);
  void (*uniform_double)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, const Interval& interval,
                         double* y);
  void (*normal_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, float mean, float std, float* y);
  void (*dropout_float)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double p, const float* x,
                        float* y);
  void (*dropout_double)(uint64_t seed, uint64_t offset, int64_t begin, int64_t count, double p, const double* x,
                         double* y);
};

struct KernelSet {
  TileKernel elementwise[elementwise_count][lane_count];  // null if the op has no such lane; logical ops: lane 0
  TileKernel where[4];                                    // by log2 of the item size
  TileKernel cast[dtype_count][dtype_count];              // [from][to]; null for indirect casts (tile_program.h)
  TileKernel round_float16;  // rounds float32 to what a float16, or a bfloat16, can represent
  TileKernel round_bfloat16;
  ReduceKernels reduce[reduction_count][reduce_lane_count];
  ArgKernels arg[2][lane_count];             // argmax, argmin
  SoftmaxKernels softmax[softmax_count][2];  // float, double
  NormKernels norm[3];                       // float, double, bfloat16 computed in float
  GemmKernels gemm[2];
  DirectConvKernels direct_conv;
  PlanarConvKernels planar_conv;
  WinogradKernels winograd;
  RecurrentKernels recurrent[2];
  PoolKernels pool[2];
  ResampleKernels resample[2];
  UpdateKernel sgd[2], rmsprop[2], adam[2];
  AddKernel add_rows[2];
  RandomKernels random;
  /// Transposes a block of items of 1, 2, 4 or 8 bytes (by log2): y[j][i] = x[i][j]. Strides in bytes.
  void (*transpose[4])(const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t rows, int64_t columns);
  /// Copies with stores that bypass the caches; `y` is 64-byte aligned. Other threads see y after `finish_streams`.
  void (*stream)(const void* x, void* y, int64_t bytes);
  void (*finish_streams)();
};

/// The kernels for this machine.
const KernelSet& kernels();

}  // namespace pydl::cpu
