"""Random numbers of many distributions."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc

from . import DTypeLike, Generator, Tensor, TensorLike

def bernoulli(
    p: TensorLike | float,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """1 with probability p, else 0. Not differentiable."""

def beta(
    a: TensorLike | float,
    b: TensorLike | float,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Beta random numbers in [0, 1]: density proportional to x**(a - 1) * (1 - x)**(b - 1)."""

def categorical(
    probs: TensorLike | None = None,
    shape: int | collections.abc.Sequence[int] = (),
    *,
    logits: TensorLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """One random category 0 .. K-1 for each row of probabilities, int64: `shape` and the leading axes."""

def cauchy(
    loc: TensorLike | float = 0.0,
    scale: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Cauchy random numbers, which have no mean. Differentiable in loc and scale."""

def dirichlet(
    concentration: TensorLike,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Random numbers at least 0 that add to 1 along the last axis. Not differentiable."""

def exponential(
    scale: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Exponential random numbers: times between events. Differentiable in the scale."""

def gamma(
    concentration: TensorLike | float,
    scale: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Gamma random numbers: density proportional to x**(concentration - 1) * exp(-x / scale)."""

def geometric(
    p: TensorLike | float,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """The number of attempts up to the first success: 1, 2, ... Not differentiable."""

def gumbel(
    loc: TensorLike | float = 0.0,
    scale: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Gumbel random numbers: the largest of many. Differentiable in loc and scale."""

def laplace(
    loc: TensorLike | float = 0.0,
    scale: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Laplace random numbers. Differentiable in loc and scale."""

def log_normal(
    mean: TensorLike | float = 0.0,
    std: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """exp of normal random numbers. Differentiable in mean and std."""

def multinomial(
    probs: TensorLike | None = None,
    num_samples: int = 1,
    replacement: builtins.bool = False,
    *,
    logits: TensorLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Random categories 0 .. K-1, by their probabilities, for each row: int64 (..., num_samples)."""

def poisson(
    rate: TensorLike | float,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Poisson random numbers: how many events happen at a rate. Not differentiable."""

def shuffle(x: TensorLike, axis: int = 0, generator: Generator | None = None) -> None:
    """Puts the slices of x along an axis in random order, in place, as NumPy does; `permutation` gives a copy."""

def truncated_normal(
    low: TensorLike | float,
    high: TensorLike | float,
    mean: TensorLike | float = 0.0,
    std: TensorLike | float = 1.0,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Normal random numbers restricted to [low, high], exact in far tails too. Not differentiable."""
