"""Sequences of different lengths in batches: padding, and buckets of similar lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pydl._core import Generator, Tensor, asarray, permutation, randint

if TYPE_CHECKING:
    import numpy.typing as npt

Side = Literal["pre", "post"]


def pad_sequences(
    sequences: Sequence[Any],
    max_length: int | None = None,
    *,
    padding: Side = "post",
    truncation: Side = "post",
    value: float = 0,
    dtype: npt.DTypeLike | None = None,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Put sequences of different lengths into one array.

    Parameters
    ----------
    sequences : sequence of array_like
        N sequences (T_n, ...) that differ in their first axis only.
    max_length : int, optional
        Size of the time axis; by default the longest length. Longer sequences are cut.
    padding : {"pre", "post"}, default "post"
        Whether short ones are filled up before their beginning or after their end.
    truncation : {"pre", "post"}, default "post"
        Whether long ones lose their beginning or their end.
    value : number, default 0
        What is filled in.
    dtype : dtype, optional
        Of the result; by default what the sequences promote to.

    Returns
    -------
    batch : numpy.ndarray
        Shape (N, T, ...).
    lengths : numpy.ndarray
        Elements of each sequence that are in the batch, int64 (N,).

    Raises
    ------
    ValueError
        For sequences whose other axes differ, a negative `max_length`, and other sides.
    TypeError
        For texts in place of sequences of numbers.

    Examples
    --------
    >>> from pydl.text import pad_sequences
    >>> batch, lengths = pad_sequences([[5, 6, 7], [8]])
    >>> batch
    array([[5, 6, 7],
           [8, 0, 0]])
    >>> lengths
    array([3, 1])
    """
    for name, side in (("padding", padding), ("truncation", truncation)):
        if side not in ("pre", "post"):
            raise ValueError(f'pad_sequences: expected {name} "pre" or "post", got {side!r}')
    if max_length is not None and max_length < 0:
        raise ValueError(f"pad_sequences: expected max_length of at least 0, got {max_length}")
    arrays = [_sequence(number, sequence) for number, sequence in enumerate(sequences)]
    inner = {array.shape[1:] for array in arrays if array.size} or {(0,)[1:]}
    if len(inner) != 1:
        raise ValueError(
            f"pad_sequences: expected sequences that differ in their first axis only, got rows of "
            f"shapes {sorted(inner)}"
        )
    longest = max((len(array) for array in arrays), default=0)
    size = longest if max_length is None else max_length
    if dtype is None:
        # The dtype of an empty list says nothing.
        dtypes = [array.dtype for array in arrays if array.size] or [np.dtype(np.int64)]
        dtype = np.result_type(*dtypes)
    lengths = np.array([min(len(array), size) for array in arrays], np.int64)
    batch = np.full((len(arrays), size, *inner.pop()), value, dtype)
    for row, array, length in zip(batch, arrays, lengths.tolist(), strict=True):
        if length:
            kept = array[:length] if truncation == "post" else array[len(array) - length :]
            row[slice(length) if padding == "post" else slice(size - length, size)] = kept
    return batch, lengths


def pad_collate(
    samples: Sequence[Any],
    *,
    parts: Sequence[int] = (0,),
    max_length: int | None = None,
    value: float = 0,
) -> tuple[Tensor, ...]:
    """Make a batch of samples with sequences, for `DataLoader(..., collate_fn=pad_collate)`.

    Parameters
    ----------
    samples : sequence
        N samples: sequences (T_n, ...), or tuples of sequences and other values.
    parts : sequence of int, default (0,)
        Which parts of the tuples are sequences; the others have one shape in all samples.
    max_length, value
        As for `pad_sequences`, which fills up after the end.

    Returns
    -------
    tuple of Tensor
        The parts in order, each one of `parts` (N, T, ...) followed by its lengths, int64 (N,).

    Raises
    ------
    ValueError
        As `pad_sequences`, and for `parts` that the samples lack.

    Examples
    --------
    >>> import pydl
    >>> samples = [([5, 6, 7], 0), ([8], 1)]
    >>> loader = pydl.data.DataLoader(samples, collate_fn=pydl.text.pad_collate)
    >>> [part.tolist() for part in next(iter(loader))]
    [[[5, 6, 7], [8, 0, 0]], [3, 1], [0, 1]]
    """
    tuples = [sample if isinstance(sample, tuple) else (sample,) for sample in samples]
    columns = list(zip(*tuples, strict=True))
    if not all(0 <= part < len(columns) for part in parts):
        raise ValueError(f"pad_collate: expected parts in [0, {len(columns)}), got {tuple(parts)}")
    batch: list[Tensor] = []
    for number, column in enumerate(columns):
        if number in parts:
            batch.extend(map(asarray, pad_sequences(column, max_length, value=value)))
        else:
            batch.append(asarray(np.stack([np.asarray(each) for each in column])))
    return tuple(batch)


class BucketBatchSampler:
    """Batches of samples with similar lengths, for `DataLoader(..., batch_sampler=...)`.

    In order, batches go from short samples to long ones. Shuffled, the samples are drawn at random
    in portions of `window` batches; each portion is sorted by length and cut, and its batches come
    in random order: batches differ from pass to pass, and little of them is padding.

    Parameters
    ----------
    lengths : array_like of int
        Length of each sample (N,).
    batch_size : int, default 32
        Samples per batch.
    shuffle : bool, default False
        Whether every pass has a new random order.
    drop_last : bool, default False
        Whether smaller batches are left out.
    window : int, default 100
        Batches per portion; the more, the less padding, and the less chance.
    seed : int, optional
        Makes the orders reproducible.
    generator : Generator, optional
        Source of the orders; without `seed` and `generator` one that the default generator seeds
        when the first pass begins.

    Yields
    ------
    list of int
        Numbers of the samples of one batch.

    Raises
    ------
    ValueError
        For lengths that are not (N,), a batch size or window below 1, and both `seed` and
        `generator`.

    Examples
    --------
    >>> from pydl.text import BucketBatchSampler
    >>> list(BucketBatchSampler([3, 9, 2, 8, 4], batch_size=2))
    [[2, 0], [4, 3], [1]]
    """

    def __init__(
        self,
        lengths: Sequence[int] | npt.NDArray[np.integer[Any]],
        batch_size: int = 32,
        *,
        shuffle: bool = False,
        drop_last: bool = False,
        window: int = 100,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.lengths = np.asarray(lengths, np.int64)
        if self.lengths.ndim != 1:
            raise ValueError(
                f"BucketBatchSampler: expected lengths (N,), got shape {self.lengths.shape}"
            )
        for name, number in (("batch_size", batch_size), ("window", window)):
            if number < 1:
                raise ValueError(f"BucketBatchSampler: expected {name} of at least 1, got {number}")
        if seed is not None and generator is not None:
            raise ValueError("BucketBatchSampler: expected seed or generator, got both")
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.window = window
        self._generator = generator if seed is None else Generator(seed)

    def __len__(self) -> int:
        full, rest = divmod(self.lengths.size, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def __iter__(self) -> Iterator[list[int]]:
        if not self.shuffle:
            yield from self._cut(np.arange(self.lengths.size))
            return
        order = self._permutation(self.lengths.size)
        portion = self.window * self.batch_size
        for start in range(0, order.size, portion):
            batches = list(self._cut(order[start : start + portion]))
            for number in self._permutation(len(batches)).tolist():
                yield batches[number]

    def state_dict(self) -> dict[str, Tensor]:
        """Return what decides the orders that come next; `DataLoader.state_dict` has it too."""
        return {"generator": self._source().state()} if self.shuffle else {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with the orders that follow the point where `state` was taken.

        Raises
        ------
        ValueError
            For a state that `state_dict` of a sampler with the same `shuffle` did not return.
        """
        expected = {"generator"} if self.shuffle else set()
        if state.keys() != expected:
            raise ValueError(
                f"BucketBatchSampler.load_state_dict: expected {sorted(expected)}, got "
                f"{sorted(state)}"
            )
        if self.shuffle:
            if self._generator is None:
                self._generator = Generator(0)
            self._generator.set_state(state["generator"])

    def _source(self) -> Generator:
        if self._generator is None:
            self._generator = Generator(int(randint(0, 2**53, ()).item()))
        return self._generator

    def _cut(self, numbers: npt.NDArray[np.int64]) -> Iterator[list[int]]:
        numbers = numbers[np.argsort(self.lengths[numbers], kind="stable")]
        for start in range(0, numbers.size, self.batch_size):
            batch = numbers[start : start + self.batch_size]
            if batch.size == self.batch_size or not self.drop_last:
                yield batch.tolist()

    def _permutation(self, size: int) -> npt.NDArray[np.int64]:
        return np.asarray(permutation(size, generator=self._source()))


def _sequence(number: int, sequence: Any) -> npt.NDArray[Any]:
    array = np.asarray(sequence)
    if array.dtype.kind in "USO":
        raise TypeError(
            f"pad_sequences: expected sequence {number} of numbers, got {sequence!r:.50}; "
            "encode tokens with a Vocabulary first"
        )
    if array.ndim == 0:
        raise ValueError(f"pad_sequences: expected sequence {number} (T, ...), got a number")
    return array
