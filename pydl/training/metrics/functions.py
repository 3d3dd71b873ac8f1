"""Means of functions (output, target) over samples, and the cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl._core import Tensor, where
from pydl._warnings import warn
from pydl.nn import functional
from pydl.training.additivity import is_additive
from pydl.training.alignment import Alignment
from pydl.training.losses import Loss
from pydl.training.metrics.base import Metric, weights_like

MetricFunction = Callable[[Any, Any], Any]


class FunctionMean(Metric):
    """The mean of a function (output, target) over samples.

    Of several values the mean over all counts; one value counts as the mean of its batch.
    """

    def __init__(self, function: MetricFunction, name: str, own: bool = False) -> None:
        self.function, self.name = function, name
        self._align = Alignment(f"metric {name!r}")
        self._own = own  # known to be the mean of its samples, and to take shapes like the output's
        self._tried = own

    def _target(self, output: Any, target: Any) -> Any:
        """Return the target to measure with; try, the first time, what kind of function it is."""
        if self._own:
            return Loss(self.function, regression=True).aligned(output, target)
        if not self._tried and isinstance(output, Tensor) and isinstance(target, Tensor):
            self._tried = True
            target = self._align(self.function, output, target)
            if is_additive(self.function, output, target) is False:
                warn(
                    f"metric {self.name!r} is reported as a mean over batches, but for all samples "
                    "together it is something else; derive it from pydl.training.Metric to get "
                    "that",
                )
        return self._align(self.function, output, target)

    def totals(self, output: Any, target: Any, sample_weight: Any = None) -> Any:
        if sample_weight is not None:
            return self._weighted(output, target, sample_weight)
        value = self._value(output, target)
        if value.ndim > 0:
            return value.sum(), _core.full((), value.size, dtype="float32")
        count = target.shape[0] if isinstance(target, Tensor) and target.ndim else 1
        return value * count, _core.full((), count, dtype="float32")

    def _weighted(self, output: Any, target: Any, sample_weight: Any) -> Any:
        options = {"reduction": "none"} if self._own else {}
        value = self._value(output, target, **options)
        if value.ndim == 0:
            raise ValueError(
                f"metric {self.name!r} gives one value for the whole batch, which weights of "
                "samples cannot weigh; let it return one for each sample, of shape (N,)"
            )
        weights = weights_like(self.name, sample_weight, value.shape)
        spread = _core.broadcast_to(weights, value.shape)
        return (value * spread).sum(), spread.sum()

    def _totals_of(self, output: Any, target: Any, plain: bool) -> Any:
        value = self._value(output, target)
        if value.ndim > 0:
            return value.sum(), _core.full((), value.size, dtype="float32")
        return value

    def _sums(self, values: Sequence[Any], samples: int) -> Sequence[Any]:
        return (values[0] * samples, samples) if len(values) == 1 else values

    def _value(self, output: Any, target: Any, **options: Any) -> Tensor:
        value = self.function(output, self._target(output, target), **options)
        if not isinstance(value, Tensor):
            if not isinstance(value, (bool, int, float, np.ndarray, np.generic)):
                raise TypeError(
                    f"metric {self.name!r}: expected a tensor or a number, got "
                    f"{type(value).__name__}"
                )
            value = _core.asarray(value)
        return value if value.dtype.is_floating else value.to("float32")

    def result(self, total: Any, count: Any) -> Any:
        return total / count


class _CrossEntropy(Metric):
    """The cross-entropy of logits, over the labels that count."""

    name = "cross_entropy"

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def totals(self, output: Any, target: Any) -> Any:
        count = self._loss.counted(target)
        value = functional.cross_entropy(output, target)
        if count is None:
            return value * target.shape[0], _core.full((), target.shape[0], dtype="float32")
        return where(count > 0, value * count, 0.0), count

    def result(self, total: Any, count: Any) -> Any:
        return total / count
