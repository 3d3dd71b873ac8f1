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

def binary_cross_entropy(
    probability: TensorLike, target: TensorLike, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy of probabilities and targets in [0, 1]; logarithms are limited to -100."""

def binary_cross_entropy_with_logits(
    logits: TensorLike, target: TensorLike, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy of sigmoid(logits) and targets in [0, 1], without overflow."""

def channel_shuffle(x: TensorLike, groups: int) -> Tensor:
    """Channels (groups, C / groups) in the order (C / groups, groups) (Zhang et al., 2018)."""

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

def cross_entropy(
    logits: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy of softmax(logits) and a target."""

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

def l1_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Mean of abs(prediction - target)."""

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
    """Mean of (prediction - target)**2."""

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

def pixel_shuffle(x: TensorLike, upscale_factor: int) -> Tensor:
    """Squares of r * r channels as r * r pixels (Shi et al., 2016): (..., C r r, H, W) to (..., C, H r, W r)."""

def pixel_unshuffle(x: TensorLike, downscale_factor: int) -> Tensor:
    """Squares of r * r pixels as channels: (..., C, H r, W r) to (..., C r r, H, W)."""

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
