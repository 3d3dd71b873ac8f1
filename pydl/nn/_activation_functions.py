"""Activations with PyTorch's settings: what `pydl.nn.functional` offers, on those of the core."""

from __future__ import annotations

from pydl import _core
from pydl._core import Tensor


def softplus(x: Tensor, beta: float = 1.0, threshold: float | None = None) -> Tensor:
    """log(1 + exp(beta x)) / beta, without overflow.

    Parameters
    ----------
    x : Tensor, any shape; floating point
    beta : float, default 1.0
        How sharp the bend at 0 is.
    threshold : float, optional
        Where beta x is larger, the result is x itself. By default there is no such limit, which
        PyTorch has at 20: in float32, there is no difference.

    Returns
    -------
    Tensor
        Of the shape and dtype of x.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.functional.softplus(pydl.tensor([-100.0, 3.0]), beta=50.0).tolist()
    [0.0, 3.0]
    """
    scaled = x if beta == 1.0 else x * beta
    y = _core.softplus(scaled)
    if beta != 1.0:
        y = y / beta
    return y if threshold is None else _core.where(scaled > threshold, x, y)
