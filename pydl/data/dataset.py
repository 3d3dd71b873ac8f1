"""Datasets: samples by number, and how to split them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl._core import Generator, Tensor, asarray, permutation

if TYPE_CHECKING:
    import numpy.typing as npt


class Dataset:
    """Base of datasets: `len` says how many samples there are, `dataset[i]` is sample i.

    A sample is a tensor, array or number, or a tuple or a dict of them, which may be nested, of the
    same shapes for each i. Any class with `__len__` and `__getitem__` does; deriving from this one
    is not needed.

    Examples
    --------
    >>> import pydl
    >>> class Squares(pydl.data.Dataset):
    ...     def __len__(self):
    ...         return 10
    ...     def __getitem__(self, index):
    ...         return float(index), float(index**2)
    >>> x, y = next(iter(pydl.data.DataLoader(Squares(), batch_size=3)))
    >>> y.tolist()
    [0.0, 1.0, 4.0]
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} does not define __len__()")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__()")


class TensorDataset(Dataset):
    """Arrays of the same length: sample i is the tuple of their rows i.

    Parameters
    ----------
    *arrays : Tensor or numpy.ndarray
        Shapes (N, ...); memory is shared where possible.

    Raises
    ------
    ValueError
        Without arrays, for arrays of rank 0, and for lengths that differ.

    Examples
    --------
    >>> import pydl
    >>> dataset = pydl.data.TensorDataset(pydl.zeros((5, 2)), pydl.arange(5))
    >>> len(dataset)
    5
    """

    def __init__(self, *arrays: Tensor | npt.NDArray[Any]) -> None:
        self.columns = tuple(_column(array) for array in arrays)
        lengths = [column.shape[0] for column in self.columns]
        if not lengths or len(set(lengths)) != 1:
            raise ValueError(f"TensorDataset: expected arrays of one length, got lengths {lengths}")

    def __len__(self) -> int:
        return int(self.columns[0].shape[0])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return tuple(column[index] for column in self.columns)


def _column(array: Tensor | npt.NDArray[Any]) -> Tensor:
    if not isinstance(array, Tensor):
        array = np.asarray(array, order="C")
    column = asarray(array).detach().contiguous()
    if column.ndim == 0:
        raise ValueError("TensorDataset: expected arrays of shape (N, ...), got a number")
    return column


class Subset(Dataset):
    """Samples of another dataset, chosen by their numbers.

    Parameters
    ----------
    dataset : Dataset
        Anything with `len` and indexing.
    indices : sequence of int, or numpy.ndarray
        Numbers of samples, shape (N,), in any order and repeated at will.

    Raises
    ------
    ValueError
        For indices of another shape.
    IndexError
        For an index that is no number of a sample.

    Examples
    --------
    >>> import pydl
    >>> dataset = pydl.data.TensorDataset(pydl.arange(5))
    >>> pydl.data.Subset(dataset, [4, 0])[0][0].item()
    4
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices, dtype=np.int64)
        size = len(dataset)
        if self.indices.ndim != 1:
            raise ValueError(f"Subset: expected indices (N,), got shape {self.indices.shape}")
        if self.indices.size and not (self.indices.min() >= 0 and self.indices.max() < size):
            raise IndexError(f"Subset: indices reach outside the {size} samples")

    def __len__(self) -> int:
        return int(self.indices.size)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]


def _shuffled(count: int, seed: int | None) -> npt.NDArray[np.int64]:
    generator = None if seed is None else Generator(seed)
    return np.asarray(permutation(count, generator=generator))


def random_split(
    dataset: Any, lengths: Sequence[int] | Sequence[float], seed: int | None = None
) -> list[Subset]:
    """Divide a dataset at random.

    Parameters
    ----------
    dataset : Dataset, or tuple of Tensor or numpy.ndarray
        Anything with `len` and indexing; a tuple of arrays (N, ...) as `DataLoader` takes it.
    lengths : sequence of int, or of float
        Numbers of samples that add up to the dataset's, or fractions that add up to 1.
    seed : int, optional
        For the same split each time; otherwise the default generator decides.

    Returns
    -------
    list of Subset
        One for each length.

    Raises
    ------
    ValueError
        For lengths that do not add up.

    Examples
    --------
    >>> import pydl
    >>> train, test = pydl.data.random_split(pydl.data.TensorDataset(pydl.arange(10)), [0.8, 0.2])
    >>> len(train), len(test)
    (8, 2)
    """
    if isinstance(dataset, tuple):
        dataset = TensorDataset(*dataset)
    size = len(dataset)
    counts = list(lengths)
    if any(isinstance(n, float) for n in counts):
        if abs(sum(counts) - 1.0) > 1e-6 or min(counts) < 0:
            raise ValueError(f"random_split: expected fractions that add up to 1, got {counts}")
        bounds = [round(size * float(total)) for total in np.cumsum(counts)]
        bounds[-1] = size
    else:
        if sum(counts) != size or min(counts, default=0) < 0:
            raise ValueError(f"random_split: expected lengths that add up to {size}, got {counts}")
        bounds = [int(total) for total in np.cumsum(counts)]
    order = _shuffled(size, seed)
    return [Subset(dataset, part) for part in np.split(order, bounds[:-1])]


def stratified_split(
    labels: Tensor | npt.NDArray[Any], fraction: float, seed: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Divide samples at random so that each class keeps its share in both parts.

    Parameters
    ----------
    labels : Tensor or numpy.ndarray
        Class of each sample, shape (N,).
    fraction : float
        Part of each class, in (0, 1), that goes to the second result.
    seed : int, optional
        For the same split each time; otherwise the default generator decides.

    Returns
    -------
    first, second : numpy.ndarray
        Numbers of the samples, int64, each in random order.

    Raises
    ------
    ValueError
        For labels that are not (N,), and a fraction outside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> labels = np.repeat([0, 1], 50)
    >>> train, test = pydl.data.stratified_split(labels, 0.2, seed=0)
    >>> len(train), int(labels[test].sum())
    (80, 10)
    """
    classes = np.asarray(labels)
    if classes.ndim != 1:
        raise ValueError(f"stratified_split: expected labels (N,), got shape {classes.shape}")
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"stratified_split: expected a fraction in (0, 1), got {fraction}")
    order = _shuffled(classes.size, seed)
    second = np.zeros(classes.size, dtype=bool)
    for value in np.unique(classes):
        members = order[classes[order] == value]
        second[members[: round(fraction * members.size)]] = True
    return order[~second[order]], order[second[order]]
