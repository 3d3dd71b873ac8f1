"""Layers that add or multiply random numbers in training, and change nothing in evaluation."""

from __future__ import annotations

import math

from pydl import _core
from pydl._core import Generator, Tensor
from pydl.nn.linear import Dropout
from pydl.nn.module import Module

# -alpha * scale of SELU: what its outputs tend to for very negative inputs.
_SELU_FLOOR = -1.7580993408473766


class GaussianNoise(Module):
    """Add normal random numbers of mean 0; only in training mode.

    Parameters
    ----------
    stddev : float
        Standard deviation, at least 0.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a negative standard deviation.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.GaussianNoise(0.1)
    >>> layer(pydl.zeros((2, 3))).shape
    (2, 3)
    >>> layer.eval()(pydl.ones((2,))).tolist()
    [1.0, 1.0]
    """

    def __init__(self, stddev: float, *, generator: Generator | None = None) -> None:
        super().__init__()
        if not 0.0 <= stddev < math.inf:
            raise ValueError(f"GaussianNoise: expected a stddev of at least 0, got {stddev}")
        self.stddev, self.generator = stddev, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x + _core.normal(x.shape, 0.0, self.stddev, x.dtype, self.generator)

    def extra_repr(self) -> str:
        return f"stddev={self.stddev}"


class GaussianDropout(Dropout):
    """Multiply by normal random numbers of mean 1 and variance p / (1 - p); only in training mode.

    The product has the mean and the variance of what `Dropout` gives, but nothing becomes 0
    (Srivastava et al., 2014).

    Parameters
    ----------
    p : float, default 0.5
        The probability of a `Dropout` that is as strong, in [0, 1).
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a probability outside [0, 1).

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.GaussianDropout(0.2)
    >>> layer(pydl.ones((2, 3))).shape
    (2, 3)
    >>> layer.eval()(pydl.ones((2,))).tolist()
    [1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        if p == 1.0:
            raise ValueError("GaussianDropout: expected a probability in [0, 1), got 1.0")

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        stddev = math.sqrt(self.p / (1.0 - self.p))
        return x * _core.normal(x.shape, 1.0, stddev, x.dtype, self.generator)


class AlphaDropout(Dropout):
    """Dropout for `SELU`: mean 0 and variance 1 stay; only in training mode.

    Elements are set to what `SELU` tends to for very negative inputs, with probability p, and the
    result is scaled and shifted (Klambauer et al., 2017).

    Parameters
    ----------
    p : float, default 0.5
        Probability in [0, 1].
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a probability outside [0, 1].

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.AlphaDropout(0.1)
    >>> y = layer(pydl.random.normal((10_000,)))
    >>> round(float(y.std()), 1)
    1.0
    >>> layer.eval()(pydl.ones((2,))).tolist()
    [1.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        if self.p == 1.0:
            return x * 0.0
        kept = 1.0 - self.p
        # Dropout's own random numbers: 1 / kept where an element stays, 0 where it does not.
        stays = _core.dropout(_core.ones(x.shape, x.dtype), self.p, True, self.generator) > 0
        scale = 1.0 / math.sqrt(kept * (1.0 + self.p * _SELU_FLOOR**2))
        shift = -scale * self.p * _SELU_FLOOR
        dropped = scale * _SELU_FLOOR + shift
        return _core.where(stays, x * scale + shift, _core.full((), dropped, dtype=x.dtype))
