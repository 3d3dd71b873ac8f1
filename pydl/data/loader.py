"""DataLoader: batches of samples, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl._core import Generator, Tensor, asarray, empty, permutation, stack, take, tensor
from pydl.data._batching import gather_rows
from pydl.data.dataset import Subset, TensorDataset
from pydl.data.passes import Pass, Passes
from pydl.data.prefetch import Prefetcher

if TYPE_CHECKING:
    import numpy.typing as npt


class DataLoader:
    """Iterate over data in batches; every pass over a shuffled loader has a new order.

    Parameters
    ----------
    data : Tensor, numpy.ndarray, tuple of them, or dataset
        Arrays have shapes (N, ...) and the same N. A dataset has `__len__` and `__getitem__`; one
        that has `get_batch(indices)` too, with indices int64 (B,), makes its batches itself.
    batch_size : int, default 32
        Samples per batch.
    shuffle : bool, default False
        Whether the order is random. In order, batches are views of the arrays.
    drop_last : bool, default False
        Whether a smaller last batch is left out.
    seed : int, optional
        Makes the orders reproducible.
    generator : Generator, optional
        Source of the orders; the default generator without `seed` and `generator`.
    sampler : iterable of int, optional
        Gives the numbers of the samples of a pass, in place of `shuffle`, such as a
        `WeightedRandomSampler`; it has a length, and is iterated again in every pass.
    batch_sampler : iterable of sequences of int, optional
        Gives the numbers of the samples of each batch, in place of `batch_size`, `shuffle`,
        `sampler` and `drop_last`; it has a length, and is iterated again in every pass.
    collate_fn : callable, optional
        Makes a batch, a tensor or a tuple of tensors, of a list of samples, where these cannot be
        stacked: `pydl.text.pad_collate`, say.
    augment : Augment, optional
        Changes the batches: images are their first part, labels their last. Or another function
        (images, labels, *, indices, epoch) -> (images, labels) with the numbers of the samples and
        of the pass; a batch that is one tensor has labels None.
    prefetch : int, optional
        Most batches that a thread in the background makes ahead; 0 makes them when they are asked
        for. By default 2 with `augment`, 0 without.

    Attributes
    ----------
    epoch : int
        Number of the next pass, from 0; set it to continue the augmentation of an earlier run.
        `state_dict` has it too, with all else that decides which batches come next.

    Yields
    ------
    Tensor, tuple or dict of Tensor
        One tensor for a single array or for samples that are numbers or arrays; else tuples and
        dicts, nested as those of the samples.

    Raises
    ------
    ValueError
        For a batch size below 1, lengths that differ, both `seed` and `generator`, a negative
        `prefetch`, and a `sampler` or `batch_sampler` beside the options that it replaces. In a
        pass, for numbers of samples that are not in the data (`IndexError`).
    TypeError
        For something that has no samples, a batch size that is not an integer, a `sampler` or
        `batch_sampler` without a length, and functions that cannot be called.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> loader = pydl.data.DataLoader((np.zeros((10, 3)), np.arange(10)), batch_size=4)
    >>> [y.tolist() for x, y in loader]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    """

    def __init__(
        self,
        data: Any,
        batch_size: int = 32,
        *,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int | None = None,
        generator: Generator | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        augment: Callable[..., tuple[Any, Any]] | None = None,
        prefetch: int | None = None,
    ) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            raise TypeError(
                f"DataLoader: expected batch_size to be an integer, got {type(batch_size).__name__}"
            )
        if batch_size < 1:
            raise ValueError(f"DataLoader: expected a batch size of at least 1, got {batch_size}")
        if seed is not None and generator is not None:
            raise ValueError("DataLoader: expected seed or generator, got both")
        for name, function in (("augment", augment), ("collate_fn", collate_fn)):
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: expected {name} to be a function, got {function!r}")
        others = batch_size != 32 or shuffle or drop_last or sampler is not None
        if batch_sampler is not None and others:
            raise ValueError(
                "DataLoader: expected batch_sampler, or batch_size, shuffle, sampler and "
                "drop_last, got both"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: expected shuffle or a sampler, got both")
        for name, given in (("sampler", sampler), ("batch_sampler", batch_sampler)):
            if given is not None and not (hasattr(given, "__len__") and hasattr(given, "__iter__")):
                raise TypeError(
                    f"DataLoader: expected {name} to have a length and to be iterable, got "
                    f"{type(given).__name__}"
                )
        if prefetch is not None and prefetch < 0:
            raise ValueError(f"DataLoader: expected prefetch of at least 0, got {prefetch}")
        self._single = isinstance(data, (Tensor, np.ndarray))
        if self._single:
            data = TensorDataset(data)
        elif isinstance(data, tuple):
            data = TensorDataset(*data)
        elif not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
            raise TypeError(f"DataLoader: expected arrays or a dataset, got {type(data).__name__}")
        self.dataset = data
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self._generator = generator if seed is None else Generator(seed)
        self.sampler, self.batch_sampler, self.collate_fn = sampler, batch_sampler, collate_fn
        self.augment = augment
        self.prefetch = prefetch if prefetch is not None else 0 if augment is None else 2
        self.epoch = 0
        self._passes = Passes(self._generator, batch_sampler if sampler is None else sampler)

    @property
    def sample_count(self) -> int:
        """Samples in one pass; of a batch sampler, as many as the data has."""
        size = len(self.dataset if self.sampler is None else self.sampler)
        return size - size % self.batch_size if self.drop_last else size

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        return -(-self.sample_count // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        this = self._passes.begin(self.epoch)
        self.epoch = this.epoch + 1
        source, order = self._source_and_order(this)
        batches = self._batches(source, order, this)
        if self.prefetch == 0:
            yield from this.counted(batches)
            return
        ahead = Prefetcher(batches, self.prefetch)
        try:
            yield from this.counted(ahead)
        finally:
            ahead.close()

    def state_dict(self) -> dict[str, Tensor]:
        """Return what decides which batches come next, for `load_state_dict` and `pydl.save`.

        Within a pass, that is its order and how many of its batches were given out; batches made
        ahead do not count as such. State of a `sampler` or `batch_sampler` belongs to it if it has
        a `state_dict`, otherwise it is not saved.

        Examples
        --------
        >>> import pydl
        >>> loader = pydl.data.DataLoader(pydl.arange(6), 2, shuffle=True, seed=0)
        >>> batches = iter(loader)
        >>> _ = next(batches)
        >>> state = loader.state_dict()
        >>> rest = [batch.tolist() for batch in batches]
        >>> again = pydl.data.DataLoader(pydl.arange(6), 2, shuffle=True, seed=0)
        >>> again.load_state_dict(state)
        >>> [batch.tolist() for batch in again] == rest
        True
        """
        return self._passes.state_dict(self.epoch)

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]]) -> None:
        """Go on where another loader of the same data was: the next pass has the rest of its pass.

        The state of the default generator, where the orders come from it, is saved and restored
        apart: see `pydl.get_rng_state`.

        Raises
        ------
        ValueError
            For a state that `state_dict` of a loader with the same kind of generator did not
            return, or that is past more batches than a pass has.
        """
        self.epoch = self._passes.load_state_dict(state, len(self))

    def _batches(
        self, source: Any, numbers: npt.NDArray[np.int64] | None, this: Pass
    ) -> Iterator[Any]:
        skipped = this.position  # before the thread that makes batches ahead begins
        for order, start, stop in islice(self._parts(numbers), skipped, None):
            if isinstance(source, TensorDataset) and self.collate_fn is None:
                rows = tuple(_rows(column, order, start, stop) for column in source.columns)
                batch = rows[0] if self._single else rows
            else:
                indices = _numbers(order, start, stop)
                if self.collate_fn is None and hasattr(source, "get_batch"):
                    batch = source.get_batch(indices)
                else:
                    batch = (self.collate_fn or _collate)([source[i] for i in indices.tolist()])
            if self.augment is not None:
                indices = _numbers(order, start, stop)
                batch = _augmented(self.augment, batch, indices, this.epoch)
            yield batch

    def _parts(
        self, order: npt.NDArray[np.int64] | None
    ) -> Iterator[tuple[npt.NDArray[np.int64] | None, int, int]]:
        """Iterate over batches: an order, or None, and the part of it that is the batch."""
        if self.batch_sampler is None:
            count = self.sample_count
            for start in range(0, count, self.batch_size):
                yield order, start, min(start + self.batch_size, count)
            return
        for batch in self.batch_sampler:
            numbers = np.asarray(batch, np.int64)
            yield numbers if order is None else order[numbers], 0, numbers.size

    def _source_and_order(self, this: Pass) -> tuple[Any, npt.NDArray[np.int64] | None]:
        """Return what samples are read from, and their numbers; None for all in order."""
        order = None
        if self.shuffle:
            order = np.asarray(permutation(len(self.dataset), generator=this.generator))
        elif self.sampler is not None:
            order = self._drawn(self.sampler)
        source = self.dataset
        while isinstance(source, Subset):
            order = source.indices if order is None else source.indices[order]
            source = source.dataset
        return source, order

    def _drawn(self, sampler: Any) -> npt.NDArray[np.int64]:
        """Return the numbers that a sampler gives."""
        order = np.fromiter(sampler, np.int64)
        size = len(self.dataset)
        if order.size and not (order.min() >= 0 and order.max() < size):
            raise IndexError(
                f"DataLoader: the sampler gives numbers from {order.min()} to {order.max()}, but "
                f"there are {size} samples"
            )
        if order.size != len(sampler):
            raise ValueError(
                f"DataLoader: the sampler has length {len(sampler)}, but gave {order.size} numbers"
            )
        return order


def _numbers(order: npt.NDArray[np.int64] | None, start: int, stop: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the samples of a batch."""
    return np.arange(start, stop) if order is None else order[start:stop]


def _rows(column: Tensor, order: npt.NDArray[np.int64] | None, start: int, stop: int) -> Tensor:
    if order is None:
        return column[start:stop]
    if column.dtype.name == "bfloat16":  # no buffer protocol has it
        return take(column, tensor(order[start:stop]))
    batch = empty((stop - start, *column.shape[1:]), dtype=column.dtype)
    gather_rows(column, order, start, batch)
    return batch


def _augmented(
    augment: Callable[..., tuple[Any, Any]],
    batch: Any,
    indices: npt.NDArray[np.int64],
    epoch: int,
) -> Any:
    if not isinstance(batch, tuple) or len(batch) == 1:
        single = batch[0] if isinstance(batch, tuple) else batch
        images, _ = augment(single, None, indices=indices, epoch=epoch)
        return (images,) if isinstance(batch, tuple) else images
    images, labels = augment(batch[0], batch[-1], indices=indices, epoch=epoch)
    return (images, *batch[1:-1], labels)


def _collate(samples: Sequence[Any]) -> Any:
    """Return the batch of samples, which may be nested tuples and dicts."""
    first = samples[0]
    if isinstance(first, tuple):
        sizes = {len(sample) if isinstance(sample, tuple) else 0 for sample in samples}
        if len(sizes) != 1:
            raise ValueError("DataLoader: expected tuples of one length as samples, got others too")
        return tuple(_collate(values) for values in zip(*samples, strict=True))
    if isinstance(first, Mapping):
        for sample in samples:
            if not isinstance(sample, Mapping) or sample.keys() != first.keys():
                got = list(sample) if isinstance(sample, Mapping) else type(sample).__name__
                raise ValueError(
                    f"DataLoader: expected samples with the keys {list(first)}, got {got}"
                )
        return {name: _collate([sample[name] for sample in samples]) for name in first}
    return _stacked(samples)


def _stacked(values: Sequence[Any]) -> Tensor:
    if isinstance(values[0], Tensor):
        return stack(list(values))
    if isinstance(values[0], (bool, int, float)):
        return tensor(list(values))
    arrays = [np.asarray(value) for value in values]
    for number, array in enumerate(arrays):
        if array.dtype.kind in "OUSMmVc":
            raise TypeError(
                "DataLoader: expected samples of tensors, arrays and numbers, and tuples of them, "
                f"got {type(values[number]).__name__} {values[number]!r:.60}; collate_fn may make "
                "a batch of anything else"
            )
        if array.shape != arrays[0].shape:
            raise ValueError(
                f"DataLoader: expected samples of one shape, got {arrays[0].shape} and "
                f"{array.shape}; pad them, or give a collate_fn (pydl.text.pad_collate)"
            )
    return asarray(np.stack(arrays))
