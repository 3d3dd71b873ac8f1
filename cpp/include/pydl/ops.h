// Functions on tensors. All are differentiable where this is mathematically possible, and so are their derivatives.
// Elementwise functions broadcast, and promote dtypes by `promote`.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

/// The axes of a reduction, such as `{0, 2}`. No axes, `{}`, means all of them.
class PYDL_API Axes : public std::optional<std::vector<int64_t>> {
 public:
  using optional::optional;
  Axes() = default;
  Axes(std::initializer_list<int64_t> axes) : optional(std::vector<int64_t>(axes)) {}
};

// --- creation ------------------------------------------------------------------------------------
PYDL_API Tensor full(const Dims& shape, Scalar value, DType dtype);
PYDL_API Tensor zeros(const Dims& shape, DType dtype = DType::float32);
PYDL_API Tensor ones(const Dims& shape, DType dtype = DType::float32);
PYDL_API Tensor zeros_like(const Tensor& x);
PYDL_API Tensor ones_like(const Tensor& x);
/// start, start + step, ... below `stop`.
PYDL_API Tensor arange(Scalar start, Scalar stop, Scalar step, DType dtype);
/// `count` evenly spaced numbers from start to stop, stop included.
PYDL_API Tensor linspace(double start, double stop, int64_t count, DType dtype = DType::float32);
/// Ones on diagonal `k` of an otherwise zero (rows, columns) matrix.
PYDL_API Tensor eye(int64_t rows, int64_t columns, int64_t k = 0, DType dtype = DType::float32);

// --- elementwise: one function per row of the elementwise table (op/elementwise_table.h) ----------
PYDL_API Tensor negative(const Tensor& x);
PYDL_API Tensor abs(const Tensor& x);
PYDL_API Tensor sign(const Tensor& x);
PYDL_API Tensor square(const Tensor& x);
PYDL_API Tensor relu(const Tensor& x);
PYDL_API Tensor relu6(const Tensor& x);
PYDL_API Tensor binary_step(const Tensor& x);
PYDL_API Tensor floor(const Tensor& x);
PYDL_API Tensor ceil(const Tensor& x);
PYDL_API Tensor round(const Tensor& x);
PYDL_API Tensor trunc(const Tensor& x);
PYDL_API Tensor reciprocal(const Tensor& x);
PYDL_API Tensor sqrt(const Tensor& x);
PYDL_API Tensor rsqrt(const Tensor& x);
PYDL_API Tensor exp(const Tensor& x);
PYDL_API Tensor expm1(const Tensor& x);
PYDL_API Tensor log(const Tensor& x);
PYDL_API Tensor log1p(const Tensor& x);
PYDL_API Tensor log2(const Tensor& x);
PYDL_API Tensor log10(const Tensor& x);
PYDL_API Tensor sin(const Tensor& x);
PYDL_API Tensor cos(const Tensor& x);
PYDL_API Tensor tan(const Tensor& x);
PYDL_API Tensor asin(const Tensor& x);
PYDL_API Tensor acos(const Tensor& x);
PYDL_API Tensor atan(const Tensor& x);
PYDL_API Tensor sinh(const Tensor& x);
PYDL_API Tensor cosh(const Tensor& x);
PYDL_API Tensor tanh(const Tensor& x);
PYDL_API Tensor erf(const Tensor& x);
PYDL_API Tensor sigmoid(const Tensor& x);
PYDL_API Tensor softplus(const Tensor& x);
PYDL_API Tensor silu(const Tensor& x);
PYDL_API Tensor gelu(const Tensor& x);
PYDL_API Tensor gelu_tanh(const Tensor& x);
PYDL_API Tensor softsign(const Tensor& x);
PYDL_API Tensor selu(const Tensor& x);
PYDL_API Tensor mish(const Tensor& x);
PYDL_API Tensor isnan(const Tensor& x);
PYDL_API Tensor isinf(const Tensor& x);
PYDL_API Tensor isfinite(const Tensor& x);
PYDL_API Tensor logical_not(const Tensor& x);

PYDL_API Tensor add(const Tensor& a, const Tensor& b);
PYDL_API Tensor subtract(const Tensor& a, const Tensor& b);
PYDL_API Tensor multiply(const Tensor& a, const Tensor& b);
PYDL_API Tensor divide(const Tensor& a, const Tensor& b);
PYDL_API Tensor floor_divide(const Tensor& a, const Tensor& b);
PYDL_API Tensor remainder(const Tensor& a, const Tensor& b);
PYDL_API Tensor pow(const Tensor& a, const Tensor& b);
PYDL_API Tensor maximum(const Tensor& a, const Tensor& b);
PYDL_API Tensor minimum(const Tensor& a, const Tensor& b);
PYDL_API Tensor atan2(const Tensor& a, const Tensor& b);
PYDL_API Tensor leaky_relu(const Tensor& a, const Tensor& slope);
PYDL_API Tensor elu(const Tensor& a, const Tensor& alpha);
PYDL_API Tensor relu_backward(const Tensor& gradient, const Tensor& output);
PYDL_API Tensor relu6_backward(const Tensor& gradient, const Tensor& output);
PYDL_API Tensor sigmoid_backward(const Tensor& gradient, const Tensor& output);
PYDL_API Tensor tanh_backward(const Tensor& gradient, const Tensor& output);
PYDL_API Tensor squared_difference(const Tensor& a, const Tensor& b);
PYDL_API Tensor squared_difference_backward(const Tensor& gradient, const Tensor& a, const Tensor& b);
/// Huber's loss of each difference a - b; beyond `delta`, it is linear.
PYDL_API Tensor huber(const Tensor& a, const Tensor& b, const Tensor& delta);
PYDL_API Tensor silu_backward(const Tensor& gradient, const Tensor& x);
PYDL_API Tensor gelu_backward(const Tensor& gradient, const Tensor& x);
PYDL_API Tensor gelu_tanh_backward(const Tensor& gradient, const Tensor& x);
PYDL_API Tensor selu_backward(const Tensor& gradient, const Tensor& x);
PYDL_API Tensor leaky_relu_backward(const Tensor& gradient, const Tensor& x, const Tensor& slope);
PYDL_API Tensor elu_backward(const Tensor& gradient, const Tensor& x, const Tensor& alpha);
/// Multiplication and division in derivatives. A gradient or slope of 0 gives 0, even if the other factor is infinite
/// or NaN, as it may be in the branch that `where` does not select. A gradient that is NaN stays NaN.
PYDL_API Tensor gradient_times(const Tensor& gradient, const Tensor& slope);
PYDL_API Tensor gradient_over(const Tensor& gradient, const Tensor& divisor);
PYDL_API Tensor equal(const Tensor& a, const Tensor& b);
PYDL_API Tensor not_equal(const Tensor& a, const Tensor& b);
PYDL_API Tensor less(const Tensor& a, const Tensor& b);
PYDL_API Tensor less_equal(const Tensor& a, const Tensor& b);
PYDL_API Tensor greater(const Tensor& a, const Tensor& b);
PYDL_API Tensor greater_equal(const Tensor& a, const Tensor& b);
/// For integers; for bools they are the logical functions.
PYDL_API Tensor bitwise_invert(const Tensor& x);
PYDL_API Tensor bitwise_and(const Tensor& a, const Tensor& b);
PYDL_API Tensor bitwise_or(const Tensor& a, const Tensor& b);
PYDL_API Tensor bitwise_xor(const Tensor& a, const Tensor& b);
PYDL_API Tensor bitwise_left_shift(const Tensor& a, const Tensor& b);
PYDL_API Tensor bitwise_right_shift(const Tensor& a, const Tensor& b);
PYDL_API Tensor logical_and(const Tensor& a, const Tensor& b);
PYDL_API Tensor logical_or(const Tensor& a, const Tensor& b);
PYDL_API Tensor logical_xor(const Tensor& a, const Tensor& b);

// Comparisons of integers with a number are exact, even if the number is out of range for their dtype.
PYDL_API Tensor equal(const Tensor& a, Scalar b);
PYDL_API Tensor not_equal(const Tensor& a, Scalar b);
PYDL_API Tensor less(const Tensor& a, Scalar b);
PYDL_API Tensor less_equal(const Tensor& a, Scalar b);
PYDL_API Tensor greater(const Tensor& a, Scalar b);
PYDL_API Tensor greater_equal(const Tensor& a, Scalar b);

/// A number as a tensor of rank 0, in the dtype that it takes when combined with `like`. Throws `OverflowError` if the
/// number is out of range for that dtype.
PYDL_API Tensor scalar_like(Scalar value, const Tensor& like);
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

PYDL_API Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
/// x limited to [low, high].
PYDL_API Tensor clip(const Tensor& x, const Tensor& low, const Tensor& high);
/// The same values in another dtype; the tensor itself if it already has that dtype.
PYDL_API Tensor astype(const Tensor& x, DType dtype);
/// The same values in new memory, row-major.
PYDL_API Tensor copy(const Tensor& x);
/// x itself if it is row-major without gaps, else a copy.
PYDL_API Tensor contiguous(const Tensor& x);

// --- shape: views if the layout allows it ------------------------------------------------------------
/// One size may be -1; it is computed from the others.
PYDL_API Tensor reshape(const Tensor& x, const Dims& shape);
PYDL_API Tensor permute_dims(const Tensor& x, std::span<const int64_t> axes);
inline Tensor permute_dims(const Tensor& x, std::initializer_list<int64_t> axes) {
  return permute_dims(x, std::span(axes.begin(), axes.size()));
}
/// Swaps the last two axes.
PYDL_API Tensor matrix_transpose(const Tensor& x);
/// Repeats axes of size 1 and adds leading axes, without copying.
PYDL_API Tensor expand(const Tensor& x, const Dims& shape);
/// Adds an axis of size 1 at that position of the result, or removes axes of size 1.
PYDL_API Tensor expand_dims(const Tensor& x, int64_t axis);
PYDL_API Tensor squeeze(const Tensor& x, const Axes& axes = {});
/// A part of each axis: `sizes[i]` elements, beginning at `starts[i]` and `steps[i]` apart (a negative step goes
/// backwards).
PYDL_API Tensor slice(const Tensor& x, const Dims& starts, const Dims& sizes, const Dims& steps);
PYDL_API Tensor flip(const Tensor& x, const Axes& axes = {});
PYDL_API Tensor concat(std::span<const Tensor> tensors, int64_t axis = 0);
PYDL_API Tensor stack(std::span<const Tensor> tensors, int64_t axis = 0);
PYDL_API std::vector<Tensor> split(const Tensor& x, std::span<const int64_t> sizes, int64_t axis = 0);
inline Tensor concat(std::initializer_list<Tensor> tensors, int64_t axis = 0) {
  return concat(std::span(tensors.begin(), tensors.size()), axis);
}
inline Tensor stack(std::initializer_list<Tensor> tensors, int64_t axis = 0) {
  return stack(std::span(tensors.begin(), tensors.size()), axis);
}
inline std::vector<Tensor> split(const Tensor& x, std::initializer_list<int64_t> sizes, int64_t axis = 0) {
  return split(x, std::span(sizes.begin(), sizes.size()), axis);
}
PYDL_API Tensor broadcast_to(const Tensor& x, const Dims& shape);
/// Zeros of `shape` with g at starts + i * steps: the transpose of `slice`.
PYDL_API Tensor slice_backward(const Tensor& g, const Dims& shape, const Dims& starts, const Dims& steps);
/// Overwrites the elements of `destination`, which must not be part of a recorded computation.
PYDL_API void assign(const Tensor& destination, const Tensor& source);

// --- indexing --------------------------------------------------------------------------------------
/// Elements along `axis`, selected by an integer index of the same rank (NumPy's take_along_axis, PyTorch's gather).
PYDL_API Tensor gather(const Tensor& x, const Tensor& index, int64_t axis);
/// Slices along `axis`, selected by an integer index of any rank. The slice `skip` receives no gradient.
PYDL_API Tensor take(const Tensor& x, const Tensor& index, int64_t axis = 0, std::optional<int64_t> skip = {});
PYDL_API Tensor gather_backward(const Tensor& g, const Tensor& index, int64_t axis, int64_t size);
PYDL_API Tensor take_backward(const Tensor& g, const Tensor& index, int64_t axis, int64_t size,
                              std::optional<int64_t> skip = {});
/// The number of the segment that contains each of `count` elements, int64 (count). Segment b begins at offsets[b]; the
/// offsets are integers (B), ascending from 0.
PYDL_API Tensor segment_ids(const Tensor& offsets, int64_t count);
/// The row of x (count, D) with the largest element of each segment, per column: int64 (B, D); 0 for an empty segment.
PYDL_API Tensor segment_argmax(const Tensor& x, const Tensor& offsets);

// --- reductions ------------------------------------------------------------------------------------
PYDL_API Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
PYDL_API Tensor var(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
PYDL_API Tensor std(const Tensor& x, const Axes& axes = {}, double correction = 0, bool keepdims = false);
/// Without an axis, the index into the flattened tensor.
PYDL_API Tensor argmax(const Tensor& x, std::optional<int64_t> axis = {}, bool keepdims = false);
PYDL_API Tensor argmin(const Tensor& x, std::optional<int64_t> axis = {}, bool keepdims = false);
/// The elements along an axis in order. Equal ones keep theirs; NaN is the largest number.
PYDL_API Tensor sort(const Tensor& x, int64_t axis = -1, bool descending = false);
/// Sums x over the axes along which `shape` was broadcast, so that the result has that shape.
PYDL_API Tensor sum_to(const Tensor& x, const Dims& shape);

// --- products --------------------------------------------------------------------------------------
/// Matrix product as in NumPy: vectors are promoted to matrices, and leading axes broadcast.
PYDL_API Tensor matmul(const Tensor& a, const Tensor& b);
/// x (..., I) times the transposed weight (O, I), plus bias (O) if it is defined: (..., O).
PYDL_API Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// --- convolutions ------------------------------------------------------------------------------------
/// How a window moves over the 1 to 3 spatial axes of (N, C, S...). Empty dims are the defaults: strides and dilations
/// of 1, no padding.
struct ConvOptions {
  Dims stride = {};
  Dims padding_low = {};   ///< zeros before the first element of each spatial axis
  Dims padding_high = {};  ///< zeros after the last one
  Dims dilation = {};
  int64_t groups = 1;
};

/// Cross-correlation: y[n, o, t] = sum over c, k of x[n, c, t stride - padding + k dilation] weight[o, c, k] + bias[o].
/// x (N, C, S...), weight (O, C / groups, K...) and bias (O) give (N, O, T...) with T = (S + padding - dilation (K - 1)
/// - 1) / stride + 1, rounded down. The result is channels-last.
PYDL_API Tensor conv(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const ConvOptions& options = {});
/// The transpose of `conv` as a linear function of its input, whose spatial sizes are `size`.
PYDL_API Tensor conv_backward_input(const Tensor& g, const Tensor& weight, const Dims& size,
                                    const ConvOptions& options = {});
/// The gradient of `conv` for a weight with the spatial sizes `kernel`.
PYDL_API Tensor conv_backward_weight(const Tensor& g, const Tensor& x, const Dims& kernel,
                                     const ConvOptions& options = {});

// --- pooling -----------------------------------------------------------------------------------------
/// Windows over the spatial axes of (N, C, S...), one entry per axis. Positions outside of x are ignored.
struct PoolOptions {
  Dims kernel;
  Dims stride = {};        ///< empty: the kernel's sizes
  Dims padding = {};       ///< on both sides, at most half the kernel; empty: none
  Dims dilation = {};      ///< empty: 1
  bool ceil_mode = false;  ///< whether the last window may extend beyond the input
};
/// The largest element of each window; NaN wins.
PYDL_API Tensor max_pool(const Tensor& x, const PoolOptions& options);
struct MaxPooled {
  Tensor values;
  Tensor indices;  ///< int64: positions in the row-major spatial axes of x, those of the first of equal elements
};
/// What `max_pool` returns, and where it is in x.
PYDL_API MaxPooled max_pool_with_indices(const Tensor& x, const PoolOptions& options);
/// The gradient of `max_pool` for x.
PYDL_API Tensor max_pool_backward(const Tensor& g, const Tensor& x, const PoolOptions& options);
/// The maxima of windows that divide the input evenly, so that the result has the spatial sizes `size`.
PYDL_API Tensor adaptive_max_pool(const Tensor& x, const Dims& size);
PYDL_API MaxPooled adaptive_max_pool_with_indices(const Tensor& x, const Dims& size);
/// The mean of each window. The divisor is the number of its elements, with or without padding, or a given number.
PYDL_API Tensor avg_pool(const Tensor& x, const PoolOptions& options, bool count_include_pad = true,
                         int64_t divisor_override = 0);
/// The gradient of `avg_pool` for an input with the spatial sizes `size`.
PYDL_API Tensor avg_pool_backward(const Tensor& g, const Dims& size, const PoolOptions& options,
                                  bool count_include_pad = true, int64_t divisor_override = 0);
/// Zeros with the spatial sizes `size`, and the elements of x at the positions that `max_pool_with_indices` returned.
/// If several elements have the same position, their mean.
PYDL_API Tensor max_unpool(const Tensor& x, const Tensor& indices, const Dims& size);

// --- resampling --------------------------------------------------------------------------------------
enum class Resampling { nearest, linear, cubic, area };

/// How positions of the result are mapped to positions of the input, along each spatial axis.
struct ResampleOptions {
  Resampling mode = Resampling::nearest;
  /// Whether the first and last elements of input and result are aligned, instead of the outer edges of these elements.
  /// Linear and cubic only.
  bool align_corners = false;
  /// The distance in the input per step in the result; empty: input size / size of the result.
  std::vector<double> steps = {};
  /// Whether neighbourhoods grow when an axis shrinks, so that every element of the input has an influence. Linear and
  /// cubic only; cubic then uses a = -0.5.
  bool antialias = false;
};

/// x (N, C, S...) resampled to the spatial sizes `size`, by weighted sums of neighbours along each of 1 to 3 axes: the
/// nearest one, 2 (linear), 4 (cubic, Keys 1981, with a = -0.75), or the mean of windows that divide the axis evenly
/// (area).
PYDL_API Tensor resample(const Tensor& x, const Dims& size, const ResampleOptions& options = {});
/// The gradient of `resample` for an input with the spatial sizes `size`.
PYDL_API Tensor resample_backward(const Tensor& g, const Dims& size, const ResampleOptions& options = {});

// --- normalised exponentials -------------------------------------------------------------------------
PYDL_API Tensor softmax(const Tensor& x, int64_t axis = -1);
PYDL_API Tensor log_softmax(const Tensor& x, int64_t axis = -1);
PYDL_API Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t axis);
PYDL_API Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t axis);

/// How the losses of several samples are combined.
enum class Reduction { none, mean, sum };
/// -log_softmax(logits)[target] along `axis`; 0 if the target is `ignore_index`. The mean is taken over the targets
/// that are not ignored. target: integers of the shape of the logits without `axis`; one that is not a class throws
/// `IndexError`.
PYDL_API Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& target, int64_t axis = -1,
                                      int64_t ignore_index = -100, Reduction reduction = Reduction::mean);
PYDL_API Tensor softmax_cross_entropy_backward(const Tensor& g, const Tensor& logits, const Tensor& target,
                                               int64_t axis = -1, int64_t ignore_index = -100,
                                               Reduction reduction = Reduction::mean);
/// -log p(target) for each sequence, summed over all alignments of its target with its steps (Graves et al., 2006):
/// (N). log_probs (T, N, C): logarithms of probabilities; targets: classes other than the blank, integers (N, S), or
/// the targets of all sequences concatenated; input_lengths and target_lengths: integers (N). A target that is too long
/// for its number of steps gives an infinite loss and a NaN gradient, or with `zero_infinity` zero for both.
PYDL_API Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                         const Tensor& target_lengths, int64_t blank = 0, bool zero_infinity = false);
/// The gradient of `ctc_loss` for the log-probabilities, treated as independent; differentiable only with respect to g.
PYDL_API Tensor ctc_loss_backward(const Tensor& g, const Tensor& log_probs, const Tensor& targets,
                                  const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank = 0,
                                  bool zero_infinity = false);
/// log(sum(exp(x))) without overflow.
PYDL_API Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

// --- normalisation ---------------------------------------------------------------------------------
// Channels are axis 1. Statistics have the dtype of x, or float32 if x is 16-bit; weight and bias have it or that of x.
struct ChannelStatistics {
  Tensor mean;      ///< (C)
  Tensor variance;  ///< (C), not corrected
};
/// Mean and variance of each channel of x (N, C, ...), over all other axes.
PYDL_API ChannelStatistics channel_statistics(const Tensor& x);

/// (x - mean) / sqrt(variance + epsilon) * weight + bias, by channel.
PYDL_API Tensor batch_norm(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& weight,
                           const Tensor& bias, double epsilon = 1e-5);

struct BatchNormResults {
  Tensor y;
  Tensor mean;      ///< of x, (C)
  Tensor variance;  ///< of x, (C), not corrected
};
/// `batch_norm` with the statistics of x itself, which are results too.
PYDL_API BatchNormResults batch_norm_train(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                           double epsilon = 1e-5);

struct ChannelSums {
  Tensor dbias;    ///< sums of g, (C)
  Tensor dweight;  ///< sums of g times the normalised x, (C)
};
/// The gradients of bias and weight in `batch_norm`, from that of its result.
PYDL_API ChannelSums channel_sums(const Tensor& g, const Tensor& x, const Tensor& mean, const Tensor& variance,
                                  double epsilon = 1e-5);
/// The gradient for x. With the sums of g, it goes through mean and variance too, which must be those of x; without,
/// they are constants.
PYDL_API Tensor batch_norm_backward(const Tensor& g, const Tensor& x, const Tensor& mean, const Tensor& variance,
                                    const Tensor& weight, const ChannelSums& sums = {}, double epsilon = 1e-5);
/// Normalises rows over the last `axes` axes to mean 0 and variance 1, or, without `center`, to root mean square 1.
PYDL_API Tensor normalize(const Tensor& x, int64_t axes = 1, double epsilon = 1e-5, bool center = true);
PYDL_API Tensor normalize_backward(const Tensor& g, const Tensor& x, int64_t axes = 1, double epsilon = 1e-5,
                                   bool center = true);
/// `normalize`, multiplied by `weight`, plus `bias` if it is given. Both have the shape of trailing axes of x, at least
/// those of a row, where the last axes within the row may be 1, and the dtype of x, or float32 if x has 16 bits.
PYDL_API Tensor scaled_normalize(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, int64_t axes = 1,
                                 double epsilon = 1e-5, bool center = true);
struct ScaledNormGradients {
  Tensor dx;
  Tensor dweight;  ///< of the dtype of statistics, like `dbias`
  Tensor dbias;
};
/// The gradients of `scaled_normalize` for an incoming gradient g.
PYDL_API ScaledNormGradients scaled_normalize_backward(const Tensor& g, const Tensor& x, const Tensor& weight,
                                                       int64_t axes = 1, double epsilon = 1e-5, bool center = true);

// --- recurrent layers ------------------------------------------------------------------------------
enum class RecurrentCell { lstm, gru, rnn_tanh, rnn_relu };

struct RecurrentOptions {
  RecurrentCell cell = RecurrentCell::lstm;
  bool reset_after =
      true;              ///< gru: r scales W_hn h + b_hn (PyTorch, Keras), or h before the product (Cho et al., 2014)
  bool reverse = false;  ///< from the last step to the first
};

/// The rows of the weights are the gates in PyTorch's order: i, f, g, o for an LSTM; r, z, n for a GRU.
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
  Tensor c = {};  ///< for an LSTM (N, H)
};

/// One direction of one recurrent layer over x (T, N, I), from h0 (N, H) and, for an LSTM, c0 (N, H). With `lengths`
/// (N), integers in 0 .. T, row n ends after lengths[n] steps: later outputs are 0, the final states are those of its
/// last step, and the reverse direction begins there.
PYDL_API RecurrentStates recurrent(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                                   const Tensor& lengths = {}, const RecurrentOptions& options = {});

/// One step: x (N, I), from the states `before`, whose output is not read. Composed of differentiable ops.
PYDL_API RecurrentStates recurrent_step(const Tensor& x, const RecurrentStates& before, const RecurrentWeights& weights,
                                        const RecurrentOptions& options = {});

struct RecurrentGradients {
  Tensor x;
  Tensor h0;
  Tensor c0 = {};
  RecurrentWeights weights = {};
};
/// The gradients of `recurrent` without a projection, from the gradients of its results, each of which may be
/// undefined.
PYDL_API RecurrentGradients recurrent_backward(const RecurrentStates& gradients, const Tensor& x, const Tensor& h0,
                                               const Tensor& c0, const RecurrentWeights& weights,
                                               const Tensor& lengths = {}, const RecurrentOptions& options = {});
/// The sum over n and t < lengths[n] of the outer products of a[t, n] and b[t + shift, n], for a (T, N, A) and b (T, N,
/// B). If t + shift is outside of the sequence, first[n] from `first` (N, B) is used. shift: -1, 0 or 1.
PYDL_API Tensor sequence_product(const Tensor& a, const Tensor& b, const Tensor& lengths, const Tensor& first,
                                 int64_t shift = 0);

}  // namespace pydl
