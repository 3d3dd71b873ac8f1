"""Losses and initialisers."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc

from . import DTypeLike, Generator, Tensor, TensorLike

def adaptive_avg_pool1d(
    x: TensorLike, output_size: int | collections.abc.Sequence[int | None] | None
) -> Tensor:
    """The means of windows that divide the input evenly."""

def adaptive_avg_pool2d(
    x: TensorLike, output_size: int | collections.abc.Sequence[int | None] | None
) -> Tensor:
    """The means of windows that divide the input evenly."""

def adaptive_avg_pool3d(
    x: TensorLike, output_size: int | collections.abc.Sequence[int | None] | None
) -> Tensor:
    """The means of windows that divide the input evenly."""

def adaptive_max_pool1d(
    x: TensorLike,
    output_size: int | collections.abc.Sequence[int],
    return_indices: builtins.bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Largest elements of windows that divide the input evenly; the indices as for `max_pool2d`."""

def adaptive_max_pool2d(
    x: TensorLike,
    output_size: int | collections.abc.Sequence[int],
    return_indices: builtins.bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Largest elements of windows that divide the input evenly; the indices as for `max_pool2d`."""

def adaptive_max_pool3d(
    x: TensorLike,
    output_size: int | collections.abc.Sequence[int],
    return_indices: builtins.bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Largest elements of windows that divide the input evenly; the indices as for `max_pool2d`."""

def attention_weights(
    query: TensorLike,
    key: TensorLike,
    attn_mask: TensorLike | None = None,
    dropout_p: float = 0.0,
    is_causal: builtins.bool = False,
    scale: float | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """The weights by which `scaled_dot_product_attention` multiplies the values: (..., L, S)."""

def avg_pool1d(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    stride: int | collections.abc.Sequence[int] | None = None,
    padding: int | collections.abc.Sequence[int] = 0,
    ceil_mode: builtins.bool = False,
    count_include_pad: builtins.bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of each window."""

def avg_pool2d(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    stride: int | collections.abc.Sequence[int] | None = None,
    padding: int | collections.abc.Sequence[int] = 0,
    ceil_mode: builtins.bool = False,
    count_include_pad: builtins.bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of each window."""

def avg_pool3d(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    stride: int | collections.abc.Sequence[int] | None = None,
    padding: int | collections.abc.Sequence[int] = 0,
    ceil_mode: builtins.bool = False,
    count_include_pad: builtins.bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of each window."""

def batch_norm(
    x: TensorLike,
    running_mean: TensorLike | None = None,
    running_var: TensorLike | None = None,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    training: builtins.bool = False,
    momentum: float | TensorLike = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Batch normalisation of x (N, C, ...), by channel (Ioffe and Szegedy, 2015)."""

def bilinear(
    x1: TensorLike, x2: TensorLike, weight: TensorLike, bias: TensorLike | None = None
) -> Tensor:
    """The bilinear map y[o] = x1 . weight[o] . x2 + bias[o]."""

def binary_cross_entropy(
    probability: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy: -weight * (t * log(p) + (1 - t) * log(1 - p))."""

def binary_cross_entropy_with_logits(
    logits: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    pos_weight: TensorLike | None = None,
) -> Tensor:
    """Binary cross-entropy of p = sigmoid(logits), without overflow."""

def channel_shuffle(x: TensorLike, groups: int) -> Tensor:
    """Channels (groups, C / groups) in the order (C / groups, groups) (Zhang et al., 2018)."""

def contrastive_loss(
    x1: TensorLike, x2: TensorLike, target: TensorLike, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """target * d^2 + (1 - target) * max(0, margin - d)^2, d being norm(x1 - x2) (Hadsell et al., 2006)."""

def conv1d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] | str = 0,
    dilation: int | collections.abc.Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution (cross-correlation, as networks use it)."""

def conv2d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] | str = 0,
    dilation: int | collections.abc.Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution (cross-correlation, as networks use it)."""

def conv3d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] | str = 0,
    dilation: int | collections.abc.Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution (cross-correlation, as networks use it)."""

def conv_transpose1d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] = 0,
    output_padding: int | collections.abc.Sequence[int] = 0,
    groups: int = 1,
    dilation: int | collections.abc.Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution: the gradient of a convolution for its input."""

def conv_transpose2d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] = 0,
    output_padding: int | collections.abc.Sequence[int] = 0,
    groups: int = 1,
    dilation: int | collections.abc.Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution: the gradient of a convolution for its input."""

def conv_transpose3d(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] = 0,
    output_padding: int | collections.abc.Sequence[int] = 0,
    groups: int = 1,
    dilation: int | collections.abc.Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution: the gradient of a convolution for its input."""

def cosine_embedding_loss(
    x1: TensorLike, x2: TensorLike, target: TensorLike, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1."""

def cosine_similarity(x1: TensorLike, x2: TensorLike, axis: int = 1, eps: float = 1e-08) -> Tensor:
    """The cosine of the angle between vectors: x1 . x2 / (max(norm(x1), eps) max(norm(x2), eps))."""

def cross_entropy(
    logits: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy of softmax(logits) and a target: -weight[t] * log_softmax(logits)[t]."""

def ctc_loss(
    log_probs: TensorLike,
    targets: TensorLike,
    input_lengths: TensorLike,
    target_lengths: TensorLike,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: builtins.bool = False,
) -> Tensor:
    """Connectionist temporal classification (Graves et al., 2006): -log p(target), summed over alignments."""

def default_bias(
    shape: int | collections.abc.Sequence[int],
    fan_in: int,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in +-1 / sqrt(fan_in), the default of biases as in PyTorch."""

def default_weight(
    shape: int | collections.abc.Sequence[int],
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in +-1 / sqrt(inputs), the default of weights as in PyTorch."""

def dice_loss(
    probability: TensorLike,
    target: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    smooth: float = 1e-07,
    reduction: str = "mean",
) -> Tensor:
    """Dice loss: 1 - (2 sum(p * t) + smooth) / (sum(p) + sum(t) + smooth)."""

def dropout1d(
    x: TensorLike,
    p: float = 0.5,
    training: builtins.bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Whole channels set to 0 with probability p, the others divided by 1 - p; x itself unless training."""

def dropout2d(
    x: TensorLike,
    p: float = 0.5,
    training: builtins.bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Whole channels set to 0 with probability p, the others divided by 1 - p; x itself unless training."""

def dropout3d(
    x: TensorLike,
    p: float = 0.5,
    training: builtins.bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Whole channels set to 0 with probability p, the others divided by 1 - p; x itself unless training."""

def embedding(indices: TensorLike, weight: TensorLike, padding_idx: int | None = None) -> Tensor:
    """Rows of a table: weight (K, D) at integer indices of any shape, (..., D)."""

def embedding_bag(
    indices: TensorLike,
    weight: TensorLike,
    offsets: TensorLike | None = None,
    mode: str = "mean",
    per_sample_weights: TensorLike | None = None,
    include_last_offset: builtins.bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of the rows of each bag, (B, D)."""

def fold(
    x: TensorLike,
    output_size: int | collections.abc.Sequence[int],
    kernel_size: int | collections.abc.Sequence[int],
    dilation: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] = 0,
    stride: int | collections.abc.Sequence[int] = 1,
) -> Tensor:
    """The sums of what windows contribute to each element of an image (col2im), as in PyTorch: the transpose of"""

def gaussian_nll_loss(
    prediction: TensorLike,
    target: TensorLike,
    var: TensorLike,
    full: builtins.bool = False,
    eps: float = 1e-06,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of a normal distribution: (log(var) + (prediction - target)^2 / var) / 2."""

def group_norm(
    x: TensorLike,
    num_groups: int,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Group normalisation of x (N, C, ...): groups of channels of each sample (Wu and He, 2018)."""

def gru(
    x: TensorLike,
    h0: TensorLike,
    weights: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    lengths: TensorLike | None = None,
    bidirectional: builtins.bool = False,
    dropout: float = 0.0,
    training: builtins.bool = False,
    generator: Generator | None = None,
    reset_after: builtins.bool = True,
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units (Cho et al., 2014): output and h. `reset_after`: the reset gate scales w_hh h + b_hh of the candidate, instead of h before the product."""

def hinge_embedding_loss(
    distance: TensorLike, target: TensorLike, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1."""

def hinge_loss(score: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Hinge loss: max(0, 1 - target * score). A target of 0 counts as -1."""

def huber_loss(
    prediction: TensorLike, target: TensorLike, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """With d = prediction - target: d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)."""

def instance_norm(
    x: TensorLike,
    running_mean: TensorLike | None = None,
    running_var: TensorLike | None = None,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    use_input_stats: builtins.bool = True,
    momentum: float | TensorLike = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Normalisation of each channel of each sample of x (N, C, ...) (Ulyanov et al., 2016)."""

def kaiming_normal(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.4142135623730951,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Normal with std gain / sqrt(in) (He et al., 2015)."""

def kaiming_uniform(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.4142135623730951,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in +-gain * sqrt(3 / in) (He et al., 2015)."""

def kl_div(
    log_probs: TensorLike,
    target: TensorLike,
    reduction: str = "mean",
    log_target: builtins.bool = False,
) -> Tensor:
    """Kullback-Leibler divergence: target * (log(target) - log_probs), 0 where the target is 0."""

def l1_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Absolute error: |prediction - target|."""

def layer_norm(
    x: TensorLike,
    normalized_shape: int | collections.abc.Sequence[int],
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Layer normalisation over the last axes, of shape `normalized_shape` (Ba et al., 2016)."""

def local_response_norm(
    x: TensorLike, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha * mean of squares over `size` neighbouring channels)**beta (Krizhevsky et al., 2012)."""

def log_cosh_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """log(cosh(prediction - target)), without overflow."""

def lstm(
    x: TensorLike,
    h0: TensorLike,
    c0: TensorLike,
    weights: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    lengths: TensorLike | None = None,
    bidirectional: builtins.bool = False,
    dropout: float = 0.0,
    training: builtins.bool = False,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory (Hochreiter and Schmidhuber, 1997): output, h and c. c0 is as h0; weights may end with a projection w_hr (P, H)."""

def mape_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Error in percent: 100 |prediction - target| / max(|target|, 1e-7)."""

def margin_ranking_loss(
    x1: TensorLike, x2: TensorLike, target: TensorLike, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, -target * (x1 - x2) + margin)."""

def max_pool1d(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    stride: int | collections.abc.Sequence[int] | None = None,
    padding: int | collections.abc.Sequence[int] = 0,
    dilation: int | collections.abc.Sequence[int] = 1,
    ceil_mode: builtins.bool = False,
    return_indices: builtins.bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Largest element of each window."""

def max_pool2d(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    stride: int | collections.abc.Sequence[int] | None = None,
    padding: int | collections.abc.Sequence[int] = 0,
    dilation: int | collections.abc.Sequence[int] = 1,
    ceil_mode: builtins.bool = False,
    return_indices: builtins.bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Largest element of each window."""

def max_pool3d(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    stride: int | collections.abc.Sequence[int] | None = None,
    padding: int | collections.abc.Sequence[int] = 0,
    dilation: int | collections.abc.Sequence[int] = 1,
    ceil_mode: builtins.bool = False,
    return_indices: builtins.bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Largest element of each window."""

def max_unpool(
    x: TensorLike, indices: TensorLike, output_size: int | collections.abc.Sequence[int]
) -> Tensor:
    """Zeros of the spatial sizes `output_size`, with x at the positions that max pooling returned."""

def mse_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Squared error: (prediction - target)^2."""

def msle_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Squared logarithmic error: (log(1 + prediction) - log(1 + target))^2, negatives as 0."""

def multi_margin_loss(
    scores: TensorLike,
    target: TensorLike,
    p: int = 1,
    margin: float = 1.0,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge loss of classes: sum over j != t of max(0, margin - x[t] + x[j])^p, times weight[t] / K."""

def multilabel_margin_loss(
    scores: TensorLike, target: TensorLike, reduction: str = "mean"
) -> Tensor:
    """Hinge loss of several labels: sum of max(0, 1 - x[y] + x[j]) over labels y and other j, over K."""

def multilabel_soft_margin_loss(
    logits: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of sigmoid(logits), averaged over the labels: the last axis."""

def nll_loss(
    log_probs: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of class indices: -weight[t] * log_probs[t]."""

def normalize(x: TensorLike, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along an axis divided by their norm: x / max(norm(x), eps)."""

def orthogonal(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Orthonormal rows or columns, times gain (Saxe et al., 2013)."""

def pad(
    x: TensorLike,
    pad: collections.abc.Sequence[int],
    mode: str = "constant",
    value: float | int | builtins.bool | None = None,
) -> Tensor:
    """Adds elements around a tensor, as in PyTorch."""

def pairwise_distance(
    x1: TensorLike,
    x2: TensorLike,
    p: float = 2.0,
    eps: float = 1e-06,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The distance of vectors along the last axis: norm(x1 - x2 + eps)."""

def pixel_shuffle(x: TensorLike, upscale_factor: int) -> Tensor:
    """Squares of r * r channels as r * r pixels (Shi et al., 2016): (..., C r r, H, W) to (..., C, H r, W r)."""

def pixel_unshuffle(x: TensorLike, downscale_factor: int) -> Tensor:
    """Squares of r * r pixels as channels: (..., C, H r, W r) to (..., C r r, H, W)."""

def poisson_nll_loss(
    prediction: TensorLike,
    target: TensorLike,
    log_input: builtins.bool = True,
    full: builtins.bool = False,
    eps: float = 1e-08,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts: exp(x) - target * x, or rate - target * log(rate + eps)."""

def rms_norm(
    x: TensorLike,
    normalized_shape: int | collections.abc.Sequence[int],
    weight: TensorLike | None = None,
    eps: float | None = None,
) -> Tensor:
    """x divided by its root mean square over the last axes, of shape `normalized_shape` (Zhang and Sennrich, 2019)."""

def rnn(
    x: TensorLike,
    h0: TensorLike,
    weights: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    lengths: TensorLike | None = None,
    bidirectional: builtins.bool = False,
    dropout: float = 0.0,
    training: builtins.bool = False,
    generator: Generator | None = None,
    relu: builtins.bool = False,
) -> tuple[Tensor, Tensor]:
    """A simple recurrent network (Elman, 1990), with tanh or relu: output and h."""

def scaled_dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    attn_mask: TensorLike | None = None,
    dropout_p: float = 0.0,
    is_causal: builtins.bool = False,
    scale: float | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """softmax(scale * query @ key.T + mask) @ value (Vaswani et al., 2017)."""

def sigmoid_focal_loss(
    logits: TensorLike,
    target: TensorLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> Tensor:
    """Focal loss (Lin et al., 2017) of p = sigmoid(logits): alpha (1 - p)^gamma (-log p) for the target 1."""

def smooth_l1_loss(
    prediction: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """With d = prediction - target: d^2 / (2 beta) where |d| < beta, else |d| - beta / 2."""

def soft_margin_loss(score: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Logistic loss: log(1 + exp(-target * score)), without overflow."""

def softmax_focal_loss(
    logits: TensorLike,
    target: TensorLike,
    alpha: TensorLike | None = None,
    gamma: float = 2.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Focal loss (Lin et al., 2017) of p = softmax(logits): alpha[t] (1 - p[t])^gamma (-log p[t])."""

def squared_hinge_loss(score: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Squared hinge loss: max(0, 1 - target * score)^2. A target of 0 counts as -1."""

def triplet_margin_loss(
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-06,
    swap: builtins.bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d being pairwise_distance."""

def unfold(
    x: TensorLike,
    kernel_size: int | collections.abc.Sequence[int],
    dilation: int | collections.abc.Sequence[int] = 1,
    padding: int | collections.abc.Sequence[int] = 0,
    stride: int | collections.abc.Sequence[int] = 1,
) -> Tensor:
    """The windows of an image as columns (im2col), as in PyTorch."""

def xavier_normal(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Normal with std gain * sqrt(2 / (in + out)) (Glorot and Bengio, 2010)."""

def xavier_uniform(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in +-gain * sqrt(6 / (in + out)) (Glorot and Bengio, 2010)."""
