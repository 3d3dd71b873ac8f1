"""Loss and metrics over the batches of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydl._core import Tensor, asarray, tensor
from pydl.training.metrics.base import Array, Metric, added, joined, keeps_samples


class Averages:
    """Loss and metrics over the batches so far.

    Values stay tensors until they are read, so that adding them costs nothing.
    """

    _most_pending = 256

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self._loss, self._weight = 0.0, 0.0
        self._states: dict[str, list[list[Array]]] = {}
        self._pending: list[tuple[Sequence[Sequence[Tensor]], int]] = []
        self._batches = 0

    def add(self, values: Sequence[Sequence[Tensor]], weight: int) -> None:
        """Take what a step returned for a batch of that many samples."""
        self._pending.append((values, weight))
        self._batches += 1
        # The first batch shows whether the metrics fit the data at all.
        if len(self._pending) >= self._most_pending or self._batches == 1:
            self._drain()
            if self._batches == 1:
                self.result()

    @property
    def batches(self) -> int:
        """How many were added."""
        return self._batches

    def loss(self) -> float | None:
        """Return the loss so far; None where nothing has counted yet."""
        self._drain()
        return self._loss / self._weight if self._weight else None

    def _drain(self) -> None:
        pending, self._pending = self._pending, []
        sums: dict[str, list[Any]] = {}  # of metrics whose totals are numbers
        for (loss, *metrics), weight in pending:
            counted = float(loss[1]) if len(loss) > 1 else float(weight)
            if counted > 0:  # where nothing counts, the loss is 0 / 0
                self._loss += float(loss[0]) * counted
                self._weight += counted
            if not metrics:
                continue
            for (name, metric), values in zip(self._metrics.items(), metrics, strict=True):
                # Most are single numbers, which are read the quickest way.
                numbers = [float(value) if value.ndim == 0 else value for value in values]
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

    def result(self, *, brief: bool = False) -> dict[str, float]:
        """Return the values so far; not-a-number before the first batch.

        A brief result is without metrics that keep every sample, which take long to compute.
        """
        self._drain()
        values = {"loss": self._loss / self._weight if self._weight else math.nan}
        with np.errstate(divide="ignore", invalid="ignore"):
            for name, metric in self._metrics.items():
                state = self._states.get(name)
                if state is None:
                    values[name] = math.nan
                elif not (brief and keeps_samples(metric, len(state))):
                    values[name] = _number(metric, metric.result(*joined(state)))
        return values

    def state_dict(self) -> dict[str, Tensor]:
        """Return the sums so far, from which `load_state_dict` goes on."""
        self._drain()
        numbers = tensor([self._loss, self._weight, float(self._batches)], dtype="float64")
        state = {"numbers": numbers}
        for name, parts in self._states.items():
            for i, part in enumerate(joined(parts)):
                state[f"{name}.{i}"] = asarray(np.asarray(part))
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned."""
        self._loss, self._weight, batches = state["numbers"].tolist()
        self._batches, self._pending, self._states = int(batches), [], {}
        for name in self._metrics:
            count = sum(key.rpartition(".")[0] == name for key in state)
            if count:
                found = (np.array(state[f"{name}.{i}"].numpy(), np.float64) for i in range(count))
                self._states[name] = [[part] for part in found]


def _number(metric: Metric, value: Any) -> float:
    array = np.asarray(value)
    if array.size != 1:
        raise ValueError(
            f"metric {metric.name!r} has values of shape {array.shape}, but fit and evaluate "
            "report one number each; use its average, or the metric alone, with update and compute"
        )
    return float(array.reshape(()))
