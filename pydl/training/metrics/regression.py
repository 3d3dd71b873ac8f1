"""Metrics of numbers: errors of regressions, and the likeness of vectors."""

from __future__ import annotations

from typing import Any

from pydl import _core
from pydl._core import Tensor
from pydl.training.metrics.base import Metric, weights_like


class _ErrorMean(Metric):
    """The mean of an error over all elements; outputs and targets are of one shape.

    (N,) and (N, 1) are the same, as in the losses of models.
    """

    def _error(self, output: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    def _pair(self, output: Any, target: Any) -> tuple[Tensor, Tensor]:
        if not (isinstance(output, Tensor) and isinstance(target, Tensor)):
            raise TypeError(
                f"metric {self.name!r}: expected one tensor as output, got {type(output).__name__}"
            )
        shapes = (output.shape, (*output.shape, 1), output.shape[:-1])
        if target.shape not in shapes or target.size != output.size:
            raise ValueError(
                f"metric {self.name!r}: expected targets of the shape of the output, "
                f"{output.shape}, got {target.shape}"
            )
        return output.to("float64"), target.reshape(output.shape).to("float64")

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        error = self._error(*self._pair(output, target))
        if sample_weight is None:
            return error.sum(), _core.full((), error.size, dtype="float64")
        weights = _core.broadcast_to(
            weights_like(self.name, sample_weight, error.shape), error.shape
        )
        return (error * weights).sum(), weights.sum()

    def result(self, total: Any, count: Any) -> Any:
        return total / count


class MeanSquaredError(_ErrorMean):
    """Mean of (output - target)^2 over all elements.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.MeanSquaredError()
    >>> metric.update(pydl.tensor([1.0, 3.0]), pydl.tensor([1.0, 1.0]))
    >>> metric.compute()
    2.0
    """

    name = "mean_squared_error"

    def _error(self, output: Tensor, target: Tensor) -> Tensor:
        return _core.square(output - target)


class RootMeanSquaredError(MeanSquaredError):
    """Square root of the mean of (output - target)^2 over all elements.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.RootMeanSquaredError()
    >>> metric.update(pydl.tensor([1.0, 3.0]), pydl.tensor([3.0, 1.0]))
    >>> metric.compute()
    2.0
    """

    name = "root_mean_squared_error"

    def result(self, total: Any, count: Any) -> Any:
        return (total / count) ** 0.5


class MeanAbsoluteError(_ErrorMean):
    """Mean of |output - target| over all elements.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.MeanAbsoluteError()
    >>> metric.update(pydl.tensor([1.0, 3.0]), pydl.tensor([1.0, 1.0]))
    >>> metric.compute()
    1.0
    """

    name = "mean_absolute_error"

    def _error(self, output: Tensor, target: Tensor) -> Tensor:
        return _core.abs(output - target)


class MeanAbsolutePercentageError(_ErrorMean):
    """Mean of 100 |output - target| / max(|target|, 1e-7) over all elements, as in Keras.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.MeanAbsolutePercentageError()
    >>> metric.update(pydl.tensor([3.0]), pydl.tensor([2.0]))
    >>> metric.compute()
    50.0
    """

    name = "mean_absolute_percentage_error"

    def _error(self, output: Tensor, target: Tensor) -> Tensor:
        return _core.abs(output - target) / _core.maximum(_core.abs(target), 1e-7) * 100.0


class MeanSquaredLogarithmicError(_ErrorMean):
    """Mean of (log(1 + output) - log(1 + target))^2 over all elements; negatives count as 0.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.MeanSquaredLogarithmicError()
    >>> metric.update(pydl.tensor([3.0]), pydl.tensor([1.0]))
    >>> round(metric.compute(), 4)
    0.4805
    """

    name = "mean_squared_logarithmic_error"

    def _error(self, output: Tensor, target: Tensor) -> Tensor:
        first, second = (_core.log1p(_core.maximum(x, 0.0)) for x in (output, target))
        return _core.square(first - second)


class R2(_ErrorMean):
    """Coefficient of determination: 1 - sum((output - target)^2) / sum((target - mean)^2).

    Of all elements together. 1 for outputs without error; where all targets are equal, it is
    NaN, or -infinity if there are errors. Sums are of float64.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.R2()
    >>> metric.update(pydl.tensor([1.0, 2.0, 4.0]), pydl.tensor([1.0, 2.0, 3.0]))
    >>> metric.compute()
    0.5
    """

    name = "r2"

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        x, t = self._pair(output, target)
        weights = _core.ones_like(t)
        if sample_weight is not None:
            weights = weights * weights_like(self.name, sample_weight, t.shape)
        return (
            (weights * _core.square(x - t)).sum(),
            weights.sum(),
            (weights * t).sum(),
            (weights * _core.square(t)).sum(),
        )

    def result(self, *totals: Any) -> Any:
        error, count, total, squares = totals
        return 1 - error / (squares - total * total / count)


class CosineSimilarity(_ErrorMean):
    """Mean of the cosines of the angles between outputs and targets, vectors along the last axis.

    A norm below 1e-8 counts as that.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.CosineSimilarity()
    >>> metric.update(pydl.tensor([[1.0, 0.0]]), pydl.tensor([[2.0, 0.0]]))
    >>> metric.compute()
    1.0
    """

    name = "cosine_similarity"

    def _error(self, output: Tensor, target: Tensor) -> Tensor:
        return _core.nn.cosine_similarity(output, target, -1)
