// Layer mathematics: convolutions, padding, rearrangements and initialisers, as pure functions. Python modules
// and C++ programs call the same functions.
#pragma once

#include "pydl/export.h"
#include "pydl/losses.h"
#include "pydl/ops.h"
#include "pydl/random.h"

namespace pydl::nn {

struct CtcOptions {
  int64_t blank = 0;                      ///< the class that stands for "no label"
  Reduction reduction = Reduction::mean;  ///< the mean is taken over losses divided by the lengths of their targets
  bool zero_infinity = false;  ///< zero loss and gradient for targets that are too long for their number of steps
};

/// Connectionist temporal classification (Graves et al., 2006). log_probs (T, N, C), or (T, C) for one sequence:
/// log-softmax of the outputs; targets: integers (N, S), or all targets concatenated; lengths (N). Same as
/// torch.nn.functional.ctc_loss, except that the gradient is the exact one with respect to log_probs. PyTorch's
/// gradient already includes that of log-softmax, which makes no difference after log-softmax.
PYDL_API Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                         const Tensor& target_lengths, const CtcOptions& options = {});

/// x1' W_o x2 + bias_o for each output o: x1 (..., I) and x2 (..., J) of the same leading axes, weight (O, I, J) and,
/// where it is defined, bias (O) give (..., O).
PYDL_API Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias = {});

/// Rows of a table: weight (K, D) at integer indices of any shape gives (..., D). The row `padding_index` receives no
/// gradient.
PYDL_API Tensor embedding(const Tensor& indices, const Tensor& weight, std::optional<int64_t> padding_index = {});

enum class BagMode { sum, mean, max };

struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  Tensor offsets = {};                        ///< (B): where bags begin in indices of rank 1; the first is 0
  Tensor sample_weights = {};                 ///< weights of the rows, of the shape of the indices; for sums only
  bool include_last_offset = false;           ///< whether the last offset is the end of the last bag
  std::optional<int64_t> padding_index = {};  ///< a row that is ignored
};

/// The sum, mean or maximum of the rows of each bag: indices (B, L), or (n) with offsets, give (B, D). An empty bag
/// gives zeros. Same as torch.nn.functional.embedding_bag.
PYDL_API Tensor embedding_bag(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& options = {});

struct AttentionOptions {
  Tensor mask = {};     ///< broadcasts to (..., L, S): bools that are true for keys to attend to, or numbers that are
                        ///< added to the scores
  bool causal = false;  ///< query i attends only to keys 0 to i
  double dropout = 0;   ///< probability with which a weight is dropped
  std::optional<double> scale = {};  ///< of the scores; by default 1 / sqrt(E)
  Generator* generator = nullptr;    ///< of dropout, instead of the default one
};

/// softmax(scale * query key^T + mask), (..., L, S), for query (..., L, E) and key (..., S, E) (Vaswani et al., 2017).
/// A query whose keys are all masked gives zeros.
PYDL_API Tensor attention_weights(const Tensor& query, const Tensor& key, const AttentionOptions& options = {});
/// These weights times value (..., S, V): (..., L, V). Same as torch.nn.functional.scaled_dot_product_attention, except
/// that mask and `causal` may be combined.
PYDL_API Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                             const AttentionOptions& options = {});

/// The options with the padding with which a convolution of stride 1 keeps the sizes of its input. If the padding of an
/// axis is odd, there is one more zero at the end.
PYDL_API ConvOptions same_padding(const Dims& kernel, ConvOptions options = {});
/// Transposed convolution: x (N, C, S...), weight (C, O / groups, K...), and bias (O) if defined, give (N, O, T...)
/// with T = (S - 1) stride - padding + dilation (K - 1) + 1 + output_padding.
PYDL_API Tensor conv_transpose(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                               const ConvOptions& options = {}, const Dims& output_padding = {});

// Normalisation. Parameters are optional: undefined ones are left out. If x is 16-bit and the parameters are float32,
// the result has the dtype of x.
struct BatchNormOptions {
  bool training =
      false;  ///< normalise with the moments of the batch and update the running ones; otherwise, with the running ones
  double momentum = 0.1;  ///< weight of the batch in the running moments
  Tensor factor = {};     ///< a tensor of rank 0 that replaces `momentum`
  double epsilon = 1e-5;
};

/// Batch normalisation of x (N, C, ...) per channel (Ioffe and Szegedy, 2015). In training, running_mean and
/// running_var (C) are overwritten, the variance with its unbiased estimate. Same as torch.nn.functional.batch_norm.
PYDL_API Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                           const Tensor& weight = {}, const Tensor& bias = {}, const BatchNormOptions& options = {});
/// Normalises each channel of each sample of x (N, C, ...) separately (Ulyanov et al., 2016). With `training`, the
/// moments are those of x, and their mean over the samples updates the running moments if these are defined.
PYDL_API Tensor instance_norm(const Tensor& x, const Tensor& running_mean = {}, const Tensor& running_var = {},
                              const Tensor& weight = {}, const Tensor& bias = {},
                              const BatchNormOptions& options = {.training = true});
/// Normalises over the trailing axes, whose shape is `normalized_shape` (Ba et al., 2016).
PYDL_API Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight = {},
                           const Tensor& bias = {}, double epsilon = 1e-5);
/// Normalises over groups of channels of x (N, C, ...); weight and bias (C) (Wu and He, 2018).
PYDL_API Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight = {}, const Tensor& bias = {},
                           double epsilon = 1e-5);
/// x divided by its root mean square (Zhang and Sennrich, 2019). The default epsilon is the machine epsilon of the
/// dtype.
PYDL_API Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight = {},
                         std::optional<double> epsilon = {});
/// x / (k + alpha * mean of squares over `size` neighbouring channels)^beta (Krizhevsky et al., 2012).
PYDL_API Tensor local_response_norm(const Tensor& x, int64_t size, double alpha = 1e-4, double beta = 0.75,
                                    double k = 1);
/// Whole channels set to 0 with probability p, the others divided by 1 - p. x is (N, C, ...) with `axes` axes after the
/// channels, or (C, ...).
PYDL_API Tensor channel_dropout(const Tensor& x, int axes, double p, bool training = true,
                                Generator& generator = default_generator());

// Recurrent layers over x (T, N, I). Each layer reads the output of the previous one, in one direction or both.
struct RecurrentLayersOptions {
  bool bidirectional = false;  ///< the outputs of both directions are concatenated (T, N, 2 H)
  double dropout = 0;          ///< applied to the output of every layer but the last, in training
  bool training = false;
  Generator* generator = nullptr;  ///< for dropout; null: the default one
};

/// Long short-term memory (Hochreiter and Schmidhuber, 1997). `weights`: layer by layer, the forward direction before
/// the reverse one. h0 (layers * directions, N, P) and c0 (..., N, H) have the shapes of the final states; P is H
/// without a projection. `lengths` as for `recurrent`.
PYDL_API RecurrentStates lstm(const Tensor& x, const Tensor& h0, const Tensor& c0,
                              std::span<const RecurrentWeights> weights, const Tensor& lengths = {},
                              const RecurrentLayersOptions& options = {});
/// Gated recurrent units (Cho et al., 2014); `reset_after` as in `RecurrentOptions`.
PYDL_API RecurrentStates gru(const Tensor& x, const Tensor& h0, std::span<const RecurrentWeights> weights,
                             const Tensor& lengths = {}, const RecurrentLayersOptions& options = {},
                             bool reset_after = true);
/// h = tanh (or relu) of w_ih x + b_ih + w_hh h + b_hh (Elman, 1990).
PYDL_API RecurrentStates rnn(const Tensor& x, const Tensor& h0, std::span<const RecurrentWeights> weights,
                             const Tensor& lengths = {}, const RecurrentLayersOptions& options = {}, bool relu = false);

/// The elements around a padded tensor: one value, the tensor mirrored at its first and last elements, copies of these
/// elements, the tensor repeated, or the tensor mirrored beside its first and last elements.
enum class Padding { constant, reflect, replicate, circular, symmetric };

/// Adds elements around x. `pads` contains pairs (before, after), beginning with the last axis. Negative numbers remove
/// elements. A channels-last x gives a channels-last result. Same as torch.nn.functional.pad.
PYDL_API Tensor pad(const Tensor& x, std::span<const int64_t> pads, Padding mode = Padding::constant, Scalar value = 0);
inline Tensor pad(const Tensor& x, std::initializer_list<int64_t> pads, Padding mode = Padding::constant,
                  Scalar value = 0) {
  return pad(x, std::span(pads.begin(), pads.size()), mode, value);
}

/// The means of windows that divide x (N, C, S...) evenly; `size` has the number of windows along each spatial axis.
PYDL_API Tensor adaptive_avg_pool(const Tensor& x, const Dims& size);
/// (..., C r r, H, W) as (..., C, H r, W r): each pixel becomes a square (Shi et al., 2016).
PYDL_API Tensor pixel_shuffle(const Tensor& x, int64_t factor);
/// (..., C, H r, W r) as (..., C r r, H, W): the inverse.
PYDL_API Tensor pixel_unshuffle(const Tensor& x, int64_t factor);
/// x (N, C, ...) with its channels as a matrix (groups, C / groups) transposed (Zhang et al., 2018).
PYDL_API Tensor channel_shuffle(const Tensor& x, int64_t groups);

/// The numbers of inputs and outputs of a unit: for a weight (O, I, ...), I and O times the product of the remaining
/// sizes.
struct Fans {
  int64_t in;
  int64_t out;
};
/// Throws an error that names the initialiser if there are fewer than 2 axes.
PYDL_API Fans fans(const char* initializer, const Dims& weight_shape);

// Initialisers: new tensors of `shape`.
/// Uniform in +-gain * sqrt(6 / (in + out)) (Glorot and Bengio, 2010).
PYDL_API Tensor xavier_uniform(const Dims& shape, double gain = 1, DType dtype = DType::float32,
                               Generator& generator = default_generator());
PYDL_API Tensor xavier_normal(const Dims& shape, double gain = 1, DType dtype = DType::float32,
                              Generator& generator = default_generator());
/// Uniform in +-gain * sqrt(3 / in) (He et al., 2015).
PYDL_API Tensor kaiming_uniform(const Dims& shape, double gain = 1.4142135623730951, DType dtype = DType::float32,
                                Generator& generator = default_generator());
PYDL_API Tensor kaiming_normal(const Dims& shape, double gain = 1.4142135623730951, DType dtype = DType::float32,
                               Generator& generator = default_generator());
/// Rows (or columns, if there are fewer of them) are orthonormal, times gain (Saxe et al., 2013).
PYDL_API Tensor orthogonal(const Dims& shape, double gain = 1, DType dtype = DType::float32,
                           Generator& generator = default_generator());

}  // namespace pydl::nn
