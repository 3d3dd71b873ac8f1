"""Functions that NumPy and PyTorch have, composed of others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydl import _core
from pydl._core import Tensor
from pydl._named_errors import names_errors

__all__ = [
    "addbmm",
    "addcdiv",
    "addcmul",
    "addmv",
    "array_equal",
    "baddbmm",
    "cdist",
    "entr",
    "flatnonzero",
    "fmax",
    "fmin",
    "frexp",
    "isneginf",
    "isposinf",
    "ldexp",
    "logaddexp2",
    "pdist",
    "percentile",
    "unravel_index",
    "vander",
    "xlog1py",
]


def _with_multiple(name: str, x: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """Compute beta * x + alpha * product, where a beta of 0 leaves x out, be it NaN or not."""
    x = _core.asarray(x)
    if beta == 0:
        x = _core.zeros_like(x)
    elif beta != 1:
        x = x * beta
    total = _core.add(x, product if alpha == 1 else product * alpha)
    if total.shape != product.shape:
        raise ValueError(
            f"{name}: expected an x that broadcasts to the shape {product.shape} of the product, "
            f"got {x.shape}"
        )
    return total


def _of_rank(name: str, what: str, x: Tensor, rank: int) -> Tensor:
    x = _core.asarray(x)
    if x.ndim != rank:
        raise ValueError(f"{name}: expected {what}, got shape {x.shape}")
    return x


@names_errors
def baddbmm(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Compute beta x + alpha a b for batches of matrices.

    Parameters
    ----------
    x : Tensor
        Broadcasts to the product; is not read if beta is 0.
    a : Tensor, shape (B, M, K)
    b : Tensor, shape (B, K, N)
    beta, alpha : float, default 1

    Returns
    -------
    Tensor, shape (B, M, N)

    Examples
    --------
    >>> import pydl
    >>> a, b = pydl.ones((5, 2, 3)), pydl.ones((5, 3, 2))
    >>> pydl.baddbmm(pydl.ones(2), a, b, alpha=2)[0].tolist()
    [[7.0, 7.0], [7.0, 7.0]]
    """
    return _with_multiple("baddbmm", x, _core.bmm(a, b), beta, alpha)


@names_errors
def addbmm(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Compute beta x + alpha times the sum of the products of a batch of matrices.

    Parameters
    ----------
    x : Tensor
        Broadcasts to the product; is not read if beta is 0.
    a : Tensor, shape (B, M, K)
    b : Tensor, shape (B, K, N)
    beta, alpha : float, default 1

    Returns
    -------
    Tensor, shape (M, N)

    Examples
    --------
    >>> import pydl
    >>> pydl.addbmm(pydl.ones(2), pydl.ones((5, 1, 3)), pydl.ones((5, 3, 2))).tolist()
    [[16.0, 16.0]]
    """
    a = _of_rank("addbmm", "a batch of matrices (B, M, K)", a, 3)
    b = _of_rank("addbmm", "a batch of matrices (B, K, N)", b, 3)
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise ValueError(f"addbmm: expected (B, M, K) and (B, K, N), got {a.shape} and {b.shape}")
    return _with_multiple("addbmm", x, _core.tensordot(a, b, ([0, 2], [0, 1])), beta, alpha)


@names_errors
def addmv(x: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Compute beta x + alpha a b for a matrix and a vector.

    Parameters
    ----------
    x : Tensor
        Broadcasts to the product; is not read if beta is 0.
    a : Tensor, shape (M, K)
    b : Tensor, shape (K,)
    beta, alpha : float, default 1

    Returns
    -------
    Tensor, shape (M,)

    Examples
    --------
    >>> import pydl
    >>> pydl.addmv(pydl.ones(2), pydl.ones((2, 3)), pydl.ones(3), beta=10).tolist()
    [13.0, 13.0]
    """
    a = _of_rank("addmv", "a matrix (M, K)", a, 2)
    b = _of_rank("addmv", "a vector (K,)", b, 1)
    return _with_multiple("addmv", x, _core.matmul(a, b), beta, alpha)


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


def _without_rounding(x: Tensor) -> Tensor:
    """Return the elements in a dtype in which powers of 2 of the smaller dtypes are exact."""
    x = _core.asarray(x)
    if not x.dtype.is_floating or x.dtype.itemsize == 2:
        return x.astype(_core.float32)
    return x


def _times_power(x: Tensor, exponent: Tensor) -> Tensor:
    # In three steps, because the power alone may be beyond the dtype where the product is not.
    # Beyond the bound, all products are 0 or infinite.
    bound = 2200 if x.dtype == _core.float64 else 300
    exponent = exponent.clip(-bound, bound)
    third = exponent // 3
    for part in (third, third, exponent - 2 * third):
        x = x * _core.exp2(part.astype(x.dtype))
    return x


@names_errors
def ldexp(x: Tensor, exponent: Tensor) -> Tensor:
    """Compute x * 2**exponent.

    Parameters
    ----------
    x : Tensor
        Integers are converted to float32.
    exponent : Tensor of integers
        They broadcast.

    Returns
    -------
    Tensor
        Of the dtype of x.

    Examples
    --------
    >>> import pydl
    >>> pydl.ldexp(pydl.tensor([1.0, 3.0]), pydl.tensor([-1, 4])).tolist()
    [0.5, 48.0]
    """
    exponent = _core.asarray(exponent)
    if exponent.dtype.is_floating:
        raise TypeError(f"ldexp: expected exponents of integers, got {exponent.dtype}")
    given = _core.asarray(x)
    result = _times_power(_without_rounding(given), exponent.astype(_core.int64))
    return result.astype(given.dtype) if given.dtype.is_floating else result


@names_errors
def frexp(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split numbers into fractions of a magnitude in [0.5, 1) and powers of 2.

    Parameters
    ----------
    x : Tensor
        Integers are converted to float32.

    Returns
    -------
    mantissa : Tensor
        Of the dtype of x: ``ldexp(mantissa, exponent)`` is x. 0, infinities and NaN are their own.
    exponent : Tensor, int32
        0 for 0, infinities and NaN.

    Examples
    --------
    >>> import pydl
    >>> mantissa, exponent = pydl.frexp(pydl.tensor([1.0, -12.0, 0.0]))
    >>> mantissa.tolist(), exponent.tolist()
    ([0.5, -0.75, 0.0], [1, 4, 0])
    """
    given = _core.asarray(x)
    wide = _without_rounding(given)
    regular = _core.isfinite(wide) & (wide != 0)
    size = _core.where(regular, _core.abs(wide.detach()), 1)
    exponent = _core.floor(_core.log2(size)).astype(_core.int64) + 1
    # The logarithm of a number next to a power of 2 may be rounded to that of the power.
    fraction = _times_power(size, -exponent)
    exponent = exponent + (fraction >= 1).astype(_core.int64) - (fraction < 0.5).astype(_core.int64)
    exponent = _core.where(regular, exponent, 0)
    mantissa = _times_power(wide, -exponent)
    if given.dtype.is_floating:
        mantissa = mantissa.astype(given.dtype)
    return mantissa, exponent.astype(_core.int32)


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
def pdist(x: Tensor, p: float = 2.0) -> Tensor:
    """Compute the distances between all pairs of rows.

    Parameters
    ----------
    x : Tensor, shape (N, K)
    p : float, default 2.0
        Which norm, as for `vector_norm`; may be infinite.

    Returns
    -------
    Tensor, shape (N (N - 1) / 2,)
        Of rows 0 and 1, 0 and 2, ..., 1 and 2, and so on.

    Examples
    --------
    >>> import pydl
    >>> pydl.pdist(pydl.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), 1).tolist()
    [7.0, 1.0, 6.0]
    """
    x = _of_rank("pdist", "rows (N, K)", x, 2)
    first, second = _core.triu_indices(x.shape[0], k=1)
    differences = _core.take(x, first, axis=0) - _core.take(x, second, axis=0)
    return _core.vector_norm(differences, axis=-1, ord=p)


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

    Raises
    ------
    IndexError
        If an index is out of range, except in compiled functions, which do not read elements.

    Examples
    --------
    >>> import pydl
    >>> [part.tolist() for part in pydl.unravel_index(pydl.tensor([1, 5]), (2, 3))]
    [[0, 1], [1, 2]]
    """
    shape = (shape,) if isinstance(shape, int) else shape
    index = _core.asarray(index)
    if index.dtype.is_floating or index.dtype == _core.bool:
        raise TypeError(f"unravel_index: expected an index of integers, got {index.dtype}")
    rest = index.astype(_core.int64)
    count = math.prod(shape)
    if not _core._is_tracing() and bool(((rest < 0) | (rest >= count)).any()):
        wrong = rest[(rest < 0) | (rest >= count)].reshape(-1)[0].item()
        raise IndexError(
            f"unravel_index: expected an index from 0 to {count - 1} for shape {tuple(shape)}, "
            f"got {wrong}"
        )
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
