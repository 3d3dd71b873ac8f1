"""Where batches come from: loaders, and streams of batches such as generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydl._core import Tensor
from pydl._warnings import warn
from pydl.data import DataLoader, Subset, TensorDataset
from pydl.training.layout import Layout, inputs_layout, unpack

Columns = tuple[Any, ...]
BatchOf = tuple[Columns, Layout]


class Source:
    """Batches as columns with their layout, epoch after epoch.

    Attributes
    ----------
    batches : int or None
        How many there are in an epoch, where that is known.
    loader : DataLoader or None
        What makes the batches, if that is one.
    ended : bool
        Whether no more epochs can come.
    """

    batches: int | None = None
    loader: DataLoader | None = None
    ended = False

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        """Iterate over the batches of the next epoch, of which some were given out before."""
        raise NotImplementedError

    def samples_of_group(self, first: int, count: int) -> int | None:
        """Return how many samples batches from number `first` have, where that is known."""
        return None


class LoaderSource(Source):
    """The batches of a DataLoader.

    Parameters
    ----------
    loader : DataLoader
        What makes the batches.
    layout : Layout or None
        That of batches that are flat tuples; of others it is found batch by batch.
    steps : int or None
        Batches in an epoch that is not one pass: the next epoch goes on within the pass.
    """

    def __init__(self, loader: DataLoader, layout: Layout | None, steps: int | None) -> None:
        self.loader: DataLoader = loader
        self.layout, self._steps = layout, steps
        self.batches = len(loader) if steps is None else steps
        self._rest: Iterator[Any] | None = None

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        if self._steps is None:
            return self._pass()  # the loader knows what is left
        return self._within_passes(self._steps - made)

    def _pass(self) -> Iterator[BatchOf]:
        layout = self.layout
        if layout is None:
            for batch in self.loader:
                yield unpack(batch)
        else:
            for batch in self.loader:
                yield batch, layout

    def _within_passes(self, steps: int) -> Iterator[BatchOf]:
        for _ in range(steps):
            if self._rest is None:
                self._rest = self._pass()
            batch = next(self._rest, None)
            if batch is None:
                self._rest = self._pass()
                batch = next(self._rest)
            yield batch

    def first(self, steps: int | None) -> LoaderSource:
        """Return a source of the first batches of each pass: what validation takes."""
        return _FirstBatches(self.loader, self.layout, steps) if steps is not None else self

    def samples_of_group(self, first: int, count: int) -> int | None:
        loader = self.loader
        if loader.batch_sampler is not None or self._steps is not None:
            return None
        start = first * loader.batch_size
        return min(start + count * loader.batch_size, loader.sample_count) - start

    def columns(self) -> tuple[Tensor, ...] | None:
        """Return the whole columns, where batches are their rows, unchanged."""
        data = self.loader.dataset
        while isinstance(data, Subset):
            data = data.dataset
        changed = self.loader.collate_fn is not None or self.loader.augment is not None
        return None if changed or not isinstance(data, TensorDataset) else data.columns

    def as_inputs(self) -> Source:
        """Return the batches without targets: what `predict` takes."""
        return _Inputs(self)


class _FirstBatches(LoaderSource):
    """The first batches of each pass."""

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        assert self.batches is not None
        batches = self._pass()
        for _, batch in zip(range(self.batches), batches, strict=False):
            yield batch


class _Inputs(Source):
    """Batches of which all flat columns are inputs, as `predict` takes them."""

    def __init__(self, of: LoaderSource) -> None:
        self._of, self.batches = of, of.batches

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        if self._of.layout is not None:
            yield from self._of.epoch()
            return
        for batch in self._of.loader:
            columns, layout = unpack(batch)
            if isinstance(batch, tuple) and len(columns) == len(batch):
                layout = inputs_layout(len(columns))
            yield columns, layout


class StreamSource(Source):
    """Batches of something that is iterable: a generator, or an object with `__iter__`.

    With `steps`, an epoch has this many batches, and the next epoch goes on; otherwise an epoch
    is one pass. A generator can be passed over once.
    """

    def __init__(
        self, verb: str, stream: Any, steps: int | None, convert: Callable[[Any], Tensor]
    ) -> None:
        self._verb, self._stream, self._convert = verb, stream, convert
        self.batches = steps if steps is not None else _length(stream)
        self._steps = steps
        self.single_pass = isinstance(stream, Iterator)
        self._iterator: Iterator[Any] | None = None

    @property
    def ends_after_one(self) -> bool:
        """Whether there is nothing left after one epoch."""
        return self.single_pass and self._steps is None

    def first(self, steps: int | None) -> StreamSource:
        """Return at most this many batches: of each pass, or of what is left of a generator."""
        if steps is None:
            return self
        return _FirstOfStream(self._verb, self._stream, steps, self._convert)

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        if self._steps is None:
            for batch in self._stream:
                yield self._converted(batch)
            self.ended = self.single_pass
            return
        for number in range(made, self._steps):
            batch = self._next()
            if batch is None:
                self.ended = True
                warn(
                    f"{self._verb}: the data ended after {number} of {self._steps} steps of an "
                    "epoch; let the generator go on for ever, or give fewer steps_per_epoch",
                )
                return
            yield self._converted(batch)

    def _next(self) -> Any:
        """Return the next batch; None where there is none."""
        if self._iterator is None:
            self._iterator = iter(self._stream)
        batch = next(self._iterator, None)
        if batch is None and not self.single_pass:
            self._iterator = iter(self._stream)
            batch = next(self._iterator, None)
        return batch

    def _converted(self, batch: Any) -> BatchOf:
        columns, layout = unpack(batch)
        return tuple(map(self._convert, columns)), layout


class _FirstOfStream(StreamSource):
    """The first batches of each pass; of a generator, the next ones."""

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        assert self._steps is not None
        for _, batch in zip(range(self._steps), self._stream, strict=False):
            yield self._converted(batch)


class WeightedByClass(Source):
    """Batches with weights of samples by the classes of their targets."""

    def __init__(self, source: Source, weigh: Callable[[Columns, Layout], BatchOf]) -> None:
        self._source, self._weigh = source, weigh
        self.batches, self.loader = source.batches, source.loader

    def epoch(self, made: int = 0) -> Iterator[BatchOf]:
        for columns, layout in self._source.epoch(made):
            yield self._weigh(columns, layout)
        self.ended = self._source.ended

    def samples_of_group(self, first: int, count: int) -> int | None:
        return self._source.samples_of_group(first, count)


def _length(stream: Any) -> int | None:
    try:
        return len(stream)
    except TypeError:
        return None
