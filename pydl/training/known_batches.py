"""Single batches like the one before: what `train_on_batch` need not look at again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pydl._core import Tensor, asarray
from pydl.training.layout import Layout, layout_of
from pydl.training.mode import KnownModes
from pydl.training.steps import StepOptions

# What a column was given as (class, dtype, shape of a sample), and the dtype that it gets.
_Kind = tuple[Any, Any, tuple[int, ...], Any]


class KnownBatch(NamedTuple):
    """A form of batches, with the layout and options of its step, and the modes of the model."""

    layout: Layout
    kinds: tuple[_Kind, ...]
    options: StepOptions
    modes: KnownModes

    def columns(self, given: Sequence[Any]) -> tuple[Tensor, ...] | None:
        """Return arrays of this form as tensors; None for others."""
        columns, sizes = [], set()
        for value, kind in zip(given, self.kinds, strict=True):
            if value.__class__ is not kind[0] or value.dtype != kind[1]:
                return None
            if not value.shape or value.shape[1:] != kind[2]:
                return None
            sizes.add(value.shape[0])
            columns.append(_converted(value, kind[3]))
        return tuple(columns) if len(sizes) == 1 and sizes != {0} else None


class KnownBatches:
    """The last form of batches of each verb.

    Batches of a known form run the program that the form had. There is one only while the model
    and its optimiser are as they were, so that nothing of these is looked at before.
    """

    def __init__(self) -> None:
        self._known: dict[str, KnownBatch] = {}

    def learn(
        self,
        verb: str,
        given: Sequence[Any],
        columns: Sequence[Tensor],
        options: StepOptions,
        modes: KnownModes,
    ) -> None:
        """Remember the form of what was given, if that becomes columns by its dtype alone."""
        self._known.pop(verb, None)
        kinds = []
        for value, column in zip(given, columns, strict=True):
            if value.__class__ is not Tensor and value.__class__ is not np.ndarray:
                return
            plain = value.dtype if isinstance(value, Tensor) else asarray(value).dtype
            if plain != column.dtype and not (plain.is_floating and column.dtype.is_floating):
                return  # such as classes that were floats, which are looked at
            target = None if plain == column.dtype else column.dtype
            kinds.append((value.__class__, value.dtype, tuple(value.shape[1:]), target))
        self._known[verb] = KnownBatch(options.layout, tuple(kinds), options, modes)

    def run(self, verb: str, run: Callable[..., Any], *parts: Any) -> tuple[Any, int] | None:
        """Run the step of a verb on inputs, targets and weights, if there is a program for them.

        Returns what the step returned, and the number of samples; None where there is none.
        """
        known = self._known.get(verb)
        if known is None or not known.modes.are_right():
            return None
        given, layout = layout_of(*parts)
        if layout != known.layout:
            return None
        columns = known.columns(given)
        if columns is None:
            return None
        with known.modes.scope():
            result = run(verb, columns, known.options)
        return None if result is None else (result[0], layout.size_of(columns))


def _converted(value: Any, dtype: Any) -> Tensor:
    column = asarray(value).detach().contiguous()
    return column if dtype is None else column.to(dtype)
