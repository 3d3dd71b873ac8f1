"""Windows: weights that fade out towards both ends of a part of a signal."""

from __future__ import annotations

import math

from pydl import _core
from pydl._core import DType, Tensor

__all__ = [
    "bartlett_window",
    "blackman_window",
    "hamming_window",
    "hann_window",
    "kaiser_window",
]


def _positions(name: str, length: int, periodic: bool, dtype: DType | None) -> tuple[Tensor, int]:
    """Return 0, 1, ..., and the position of the last one, or of the one after it if periodic."""
    if length < 0:
        raise ValueError(f"{name}: expected a window_length of at least 0, got {length}")
    positions = _core.arange(length, dtype=_core.float64 if dtype is None else dtype)
    return positions, max(length if periodic else length - 1, 1)


def _of_cosines(
    name: str, length: int, periodic: bool, dtype: DType | None, weights: tuple[float, ...]
) -> Tensor:
    """Sum weights with alternating signs times cosines of 0, 1, ... periods."""
    kind = _core.float32 if dtype is None else dtype
    positions, end = _positions(name, length, periodic, _core.float64)
    if length == 1:
        return _core.ones(1, dtype=kind)
    window = _core.full(length, weights[0], dtype=_core.float64)
    for k, weight in enumerate(weights[1:], 1):
        window = window + _core.cos(positions * (2 * math.pi * k / end)) * (-1) ** k * weight
    return window.astype(kind)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None
) -> Tensor:
    """Create a triangle from 0 to 1 and back.

    Parameters
    ----------
    window_length : int
    periodic : bool, default True
        Leave out the last element of a symmetric window of one more, as for spectra. NumPy's
        windows are symmetric.
    dtype : DType, optional
        A floating-point one, by default float32.

    Returns
    -------
    Tensor, shape (window_length,)

    Examples
    --------
    >>> import pydl
    >>> pydl.bartlett_window(4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    positions, end = _positions("bartlett_window", window_length, periodic, _core.float64)
    kind = _core.float32 if dtype is None else dtype
    if window_length == 1:
        return _core.ones(1, dtype=kind)
    return (1 - _core.abs(positions * (2 / end) - 1)).astype(kind)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None
) -> Tensor:
    """Create the window of Blackman: 0.42 - 0.5 cos(s) + 0.08 cos(2 s) over one period.

    Parameters
    ----------
    window_length : int
    periodic : bool, default True
        See `bartlett_window`.
    dtype : DType, optional
        A floating-point one, by default float32.

    Returns
    -------
    Tensor, shape (window_length,)

    Examples
    --------
    >>> import pydl
    >>> pydl.blackman_window(5, periodic=False).shape
    (5,)
    """
    weights = (0.42, 0.5, 0.08)
    return _of_cosines("blackman_window", window_length, periodic, dtype, weights)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """Create the window of Hamming: alpha - beta cos(s) over one period.

    Parameters
    ----------
    window_length : int
    periodic : bool, default True
        See `bartlett_window`.
    alpha, beta : float
    dtype : DType, optional
        A floating-point one, by default float32.

    Returns
    -------
    Tensor, shape (window_length,)

    Examples
    --------
    >>> import pydl
    >>> pydl.hamming_window(4).shape
    (4,)
    """
    return _of_cosines("hamming_window", window_length, periodic, dtype, (alpha, beta))


def hann_window(window_length: int, periodic: bool = True, *, dtype: DType | None = None) -> Tensor:
    """Create the window of Hann: 0.5 - 0.5 cos(s) over one period.

    Parameters
    ----------
    window_length : int
    periodic : bool, default True
        See `bartlett_window`.
    dtype : DType, optional
        A floating-point one, by default float32.

    Returns
    -------
    Tensor, shape (window_length,)

    Examples
    --------
    >>> import pydl
    >>> pydl.hann_window(2).tolist()
    [0.0, 1.0]
    """
    return _of_cosines("hann_window", window_length, periodic, dtype, (0.5, 0.5))


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: DType | None = None,
) -> Tensor:
    """Create the window of Kaiser: i0(beta sqrt(1 - t**2)) / i0(beta) for t from -1 to 1.

    Parameters
    ----------
    window_length : int
    periodic : bool, default True
        See `bartlett_window`.
    beta : float, default 12.0
        How narrow it is: 0 for equal weights.
    dtype : DType, optional
        A floating-point one, by default float32.

    Returns
    -------
    Tensor, shape (window_length,)

    Examples
    --------
    >>> import pydl
    >>> pydl.kaiser_window(3, periodic=False, beta=0.0).tolist()
    [1.0, 1.0, 1.0]
    """
    kind = _core.float32 if dtype is None else dtype
    positions, end = _positions("kaiser_window", window_length, periodic, _core.float64)
    if window_length == 1:
        return _core.ones(1, dtype=kind)
    t = positions * (2 / end) - 1
    # Both are scaled, so that a large beta does not overflow.
    argument = _core.sqrt(_core.clip(1 - t * t, 0, None)) * abs(beta)
    scaled = _core.i0e(argument) / _core.i0e(_core.full((), abs(beta), dtype=_core.float64))
    return (scaled * _core.exp(argument - abs(beta))).astype(kind)
