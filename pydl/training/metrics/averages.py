"""Loss and metrics over the batches of an epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl._core import Tensor, asarray, tensor
from pydl.training.metrics.base import Array, added, joined, keeps_samples

if TYPE_CHECKING:
    from pydl.training.objective import Objective


_MORE = "more/"  # the beginning of names in a state


def numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that are one number each."""
    return {name: value for name, value in logs.items() if not isinstance(value, np.ndarray)}


class Averages:
    """Loss and metrics over the batches so far.

    Values stay tensors until they are read, so that adding them costs nothing. `look` is called
    with their names after the first batch.
    """

    _most_pending = 256

    def __init__(
        self, objective: Objective, look: Callable[[Sequence[str]], None] | None = None
    ) -> None:
        self._look = look
        self._metrics = objective.metrics
        self._parts = [(f"{part.name}_loss", part.weight) for part in objective.reported]
        # Of the loss and of those of outputs: sums weighted by what counts, and the weights. Where
        # outputs have losses, the first has only what is added to them, such as penalties.
        self._losses = [[0.0, 0.0] for _ in range(1 + len(self._parts))]
        # What a loss of one's own reports besides.
        self._more = Means() if objective.own_loss else None
        self._states: dict[str, list[list[Array]]] = {}
        self._pending: list[tuple[Sequence[Any], int]] = []
        self._batches = 0

    def add(self, values: Sequence[Any], weight: int) -> None:
        """Take what a step returned for a batch of that many samples."""
        self._pending.append((values, weight))
        self._batches += 1
        # The first batch shows whether the metrics fit the data at all.
        if len(self._pending) >= self._most_pending or self._batches == 1:
            self._drain()
            if self._batches == 1:
                names = list(self.result())
                if self._look is not None:
                    self._look(names)

    def add_only(self, values: Sequence[Any], weight: int) -> None:
        """Take the only batch; what `add` looks at, the result does at once."""
        self._pending.append((values, weight))
        self._batches = 1

    @property
    def batches(self) -> int:
        """How many were added."""
        return self._batches

    def loss(self) -> float | None:
        """Return the loss so far; None where nothing has counted yet."""
        self._drain()
        total, counted = self._losses[0]
        if not self._parts:
            return total / counted if counted else None
        loss = self.result(brief=True)["loss"]
        return None if math.isnan(loss) and not counted else loss

    def _drain(self) -> None:
        pending, self._pending = self._pending, []
        sums: dict[str, list[Any]] = {}  # of metrics whose totals are numbers
        count, add = len(self._losses), self._add_losses if self._parts else self._add_loss
        for values, weight in pending:
            add(values, weight)
            if self._more is not None and values[-1].__class__ is dict:
                self._more.add(values[-1], weight)
                values = values[:-1]
            if not self._metrics:
                continue
            for (name, metric), given in zip(self._metrics.items(), values[count:], strict=True):
                # Most are single numbers, which are read the quickest way.
                numbers = [float(value) if value.ndim == 0 else value for value in given]
                totals = metric._sums(numbers, weight)
                if metric.merges != "sum" or any(isinstance(total, Tensor) for total in totals):
                    self._states[name] = added(metric, self._states.get(name), totals)
                    continue
                known = sums.setdefault(name, [0.0] * len(totals))
                for i, total in enumerate(totals):
                    known[i] += total
        for name, numbers in sums.items():
            self._states[name] = added(self._metrics[name], self._states.get(name), numbers)
        if pending:
            for name, state in self._states.items():
                # What keeps every sample is not joined for this.
                if not keeps_samples(self._metrics[name], len(state)):
                    self._metrics[name].check(*joined(state))

    def _add_loss(self, values: Sequence[Sequence[Tensor]], samples: int) -> None:
        """Add a single loss: the fast path of every step."""
        loss, sums = values[0], self._losses[0]
        counted = samples if len(loss) == 1 else float(loss[1])
        if counted > 0:  # where nothing counts, the loss is 0 / 0
            sums[0] += float(loss[0]) * counted
            sums[1] += counted

    def _add_losses(self, values_of_step: Sequence[Sequence[Tensor]], samples: int) -> None:
        """Add the losses of several outputs, and terms such as penalties."""
        losses = values_of_step[: len(self._losses)]
        values = [float(loss[0]) for loss in losses]
        counts = [float(loss[1]) if len(loss) > 1 else samples for loss in losses]
        for (_, share), value in zip(self._parts, values[1:], strict=True):
            values[0] -= share * value
        if min(counts[1:]) <= 0:
            counts[0] = 0  # what is added to the losses cannot be told from a loss of 0 / 0
        for sums, counted, value in zip(self._losses, counts, values, strict=True):
            if counted > 0:
                sums[0] += value * counted
                sums[1] += counted

    def result(self, *, brief: bool = False) -> dict[str, Any]:
        """Return the values so far; NaN before the first batch.

        Metrics of several values give arrays. A brief result is without these, and without metrics
        that keep every sample, which take long to compute.
        """
        self._drain()
        total, *losses = (sums / count if count else math.nan for sums, count in self._losses)
        if losses and self._batches and not self._losses[0][1]:
            total = 0.0  # it was never known, because no batch had targets for all outputs
        values = {"loss": total}
        for (name, share), loss in zip(self._parts, losses, strict=True):
            values["loss"] += share * loss
            values[name] = loss
        if self._more is not None:
            values |= self._more.result()
        with np.errstate(divide="ignore", invalid="ignore"):
            for name, metric in self._metrics.items():
                state = self._states.get(name)
                if state is None:
                    values[name] = math.nan
                elif not (brief and keeps_samples(metric, len(state))):
                    value = np.asarray(metric.result(*joined(state)), np.float64)
                    if value.size == 1:
                        values[name] = float(value.reshape(()))
                    elif not brief:
                        values[name] = value.copy()
        return values

    def state_dict(self) -> dict[str, Tensor]:
        """Return the sums so far, from which `load_state_dict` goes on."""
        self._drain()
        numbers = [float(self._batches), *(number for pair in self._losses for number in pair)]
        state = {"numbers": tensor(numbers, dtype="float64")}
        if self._more is not None:
            state |= {f"{_MORE}{name}": sums for name, sums in self._more.state_dict().items()}
        for name, parts in self._states.items():
            for i, part in enumerate(joined(parts)):
                state[f"{name}.{i}"] = asarray(np.asarray(part))
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state that `state_dict` returned."""
        batches, *numbers = state["numbers"].tolist()
        self._losses = [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        self._batches, self._pending, self._states = int(batches), [], {}
        if self._more is not None:
            start = len(_MORE)
            more = {name[start:]: v for name, v in state.items() if name.startswith(_MORE)}
            self._more.load_state_dict(more)
        for name in self._metrics:
            count = sum(key.rpartition(".")[0] == name for key in state)
            if count:
                found = (np.array(state[f"{name}.{i}"].numpy(), np.float64) for i in range(count))
                self._states[name] = [[part] for part in found]


class Means:
    """Means over samples of what a custom training step returns for each batch."""

    def __init__(self) -> None:
        self._pending: list[tuple[Mapping[str, Any], int]] = []
        self._sums: dict[str, list[float]] = {}
        self.batches = 0

    def add(self, values: Mapping[str, Any], weight: int) -> None:
        """Take the values of a batch with this number of samples."""
        self._pending.append((values, weight))
        self.batches += 1
        if len(self._pending) >= Averages._most_pending:
            self._drain()

    add_only = add

    def loss(self) -> float | None:
        """Return the mean of "loss" so far; None where there is none."""
        return self.result().get("loss")

    def state_dict(self) -> dict[str, Tensor]:
        """Return the sums so far, from which `load_state_dict` goes on."""
        self._drain()
        state = {name: tensor(sums, dtype="float64") for name, sums in self._sums.items()}
        return {**state, "": tensor([self.batches], dtype="int64")}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state that `state_dict` returned."""
        self._sums = {name: value.tolist() for name, value in state.items() if name}
        self.batches, self._pending = int(state[""].item()), []

    def _drain(self) -> None:
        pending, self._pending = self._pending, []
        for values, weight in pending:
            for name, value in values.items():
                known = self._sums.setdefault(name, [0.0, 0.0])
                known[0] += float(value) * weight
                known[1] += weight

    def result(self, *, brief: bool = False) -> dict[str, float]:
        """Return the values so far."""
        self._drain()
        return {name: total / count for name, (total, count) in self._sums.items()}
