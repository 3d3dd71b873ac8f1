"""Metrics by name, and their averages over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydl._core import Tensor, argmax
from pydl.nn import functional
from pydl.training.losses import Loss

MetricFunction = Callable[[Any, Any], Tensor]


class Accuracy:
    """Share of right decisions.

    Classes are argmax over axis 1 of the output (N, K, ...); the target has class indices (N, ...)
    or is of the output's shape (one-hot). An output (N,) or (N, 1), or a `binary` loss, means
    decisions of their own: right where output > threshold agrees with target > 0.5.
    """

    def __init__(self, threshold: float = 0.5, binary: bool = False) -> None:
        self.threshold, self.binary = threshold, binary

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        same_shape = output.shape == target.shape
        if self.binary or output.ndim < 2 or output.shape[1] == 1:
            if not same_shape:
                target = target.reshape(*output.shape)
            right = (output > self.threshold) == (target > 0.5)
        else:
            right = argmax(output, axis=1) == (argmax(target, axis=1) if same_shape else target)
        return right.astype("float32").mean()


_BY_NAME: dict[str, MetricFunction] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "mean_squared_error": functional.mse_loss,
    "mean_absolute_error": functional.l1_loss,
    "cross_entropy": functional.cross_entropy,
}


def get_all(
    metrics: Sequence[str | MetricFunction] | None, loss: Loss
) -> dict[str, MetricFunction]:
    """Metric functions by the names under which they are reported.

    Raises
    ------
    ValueError
        For a name that is not known, or taken.
    TypeError
        For something that cannot be called.
    """
    found: dict[str, MetricFunction] = {}
    for metric in [metrics] if isinstance(metrics, str) else metrics or ():
        name, function = _named(metric, loss)
        if name in found or name == "loss":
            raise ValueError(f"compile: there is a metric named {name!r} already")
        found[name] = function
    return found


def _named(metric: str | MetricFunction, loss: Loss) -> tuple[str, MetricFunction]:
    if metric in ("accuracy", "acc"):
        threshold = 0.0 if loss.output == "logits" else 0.5
        return "accuracy", Accuracy(threshold, loss.binary)
    if isinstance(metric, str):
        if metric not in _BY_NAME:
            raise ValueError(
                f"compile: expected a metric of accuracy, {', '.join(_BY_NAME)}; got {metric!r}"
            )
        return metric, _BY_NAME[metric]
    if not callable(metric):
        raise TypeError(f"compile: expected a metric name or function, got {metric!r}")
    return getattr(metric, "__name__", type(metric).__name__), metric


class Averages:
    """Means of loss and metrics over batches, weighted by the batches' sizes.

    Values stay tensors until somebody asks, so that adding them costs nothing.
    """

    _most_pending = 256

    def __init__(self, names: Iterable[str]) -> None:
        self._sums = dict.fromkeys(names, 0.0)
        self._pending: list[tuple[Sequence[Tensor], int]] = []
        self._weight = 0

    def add(self, values: Sequence[Tensor], weight: int) -> None:
        """Take the values of one batch, in the order of the names."""
        self._pending.append((values, weight))
        if len(self._pending) >= self._most_pending:
            self._drain()

    def _drain(self) -> None:
        for values, weight in self._pending:
            for name, value in zip(self._sums, values, strict=True):
                self._sums[name] += float(value) * weight
            self._weight += weight
        self._pending.clear()

    def result(self) -> dict[str, float]:
        """Means so far; not-a-number before the first batch."""
        self._drain()
        if self._weight == 0:
            return dict.fromkeys(self._sums, float("nan"))
        return {name: total / self._weight for name, total in self._sums.items()}
