"""The distinct elements of a tensor, with what the array API standard says about them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Tensor
from pydl._named_errors import names_errors

__all__ = [
    "UniqueAllResult",
    "UniqueCountsResult",
    "UniqueInverseResult",
    "unique_all",
    "unique_consecutive",
    "unique_counts",
    "unique_inverse",
]


class UniqueAllResult(NamedTuple):
    """What `unique_all` returns.

    Attributes
    ----------
    values : Tensor
        The distinct elements, ascending, shape (K,).
    indices : Tensor
        int64 (K,): where each of them is first.
    inverse_indices : Tensor
        int64, of the shape of x: which of them each element is.
    counts : Tensor
        int64 (K,): how often each of them occurs.
    """

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCountsResult(NamedTuple):
    """What `unique_counts` returns.

    Attributes
    ----------
    values : Tensor
        The distinct elements, ascending, shape (K,).
    counts : Tensor
        int64 (K,): how often each of them occurs.
    """

    values: Tensor
    counts: Tensor


class UniqueInverseResult(NamedTuple):
    """What `unique_inverse` returns.

    Attributes
    ----------
    values : Tensor
        The distinct elements, ascending, shape (K,).
    inverse_indices : Tensor
        int64, of the shape of x: which of them each element is.
    """

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor) -> UniqueAllResult:
    """Find the distinct elements, their first positions, those of all elements, and counts.

    Each NaN is distinct from the others.

    Parameters
    ----------
    x : Tensor
        Of any shape and dtype.

    Returns
    -------
    UniqueAllResult
        `values`, of shape (K,), ascending; `indices`, (K,), of the first of each in the flattened
        tensor; `inverse_indices`, of the shape of x, with ``values[inverse_indices] == x``; and
        `counts`, (K,). All but the values are int64.

    Raises
    ------
    TraceError
        In compiled functions, because the shape depends on values.

    Examples
    --------
    >>> import pydl
    >>> found = pydl.unique_all(pydl.tensor([3, 1, 3]))
    >>> found.values.tolist(), found.indices.tolist(), found.counts.tolist()
    ([1, 3], [1, 0], [1, 2])
    """
    return UniqueAllResult(*_core.unique_all(x))


@names_errors
def unique_consecutive(
    x: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """Keep one of neighbours that are equal.

    Parameters
    ----------
    x : Tensor
    return_inverse, return_counts : bool, default False
        What else is returned.
    axis : int, optional
        Compare slices along this axis; by default, elements in row-major order.

    Returns
    -------
    values : Tensor, shape (K,)
        With `axis`, of the shape of x but for that axis, which has K slices.
    inverse : Tensor, int64
        Which of them each element is, in the shape of x; with `axis`, for each slice.
    counts : Tensor, int64 (K,)
        How many neighbours are equal to each.

    Raises
    ------
    TraceError
        In compiled functions, because the shape depends on values.

    Notes
    -----
    NaN equals nothing.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([1, 1, 2, 1])
    >>> values, counts = pydl.unique_consecutive(x, return_counts=True)
    >>> values.tolist(), counts.tolist()
    ([1, 2, 1], [2, 1, 1])
    """
    x = _core.asarray(x)
    line = _core.reshape(x, -1) if axis is None else _core.moveaxis(x, axis, 0)
    count = line.shape[0]
    begins = line[1:] != line[:-1]
    if line.ndim > 1:
        begins = begins.any(tuple(range(1, line.ndim)))
    if count > 0:
        begins = _core.concat([_core.ones(1, dtype=_core.bool), begins])
    starts = _core.nonzero(begins)[0]
    values = line[starts]
    results = [values if axis is None else _core.moveaxis(values, 0, axis)]
    if return_inverse:
        places = _core.cumsum(begins.astype(_core.int64), 0) - 1
        results.append(places.reshape(x.shape) if axis is None else places)
    if return_counts:
        ends = _core.concat([starts, _core.full((1,), count, dtype=_core.int64)])
        results.append(_core.diff(ends))
    return results[0] if len(results) == 1 else tuple(results)


def unique_counts(x: Tensor) -> UniqueCountsResult:
    """Find the distinct elements, and how often each occurs.

    Parameters
    ----------
    x : Tensor
        Of any shape and dtype.

    Returns
    -------
    UniqueCountsResult
        `values` and `counts`: see `unique_all`.

    Raises
    ------
    TraceError
        In compiled functions, because the shape depends on values.

    Examples
    --------
    >>> import pydl
    >>> values, counts = pydl.unique_counts(pydl.tensor([3, 1, 3]))
    >>> counts.tolist()
    [1, 2]
    """
    return UniqueCountsResult(*_core.unique_counts(x))


def unique_inverse(x: Tensor) -> UniqueInverseResult:
    """Find the distinct elements, and where each element is among them.

    Parameters
    ----------
    x : Tensor
        Of any shape and dtype.

    Returns
    -------
    UniqueInverseResult
        `values` and `inverse_indices`: see `unique_all`.

    Raises
    ------
    TraceError
        In compiled functions, because the shape depends on values.

    Examples
    --------
    >>> import pydl
    >>> values, inverse = pydl.unique_inverse(pydl.tensor([3, 1, 3]))
    >>> values[inverse].tolist()
    [3, 1, 3]
    """
    return UniqueInverseResult(*_core.unique_inverse(x))


check_public(globals())
