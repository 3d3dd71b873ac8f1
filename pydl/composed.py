"""Functions that NumPy and PyTorch have, composed of others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydl import _core
from pydl._core import Tensor
from pydl._named_errors import names_errors

__all__ = [
    "addcdiv",
    "addcmul",
    "array_equal",
    "cdist",
    "entr",
    "flatnonzero",
    "fmax",
    "fmin",
    "isneginf",
    "isposinf",
    "logaddexp2",
    "percentile",
    "unravel_index",
    "vander",
    "xlog1py",
]


@names_errors
def addcmul(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1.0) -> Tensor:
    """Compute x + value * a * b.

    Parameters
    ----------
    x, a, b : Tensor
        They broadcast.
    value : float, default 1.0

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.addcmul(pydl.ones(2), pydl.ones(2), pydl.ones(2), value=2.0).tolist()
    [3.0, 3.0]
    """
    product = _core.multiply(a, b)
    return _core.add(x, product if value == 1 else product * value)


@names_errors
def addcdiv(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1.0) -> Tensor:
    """Compute x + value * a / b.

    Parameters
    ----------
    x, a, b : Tensor
        They broadcast.
    value : float, default 1.0

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.addcdiv(pydl.ones(2), pydl.ones(2), pydl.full(2, 4.0), value=2.0).tolist()
    [1.5, 1.5]
    """
    quotient = _core.divide(a, b)
    return _core.add(x, quotient if value == 1 else quotient * value)


@names_errors
def array_equal(a: Tensor, b: Tensor, equal_nan: bool = False) -> bool:
    """Compare shapes and all elements.

    Parameters
    ----------
    a, b : Tensor
        Of any shapes and dtypes.
    equal_nan : bool, default False
        Whether NaN equals NaN.

    Returns
    -------
    bool

    Raises
    ------
    TraceError
        In compiled functions, which cannot read elements; use ``(a == b).all()``.

    Examples
    --------
    >>> import pydl
    >>> pydl.array_equal(pydl.ones(2), pydl.tensor([1, 1]))
    True
    """
    a, b = _core.asarray(a), _core.asarray(b)
    if a.shape != b.shape:
        return False
    same = _core.equal(a, b)
    if equal_nan:
        same = same | (_core.isnan(a) & _core.isnan(b))
    return bool(same.all())


@names_errors
def cdist(a: Tensor, b: Tensor, p: float = 2.0) -> Tensor:
    """Compute the distances between all vectors of one tensor and all of another.

    Parameters
    ----------
    a : Tensor, shape (..., M, K)
    b : Tensor, shape (..., N, K)
        Leading axes broadcast.
    p : float, default 2.0
        Which norm, as for `vector_norm`; may be infinite.

    Returns
    -------
    Tensor, shape (..., M, N)

    Examples
    --------
    >>> import pydl
    >>> pydl.cdist(pydl.zeros((1, 2)), pydl.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [[5.0, 1.0]]
    """
    a, b = _core.asarray(a), _core.asarray(b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(
            f"cdist: expected tensors (..., M, K) and (..., N, K), got {a.shape} and {b.shape}"
        )
    differences = _core.expand_dims(a, -2) - _core.expand_dims(b, -3)
    return _core.vector_norm(differences, axis=-1, ord=p)


@names_errors
def entr(x: Tensor) -> Tensor:
    """Compute -x log(x), which is 0 at 0, and minus infinity for negative numbers.

    Parameters
    ----------
    x : Tensor
        Integers are converted to float32.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.entr(pydl.tensor([0.0, 1.0, -1.0])).tolist()
    [0.0, 0.0, -inf]
    """
    x = _core.asarray(x)
    if not x.dtype.is_floating:
        x = x.astype(_core.float32)
    negative = x < 0
    return _core.where(
        negative, -math.inf, 0.0 - _core.xlogy(_core.where(negative, 1, x), x.clip(0))
    )


def flatnonzero(x: Tensor) -> Tensor:
    """Find the positions of the elements that are not zero, counted in row-major order.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor, shape (K,), int64

    Raises
    ------
    TraceError
        In compiled functions, because the shape depends on values.

    Examples
    --------
    >>> import pydl
    >>> pydl.flatnonzero(pydl.tensor([[0, 5], [7, 0]])).tolist()
    [1, 2]
    """
    return _core.nonzero(_core.reshape(x, -1))[0]


@names_errors
def fmax(a: Tensor, b: Tensor) -> Tensor:
    """Take the larger element; where one is NaN, the other one.

    Parameters
    ----------
    a, b : Tensor
        They broadcast.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.fmax(pydl.tensor([float("nan"), 1.0]), pydl.tensor([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    larger = _core.maximum(a, b)
    return _core.where(_core.isnan(a), b, _core.where(_core.isnan(b), a, larger))


@names_errors
def fmin(a: Tensor, b: Tensor) -> Tensor:
    """Take the smaller element; where one is NaN, the other one.

    Parameters
    ----------
    a, b : Tensor
        They broadcast.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.fmin(pydl.tensor([float("nan"), 1.0]), pydl.tensor([0.0, 2.0])).tolist()
    [0.0, 1.0]
    """
    smaller = _core.minimum(a, b)
    return _core.where(_core.isnan(a), b, _core.where(_core.isnan(b), a, smaller))


def isposinf(x: Tensor) -> Tensor:
    """Test for plus infinity.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor, bool

    Examples
    --------
    >>> import pydl
    >>> pydl.isposinf(pydl.tensor([float("inf"), -float("inf"), 0.0])).tolist()
    [True, False, False]
    """
    return _core.isinf(x) & ~_core.signbit(x)


def isneginf(x: Tensor) -> Tensor:
    """Test for minus infinity.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor, bool

    Examples
    --------
    >>> import pydl
    >>> pydl.isneginf(pydl.tensor([float("inf"), -float("inf"), 0.0])).tolist()
    [False, True, False]
    """
    return _core.isinf(x) & _core.signbit(x)


@names_errors
def logaddexp2(a: Tensor, b: Tensor) -> Tensor:
    """Compute log2(2**a + 2**b) without overflow.

    Parameters
    ----------
    a, b : Tensor
        They broadcast.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.logaddexp2(pydl.tensor([1000.0]), pydl.tensor([1000.0])).tolist()
    [1001.0]
    """
    high = _core.maximum(a, b)
    distance = _core.abs(_core.subtract(a, b))
    # Equal infinities have no distance.
    distance = _core.where(_core.equal(a, b), 0.0, distance)
    return high + _core.log1p(_core.exp2(-distance)) / math.log(2)


@names_errors
def percentile(
    x: Tensor,
    q: float | Sequence[float] | Tensor,
    axis: int | None = None,
    keepdims: bool = False,
) -> Tensor:
    """Compute percentiles: `quantile` with numbers from 0 to 100.

    Parameters
    ----------
    x : Tensor
    q : float, or Tensor of one axis
        In [0, 100].
    axis : int, optional
        By default, of all elements.
    keepdims : bool, default False

    Returns
    -------
    Tensor
        One more axis in front, if there are several percentiles.

    Examples
    --------
    >>> import pydl
    >>> pydl.percentile(pydl.tensor([1.0, 2.0, 3.0]), 50)
    tensor(2., dtype=float32)
    """
    if isinstance(q, (int, float)):
        if not 0 <= q <= 100:
            raise ValueError(f"percentile: expected q from 0 to 100, got {q}")
        return _core.quantile(x, q / 100, axis, keepdims)
    return _core.quantile(x, _core.asarray(q, dtype=_core.float64) / 100, axis, keepdims)


@names_errors
def unravel_index(index: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Turn positions in row-major order into one position per axis.

    Parameters
    ----------
    index : Tensor of integers
        Of any shape.
    shape : int or sequence of int
        That of the tensor whose elements are counted.

    Returns
    -------
    tuple of Tensor, int64
        One per axis, of the shape of index.

    Notes
    -----
    Elements are not read, so that an index out of range gives positions out of range.

    Examples
    --------
    >>> import pydl
    >>> [part.tolist() for part in pydl.unravel_index(pydl.tensor([1, 5]), (2, 3))]
    [[0, 1], [1, 2]]
    """
    shape = (shape,) if isinstance(shape, int) else shape
    rest = _core.asarray(index).astype(_core.int64)
    parts = []
    for size in reversed(shape[1:]):
        parts.append(rest % size)
        rest = rest // size
    return (rest, *reversed(parts)) if shape else ()


@names_errors
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803
    """Compute powers of each element, in rows.

    Parameters
    ----------
    x : Tensor, shape (..., K)
    N : int, optional
        The number of powers, by default K.
    increasing : bool, default False
        Begin with the power 0, as `torch.linalg.vander` does; NumPy ends with it.

    Returns
    -------
    Tensor, shape (..., K, N)

    Examples
    --------
    >>> import pydl
    >>> pydl.vander(pydl.tensor([2, 3]), 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    x = _core.asarray(x)
    if x.ndim == 0:
        raise ValueError("vander: expected a tensor of at least one axis, got a single number")
    count = x.shape[-1] if N is None else N
    if count < 0:
        raise ValueError(f"vander: expected an N of at least 0, got {count}")
    powers = _core.arange(count, dtype=x.dtype)
    return _core.expand_dims(x, -1) ** (powers if increasing else _core.flip(powers, 0))


@names_errors
def xlog1py(a: Tensor, b: Tensor) -> Tensor:
    """Compute a log(1 + b), which is 0 where a is 0 and b is a number.

    Parameters
    ----------
    a, b : Tensor
        They broadcast.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pydl
    >>> pydl.xlog1py(pydl.tensor([0.0, 2.0]), pydl.tensor([-1.0, 0.0])).tolist()
    [0.0, 0.0]
    """
    nothing = _core.equal(a, 0) & ~_core.isnan(b)
    return _core.where(nothing, 0.0, a * _core.log1p(_core.where(nothing, 0.0, b)))
