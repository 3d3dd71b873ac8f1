"""Accumulation: one update by the gradients of several batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.training.layout import Layout, takes_keywords
from pydl.training.nonfinite import Watch, copies_of_buffers, is_usable, put_back
from pydl.training.sources import Source
from pydl.training.steps import StepOptions

if TYPE_CHECKING:
    from pydl.training.trainer import Trainer


class AccumulatingStep:
    """Add the gradients of a group of batches, then update.

    The gradients of a batch are weighted by its share of the samples of its group, so that the
    update is that of one large batch, where all of their targets count. The last group of an epoch
    has what is left. Where the number of samples is not known beforehand, batches have equal
    shares.
    """

    def __init__(self, trainer: Trainer, source: Source, count: int, watch: Watch) -> None:
        self._trainer, self._source, self._count = trainer, source, count
        self._watch = watch
        self._number = 0  # of the batch within its epoch
        self._waiting = 0  # batches whose gradients wait for others of their group
        self._spoilt = False  # whether the group has a batch that is not finite

    def begin(self, number: int) -> None:
        """Set the number of the first batch of an epoch: 0, unless a training was restored."""
        self._number, self._waiting, self._spoilt = number, 0, False

    def is_within_group(self) -> bool:
        """Whether there are gradients that wait for other batches."""
        return self._waiting > 0

    def end(self) -> None:
        """Update with the batches of an unfinished group, where a stream ended unexpectedly."""
        if not self._waiting:
            return
        # Their shares were those of a full group.
        more = self._group_size(self._number - self._waiting) / self._waiting
        with no_grad():
            for parameter in self._trainer.model.parameters():
                if parameter.grad is not None:
                    parameter.grad.copy_(parameter.grad * more)
        self._end_group()

    def __call__(self, columns: tuple[Any, ...], layout: Layout) -> tuple[Any, bool]:
        """Take one batch; returns its values, and whether it counts."""
        place = self._number % self._count
        samples = layout.size_of(columns)
        group = self._source.samples_of_group(self._number - place, self._count)
        size = self._group_size(self._number - place)
        share = samples / group if group else 1.0 / size
        keywords = takes_keywords(self._trainer.model, layout.inputs)
        options = StepOptions(layout, keywords, False, first=place == 0)
        buffers = copies_of_buffers(self._trainer.model) if self._watch.guards else []
        values, finite = self._trainer._run(
            "gradients", columns, options, _core.tensor(share, dtype="float64")
        )
        self._number += 1
        self._waiting += 1
        made = self._is_usable(values, finite, columns, layout)
        if not made:
            put_back(buffers)
        if place == size - 1:
            self._end_group()
        return values, made

    def _group_size(self, first: int) -> int:
        batches = self._source.batches
        return self._count if batches is None else min(self._count, batches - first)

    def _is_usable(self, values: Any, finite: Tensor, columns: Any, layout: Layout) -> bool:
        if is_usable(self._trainer, values, finite):
            self._watch.accept()
            return True
        if self._watch.guards:
            self._spoilt = True
            self._watch.refuse(columns, layout, float(values[0][0]))
            return False
        self._watch.look(values, columns, layout)
        return True

    def _end_group(self) -> None:
        self._waiting = 0
        if self._spoilt:
            self._spoilt = False
            self._trainer.model.zero_grad()
        else:
            self._trainer._run("update", ())
