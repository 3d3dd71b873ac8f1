"""Losses and initialisers."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc

from . import DTypeLike, Generator, Tensor, TensorLike

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

def cross_entropy(
    logits: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy of softmax(logits) and a target."""

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

def group_norm(
    x: TensorLike,
    num_groups: int,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Group normalisation of x (N, C, ...): groups of channels of each sample (Wu and He, 2018)."""

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
    dtype: DTypeLike = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Normal with std gain / sqrt(in) (He et al., 2015)."""

def kaiming_uniform(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.4142135623730951,
    dtype: DTypeLike = ...,
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

def mse_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Mean of (prediction - target)**2."""

def orthogonal(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Orthonormal rows or columns, times gain (Saxe et al., 2013)."""

def rms_norm(
    x: TensorLike,
    normalized_shape: int | collections.abc.Sequence[int],
    weight: TensorLike | None = None,
    eps: float | None = None,
) -> Tensor:
    """x over its root mean square along the last axes, of shape `normalized_shape` (Zhang and Sennrich, 2019)."""

def xavier_normal(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Normal with std gain * sqrt(2 / (in + out)) (Glorot and Bengio, 2010)."""

def xavier_uniform(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in +-gain * sqrt(6 / (in + out)) (Glorot and Bengio, 2010)."""
