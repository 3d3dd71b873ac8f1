"""Accumulation: one update by the gradients of several batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.training.layout import Layout
from pydl.training.nonfinite import Watch, copies_of_buffers, is_usable, put_back
from pydl.training.sources import Source

if TYPE_CHECKING:
    from pydl.training.trainer import Trainer

Gradients = list[Tensor | None]


class AccumulatingStep:
    """Add the gradients of a group of batches, then update.

    The update is that of one large batch: a batch is weighted by how much of it counts, its samples
    or the labels that are not ignored, and the sum is divided by what counts in the group, which is
    known in the end. Until then it is divided by the number of samples that the group is expected
    to have. Where outputs differ in what counts, each such loss has a sum of its own. The last
    group of an epoch has what is left.
    """

    def __init__(self, trainer: Trainer, source: Source, count: int, watch: Watch) -> None:
        self._trainer, self._source, self._count = trainer, source, count
        self._watch, self._options = watch, trainer._options(source)
        self._restored: dict[str, Tensor] = {}
        self._number = 0  # of the batch within its epoch
        self._begin_group()

    def _begin_group(self) -> None:
        self._waiting = 0  # batches whose gradients wait for others of their group
        self._spoilt = False  # whether the group has a batch that is not finite
        self._expected = 0  # samples in the group
        # For each term of the loss: what has counted, or None of a sum, which is not divided; and
        # of those after the first, whose sums the parameters have, the sums of gradients.
        self._counts: list[float | None] = []
        self._others: list[Gradients] = []

    def begin(self, number: int) -> None:
        """Take note of the number of the first batch of an epoch: 0, or that of one restored."""
        self._number = number
        self._begin_group()
        if self._restored:
            self._restore(self._restored)
        self._restored = {}

    def is_within_group(self) -> bool:
        """Whether there are gradients that wait for other batches."""
        return self._waiting > 0

    def end(self) -> None:
        """Update by what is left where data ended within a group, as streams do unforeseen."""
        if self._waiting:
            self._end_group()

    def __call__(self, columns: tuple[Any, ...], layout: Layout) -> tuple[Any, bool]:
        """Take one batch; returns its values, and whether it counts."""
        place = self._number % self._count
        samples = layout.size_of(columns)
        if self._waiting == 0:
            self._expected = self._samples_of_group(self._number - place, samples)
        options = self._options(layout)._replace(first=self._waiting == 0)
        buffers = copies_of_buffers(self._trainer.model) if self._watch.guards else []
        values, finite, others = self._trainer._run(
            "gradients", columns, options, _core.tensor(1.0 / self._expected, dtype="float64")
        )
        self._number += 1
        self._waiting += 1
        self._add(values, others, samples)
        made = self._is_usable(values, finite, columns, layout)
        if not made:
            put_back(buffers)
        if place == self._group_size(self._number - 1 - place) - 1:
            self._end_group()
        return values, made

    def _samples_of_group(self, first: int, samples: int) -> int:
        known = self._source.samples_of_group(first, self._count)
        return known if known else samples * self._group_size(first)

    def _group_size(self, first: int) -> int:
        batches = self._source.batches
        return self._count if batches is None else min(self._count, batches - first)

    def _add(self, values: Any, others: list[Gradients], samples: int) -> None:
        """Add what counts in a batch, and the gradients of other terms than the first."""
        counts = [
            None if term.is_sum else samples if term.counted is None else float(term.counted)
            for term in self._trainer._terms(values)
        ]
        if not self._counts:
            self._counts, self._others = list(counts), others
            return
        for i, count in enumerate(counts):
            known = self._counts[i]
            self._counts[i] = None if known is None or count is None else known + count
        with no_grad():
            self._others = [
                list(map(_sum, *pair)) for pair in zip(self._others, others, strict=True)
            ]

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
        spoilt, factors = self._spoilt, list(map(self._factor, self._counts))
        parameters = self._trainer._learning()
        if not spoilt and (self._others or factors[0] != 1):
            with no_grad():
                for i, parameter in enumerate(parameters):
                    sums = [parameter.grad, *(gradients[i] for gradients in self._others)]
                    total: Tensor | None = None
                    for gradient, factor in zip(sums, factors, strict=True):
                        total = _sum(total, None if gradient is None else gradient * factor)
                    parameter.grad = total
        self._begin_group()
        if spoilt:
            self._trainer.model.zero_grad()
        else:
            self._trainer._run("update", ())

    def _factor(self, count: float | None) -> float:
        """Return the share of the expected samples that has counted, inverted."""
        # Where nothing has counted, gradients are zero, and stay so.
        return self._expected / count if count else 1.0

    # --- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Return the gradients that wait, and what has counted in them; nothing between groups."""
        if not self._waiting:
            return {}
        counts = [-1.0 if count is None else count for count in self._counts]
        numbers = [self._waiting, int(self._spoilt), self._expected, *counts]
        state = {"numbers": _core.tensor(numbers, dtype="float64")}
        for i, gradients in enumerate([self._own_gradients(), *self._others]):
            for j, gradient in enumerate(gradients):
                if gradient is not None:
                    state[f"{i}.{j}"] = gradient
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned, for the epoch that begins next."""
        self._restored = dict(state)

    def _restore(self, state: Mapping[str, Tensor]) -> None:
        waiting, spoilt, expected, *counts = state["numbers"].tolist()
        self._waiting, self._spoilt, self._expected = int(waiting), bool(spoilt), int(expected)
        self._counts = [None if count < 0 else count for count in counts]
        parameters = self._trainer._learning()
        first, *self._others = (
            [state.get(f"{i}.{j}") for j in range(len(parameters))] for i in range(len(counts))
        )
        for parameter, gradient in zip(parameters, first, strict=True):
            parameter.grad = gradient

    def _own_gradients(self) -> Gradients:
        return [parameter.grad for parameter in self._trainer._learning()]


def _sum(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Return the sum of gradients, of which None are zero."""
    if first is None or second is None:
        return second if first is None else first
    return first + second
