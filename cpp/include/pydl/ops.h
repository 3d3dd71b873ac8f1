// The functions on tensors. All are differentiable where mathematics allows, and differentiable again.
// Elementwise ones broadcast, and promote dtypes by `promote`.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pydl/tensor.h"

namespace pydl {

/// Axes of a reduction; none given means all.
using Axes = std::optional<std::vector<int64_t>>;

// --- creation ------------------------------------------------------------------------------------
Tensor full(const Dims& shape, Scalar value, DType dtype);
Tensor zeros(const Dims& shape, DType dtype = DType::float32);
Tensor ones(const Dims& shape, DType dtype = DType::float32);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
/// start, start + step, ... below `stop`.
Tensor arange(Scalar start, Scalar stop, Scalar step, DType dtype);
/// `count` evenly spaced numbers from start to stop, stop included.
Tensor linspace(double start, double stop, int64_t count, DType dtype = DType::float32);
/// Ones on diagonal `k` of an otherwise zero (rows, columns) matrix.
Tensor eye(int64_t rows, int64_t columns, int64_t k = 0, DType dtype = DType::float32);

// --- elementwise: one function per row of the elementwise table (op/elementwise_table.h) ----------
Tensor negative(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor square(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor relu6(const Tensor& x);
Tensor binary_step(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
Tensor trunc(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor softplus(const Tensor& x);
Tensor silu(const Tensor& x);
Tensor gelu(const Tensor& x);
Tensor gelu_tanh(const Tensor& x);
Tensor softsign(const Tensor& x);
Tensor selu(const Tensor& x);
Tensor mish(const Tensor& x);
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
Tensor logical_not(const Tensor& x);

Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor remainder(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor atan2(const Tensor& a, const Tensor& b);
Tensor leaky_relu(const Tensor& a, const Tensor& slope);
Tensor elu(const Tensor& a, const Tensor& alpha);
Tensor relu_backward(const Tensor& gradient, const Tensor& output);
Tensor relu6_backward(const Tensor& gradient, const Tensor& output);
Tensor sigmoid_backward(const Tensor& gradient, const Tensor& output);
Tensor tanh_backward(const Tensor& gradient, const Tensor& output);
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);

/// A number as a tensor of rank 0, of the dtype that it takes beside `like`.
Tensor scalar_like(Scalar value, const Tensor& like);
inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return subtract(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return multiply(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return divide(a, b); }
inline Tensor operator-(const Tensor& a) { return negative(a); }
inline Tensor operator+(const Tensor& a, Scalar b) { return add(a, scalar_like(b, a)); }
inline Tensor operator-(const Tensor& a, Scalar b) { return subtract(a, scalar_like(b, a)); }
inline Tensor operator*(const Tensor& a, Scalar b) { return multiply(a, scalar_like(b, a)); }
inline Tensor operator/(const Tensor& a, Scalar b) { return divide(a, scalar_like(b, a)); }
inline Tensor operator+(Scalar a, const Tensor& b) { return add(scalar_like(a, b), b); }
inline Tensor operator-(Scalar a, const Tensor& b) { return subtract(scalar_like(a, b), b); }
inline Tensor operator*(Scalar a, const Tensor& b) { return multiply(scalar_like(a, b), b); }
inline Tensor operator/(Scalar a, const Tensor& b) { return divide(scalar_like(a, b), b); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// x limited to [low, high].
Tensor clip(const Tensor& x, const Tensor& low, const Tensor& high);
/// The same values in another dtype; the tensor itself when it has it already.
Tensor astype(const Tensor& x, DType dtype);
/// The same values in memory of their own, row-major.
Tensor copy(const Tensor& x);
/// x itself when row-major without gaps, else a copy.
Tensor contiguous(const Tensor& x);

// --- shape: views where the layout allows ------------------------------------------------------------
/// One size may be -1 and follows from the others.
Tensor reshape(const Tensor& x, const Dims& shape);
Tensor permute_dims(const Tensor& x, std::span<const int64_t> axes);
/// The last two axes exchanged.
Tensor matrix_transpose(const Tensor& x);
/// Axes of size 1 repeated, and leading axes added, without copying.
Tensor expand(const Tensor& x, const Dims& shape);
/// Adds axes of size 1 at those positions of the result / removes them.
Tensor expand_dims(const Tensor& x, int64_t axis);
Tensor squeeze(const Tensor& x, const Axes& axes = {});
/// Part of each axis: `sizes[i]` elements from `starts[i]`, `steps[i]` apart (negative: backwards).
Tensor slice(const Tensor& x, const Dims& starts, const Dims& sizes, const Dims& steps);
Tensor flip(const Tensor& x, const Axes& axes = {});
Tensor concat(std::span<const Tensor> tensors, int64_t axis = 0);
Tensor stack(std::span<const Tensor> tensors, int64_t axis = 0);
std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int64_t axis = 0);
Tensor broadcast_to(const Tensor& x, const Dims& shape);
/// Zeros of `shape` with g at starts + i * steps: the transpose of `slice`.
Tensor slice_backward(const Tensor& g, const Dims& shape, const Dims& starts, const Dims& steps);
/// Overwrites the elements of `destination`, which must not be part of a recorded computation.
void assign(const Tensor& destination, const Tensor& source);

// --- indexing --------------------------------------------------------------------------------------
/// Elements along `axis` chosen by an integer index of the same rank (NumPy's take_along_axis, PyTorch's gather).
Tensor gather(const Tensor& x, const Tensor& index, int64_t axis);
/// Slices along `axis` chosen by an integer index of any rank. No gradient goes to the slice `skip`.
Tensor take(const Tensor& x, const Tensor& index, int64_t axis = 0, std::optional<int64_t> skip = {});
Tensor gather_backward(const Tensor& g, const Tensor& index, int64_t axis, int64_t size);
Tensor take_backward(const Tensor& g, const Tensor& index, int64_t axis, int64_t size,
                     std::optional<int64_t> skip = {});
/// The segment that each of `count` elements is in, int64 (count): segment b begins at offsets[b], integers (B) from 0
/// on, ascending.
Tensor segment_ids(const Tensor& offsets, int64_t count);
/// Row of x (count, D) with the largest element of each segment, by column: int64 (B, D); 0 for an empty segment.
Tensor segment_argmax(const Tensor& x, const Tensor& offsets);

// --- reductions ------------------------------------------------------------------------------------
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor var(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
Tensor std(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
/// Without an axis: the index into the flattened tensor.
Tensor argmax(const Tensor& x, std::optional<int64_t> axis = {}, bool keepdims = false);
Tensor argmin(const Tensor& x, std::optional<int64_t> axis = {}, bool keepdims = false);
/// Sums x over the axes along which `shape` was broadcast, so that the result has that shape.
Tensor sum_to(const Tensor& x, const Dims& shape);

// --- products --------------------------------------------------------------------------------------
/// Matrix product as in NumPy: vectors are promoted, leading axes broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
/// x (..., I) times the transposed weight (O, I), plus bias (O) where defined: (..., O).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// --- convolutions ------------------------------------------------------------------------------------
/// How a window moves over the 1 to 3 spatial axes of (N, C, S...). Empty dims stand for the usual: strides and
/// dilations of 1, no padding.
struct ConvOptions {
  Dims stride = {};
  Dims padding_low = {};   ///< zeros before the first element of each spatial axis
  Dims padding_high = {};  ///< behind the last one
  Dims dilation = {};
  int64_t groups = 1;
};

/// Cross-correlation: y[n, o, t] = sum over c, k of x[n, c, t stride - padding + k dilation] weight[o, c, k] + bias[o].
/// x (N, C, S...), weight (O, C / groups, K...), bias (O): (N, O, T...) with
/// T = (S + padding - dilation (K - 1) - 1) / stride + 1, rounded down. The result lies channels-last.
Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvOptions& options = {});
/// The transpose of `conv` as a linear map of its input, which had the spatial sizes `size`.
Tensor conv_backward_input(const Tensor& g, const Tensor& weight, const Dims& size, const ConvOptions& options = {});
/// The gradient of `conv` for a weight of the spatial sizes `kernel`.
Tensor conv_backward_weight(const Tensor& g, const Tensor& x, const Dims& kernel, const ConvOptions& options = {});

// --- pooling -----------------------------------------------------------------------------------------
/// Windows over the spatial axes of (N, C, S...), one entry per axis; what lies outside does not count.
struct PoolOptions {
  Dims kernel;
  Dims stride = {};        ///< empty: the kernel's sizes
  Dims padding = {};       ///< on both sides, at most half the kernel; empty: none
  Dims dilation = {};      ///< empty: 1
  bool ceil_mode = false;  ///< whether a last window may reach beyond the input
};
Tensor max_pool(const Tensor& x, const PoolOptions& options);
/// Places of the elements that `max_pool` gives, in the row-major spatial axes of x: int64.
Tensor max_pool_indices(const Tensor& x, const PoolOptions& options);
/// The gradient of `max_pool` for x.
Tensor max_pool_backward(const Tensor& g, const Tensor& x, const PoolOptions& options);
/// Windows that share the input out evenly, so that the result has the spatial sizes `size`.
Tensor adaptive_max_pool(const Tensor& x, const Dims& size);
Tensor adaptive_max_pool_indices(const Tensor& x, const Dims& size);
/// The mean of each window. The divisor is the number of its elements, with padding or without, or a given number.
Tensor avg_pool(const Tensor& x, const PoolOptions& options, bool count_include_pad = true,
                int64_t divisor_override = 0);
/// The gradient of `avg_pool` for an input of the spatial sizes `size`.
Tensor avg_pool_backward(const Tensor& g, const Dims& size, const PoolOptions& options, bool count_include_pad = true,
                         int64_t divisor_override = 0);
/// Zeros of the spatial sizes `size` with x at the places that `max_pool_indices` gave. Where several found one
/// place, their mean.
Tensor max_unpool(const Tensor& x, const Tensor& indices, const Dims& size);

// --- resampling --------------------------------------------------------------------------------------
enum class Resampling { nearest, linear, cubic, area };

/// How places of the result lie among those of the input, along each spatial axis.
struct ResampleOptions {
  Resampling mode = Resampling::nearest;
  /// Whether first and last elements lie upon each other, rather than the outer edges of them. Linear and cubic only.
  bool align_corners = false;
  /// Places of the input per place of the result; empty: input size / size of the result.
  std::vector<double> steps = {};
  /// Whether neighbourhoods grow as an axis shrinks, so that every element of the input counts. Linear and cubic only;
  /// cubic is with a = -0.5 then.
  bool antialias = false;
};

/// x (N, C, S...) at the spatial sizes `size`, by weighted sums of neighbours along each of 1 to 3 axes: the nearest
/// one, 2 (linear), 4 (cubic, Keys 1981, with a = -0.75), or the mean of windows that share the axis out evenly (area).
Tensor resample(const Tensor& x, const Dims& size, const ResampleOptions& options = {});
/// The gradient of `resample` for an input of the spatial sizes `size`.
Tensor resample_backward(const Tensor& g, const Dims& size, const ResampleOptions& options = {});

// --- normalised exponentials -------------------------------------------------------------------------
Tensor softmax(const Tensor& x, int64_t axis = -1);
Tensor log_softmax(const Tensor& x, int64_t axis = -1);
Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t axis);
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t axis);

/// How losses of several samples become one.
enum class Reduction { none, mean, sum };
/// -log_softmax(logits)[target] along `axis`; 0 where the target is `ignore_index`. The mean is over the targets that
/// are not. target: integers of the shape of the logits without `axis`; one outside the classes raises `IndexError`.
Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& target, int64_t axis = -1, int64_t ignore_index = -100,
                             Reduction reduction = Reduction::mean);
Tensor softmax_cross_entropy_backward(const Tensor& g, const Tensor& logits, const Tensor& target, int64_t axis = -1,
                                      int64_t ignore_index = -100, Reduction reduction = Reduction::mean);
/// -log p(target) of each sequence, summed over all alignments of its target with its steps (Graves et al., 2006):
/// (N). log_probs (T, N, C): logarithms of probabilities; targets: classes other than the blank, integers (N, S), or
/// those of all sequences joined; input_lengths and target_lengths: integers (N). A target for which there are too few
/// steps gives infinity and a gradient that is not a number, or with `zero_infinity` zero for both.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank = 0, bool zero_infinity = false);
/// The gradient of `ctc_loss` for the log-probabilities, each taken by itself; differentiable in g only.
Tensor ctc_loss_backward(const Tensor& g, const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                         const Tensor& target_lengths, int64_t blank = 0, bool zero_infinity = false);
/// log(sum(exp(x))) without overflow.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// --- normalisation ---------------------------------------------------------------------------------
// Channels are axis 1. Statistics have the dtype of x, float32 for one of 16 bits.
/// Mean and variance (not corrected) of each channel of x (N, C, ...), over all other axes: (2, C). Not differentiable.
Tensor channel_moments(const Tensor& x);
/// (x - mean) / sqrt(variance + epsilon) * weight + bias, by channel. With `batch` the moments are those of x: the
/// derivative is that of x through them too; else they are constants.
Tensor batch_norm(const Tensor& x, const Tensor& moments, const Tensor& weight, const Tensor& bias,
                  double epsilon = 1e-5, bool batch = false);
/// Sums of g, and of g times the normalised x, by channel: (2, C). The gradients of bias and weight.
Tensor channel_sums(const Tensor& g, const Tensor& x, const Tensor& moments, double epsilon = 1e-5, bool batch = false);
/// `sums` are those of `channel_sums`; read only with `batch`.
Tensor batch_norm_backward(const Tensor& g, const Tensor& x, const Tensor& moments, const Tensor& weight,
                           const Tensor& sums, double epsilon = 1e-5, bool batch = false);
/// Rows of the last `axes` axes, brought to mean 0 and variance 1, or without `center` to root mean square 1.
Tensor normalize(const Tensor& x, int64_t axes = 1, double epsilon = 1e-5, bool center = true);
Tensor normalize_backward(const Tensor& g, const Tensor& x, int64_t axes = 1, double epsilon = 1e-5,
                          bool center = true);

// --- recurrent layers ------------------------------------------------------------------------------
enum class RecurrentCell { lstm, gru, rnn_tanh, rnn_relu };

struct RecurrentOptions {
  RecurrentCell cell = RecurrentCell::lstm;
  bool reset_after =
      true;              ///< gru: r scales W_hn h + b_hn (PyTorch, Keras), or h before the product (Cho et al., 2014)
  bool reverse = false;  ///< from the last step to the first
};

/// Rows of the weights are the gates in PyTorch's order: i, f, g, o of an LSTM; r, z, n of a GRU.
struct RecurrentWeights {
  Tensor w_ih;       ///< (G H, I), G the number of gates
  Tensor w_hh;       ///< (G H, H), or (G H, P) with a projection
  Tensor b_ih = {};  ///< (G H); both biases or none
  Tensor b_hh = {};
  Tensor w_hr = {};  ///< (P, H): projection of an LSTM's h (Sak et al., 2014)
};

struct RecurrentStates {
  Tensor output;  ///< h of every step (T, N, H)
  Tensor h;       ///< the last one (N, H)
  Tensor c = {};  ///< of an LSTM (N, H)
};

/// One direction of one recurrent layer over x (T, N, I), from h0 (N, H), and for an LSTM c0 (N, H). With `lengths`
/// (N), integers in 0 .. T, row n ends after lengths[n] steps: outputs beyond are 0, final states are those of its last
/// step, and the reverse direction begins there.
RecurrentStates recurrent(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                          const Tensor& lengths = {}, const RecurrentOptions& options = {});

/// One step: x (N, I), from `before`, whose output is not read. Made of differentiable ops.
RecurrentStates recurrent_step(const Tensor& x, const RecurrentStates& before, const RecurrentWeights& weights,
                               const RecurrentOptions& options = {});

struct RecurrentGradients {
  Tensor x;
  Tensor h0;
  Tensor c0 = {};
  RecurrentWeights weights = {};
};
/// The gradients of `recurrent`, without a projection, for given ones of its results, each of which may be undefined.
RecurrentGradients recurrent_backward(const RecurrentStates& gradients, const Tensor& x, const Tensor& h0,
                                      const Tensor& c0, const RecurrentWeights& weights, const Tensor& lengths = {},
                                      const RecurrentOptions& options = {});
/// The sum over n and t < lengths[n] of the outer products of a[t, n] and b[t + shift, n], for a (T, N, A) and
/// b (T, N, B); first[n] of `first` (N, B) stands for what lies outside of the sequence. shift: -1, 0 or 1.
Tensor sequence_product(const Tensor& a, const Tensor& b, const Tensor& lengths, const Tensor& first,
                        int64_t shift = 0);

}  // namespace pydl
