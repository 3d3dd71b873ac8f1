"""One-hot and multi-hot arrays of class or token numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def one_hot(
    ids: Sequence[int] | npt.NDArray[np.integer[Any]],
    num_classes: int,
    *,
    dtype: npt.DTypeLike = np.float32,
) -> npt.NDArray[Any]:
    """Return an array that is 1 at the number of each element, else 0.

    Parameters
    ----------
    ids : array_like of int
        Any shape (...), values in [0, num_classes).
    num_classes : int
        Size of the new last axis.
    dtype : dtype, default float32
        Of the result.

    Returns
    -------
    numpy.ndarray
        Shape (..., num_classes).

    Raises
    ------
    ValueError
        For ids that are not integers, and a negative `num_classes`.
    IndexError
        For an id out of range.

    Examples
    --------
    >>> from pydl.text import one_hot
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    numbers = _checked("one_hot", ids, num_classes)
    result = np.zeros((numbers.size, num_classes), dtype)
    result[np.arange(numbers.size), numbers.ravel()] = 1
    return result.reshape(*numbers.shape, num_classes)


def multi_hot(
    sequences: Iterable[Sequence[int] | npt.NDArray[np.integer[Any]]],
    num_classes: int,
    *,
    dtype: npt.DTypeLike = np.float32,
) -> npt.NDArray[Any]:
    """Return, for each sequence of numbers, a row that is 1 at all of them, else 0.

    Parameters
    ----------
    sequences : iterable of sequences of int
        N sequences of any lengths, values in [0, num_classes).
    num_classes : int
        Number of columns.
    dtype : dtype, default float32
        Of the result.

    Returns
    -------
    numpy.ndarray
        Shape (N, num_classes).

    Raises
    ------
    ValueError
        For numbers that are not integers, and a negative `num_classes`.
    IndexError
        For a number out of range.

    Examples
    --------
    >>> from pydl.text import multi_hot
    >>> multi_hot([[0, 2, 2], []], 3, dtype=int)
    array([[1, 0, 1],
           [0, 0, 0]])
    """
    rows = [_checked("multi_hot", ids, num_classes).ravel() for ids in sequences]
    result = np.zeros((len(rows), num_classes), dtype)
    if rows:
        result[
            np.repeat(np.arange(len(rows)), [row.size for row in rows]), np.concatenate(rows)
        ] = 1
    return result


def _checked(owner: str, ids: Any, num_classes: int) -> npt.NDArray[np.int64]:
    if num_classes < 0:
        raise ValueError(f"{owner}: expected num_classes of at least 0, got {num_classes}")
    numbers = np.asarray(ids)
    if numbers.size == 0:
        return numbers.astype(np.int64)
    if not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"{owner}: expected ids of an integer dtype, got {numbers.dtype}")
    if not (numbers.min() >= 0 and numbers.max() < num_classes):
        raise IndexError(f"{owner}: ids reach outside the {num_classes} classes")
    return numbers.astype(np.int64)
