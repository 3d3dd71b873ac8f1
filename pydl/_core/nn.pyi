"""Losses and initialisers."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import collections.abc

from . import DTypeLike, Generator, Tensor, TensorLike

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

def mse_loss(prediction: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Mean of (prediction - target)**2."""

def orthogonal(
    shape: int | collections.abc.Sequence[int],
    gain: float = 1.0,
    dtype: DTypeLike = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Orthonormal rows or columns, times gain (Saxe et al., 2013)."""

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
