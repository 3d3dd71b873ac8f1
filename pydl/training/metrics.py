"""Metrics: exact values over all samples, whatever the sizes of the batches."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from pydl import _core
from pydl._core import Tensor, argmax, where
from pydl.nn import functional
from pydl.training.additivity import combines_samples, is_additive
from pydl.training.losses import Loss

MetricFunction = Callable[[Any, Any], Any]
MetricT = TypeVar("MetricT", bound="Metric")


class Metric:
    """Base of metrics: numbers that add up over batches, and what to make of their sums.

    A recall, or an F1 score, is not the mean of those of batches, so a function (output, target)
    -> number cannot compute it. A metric counts instead.

    Attributes
    ----------
    name : str
        Under which `fit` and `evaluate` report it; by default the class's name in lower case.

    Examples
    --------
    >>> import pydl
    >>> class F1(pydl.training.Metric):
    ...     def totals(self, output, target):
    ...         found, wanted = output > 0.5, target > 0.5
    ...         return (found & wanted).sum(), found.sum(), wanted.sum()
    ...     def result(self, hits, found, wanted):
    ...         return 2 * hits / (found + wanted)
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1), pydl.nn.Sigmoid())
    >>> model.compile("sgd", "binary_crossentropy", ["accuracy", F1()])
    >>> list(model.evaluate(pydl.ones((4, 2)), pydl.ones((4, 1)), verbose=0))
    ['loss', 'accuracy', 'f1']
    """

    name: str = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = cls.__name__.lower()

    def totals(self, output: Any, target: Any) -> Any:
        """Return a tensor of one element, or several, that are added up over all batches."""
        raise NotImplementedError(f"{type(self).__name__} does not define totals()")

    def result(self, *totals: Any) -> Any:
        """Return the value for the sums of what `totals` returned; by default the only sum.

        The sums are numbers here, for which 0 / 0 is not-a-number, and tensors in program files.
        """
        if len(totals) != 1:
            raise NotImplementedError(f"{type(self).__name__} does not define result()")
        return totals[0]

    def check(self, *totals: Any) -> None:
        """Raise an error for sums that show that the metric does not fit the data."""

    def _bound(self: MetricT, loss: Loss) -> MetricT:
        """Return the metric with what it can know from the loss."""
        return self

    def _totals_of(self, output: Any, target: Any, plain: bool) -> Any:
        """Return the totals, or, for `plain` targets, what `_sums` makes totals of."""
        return self.totals(output, target)

    def _sums(self, values: Sequence[Any], samples: int) -> Sequence[Any]:
        """Return the totals of what `_totals_of` returned for that many samples."""
        return values

    def _values(self, output: Any, target: Any, plain: bool) -> list[Tensor]:
        """Return the totals as a list of tensors of one element."""
        found = self._totals_of(output, target, plain)
        values = [
            _core.asarray(v) for v in (found if isinstance(found, (tuple, list)) else [found])
        ]
        for value in values:
            if value.size != 1:
                raise ValueError(
                    f"metric {self.name!r}: expected totals of one element, got shape {value.shape}"
                )
        return values


class FunctionMean(Metric):
    """The mean of a function (output, target) over samples.

    Of several values the mean over all counts; one value counts as the mean of its batch.
    """

    def __init__(self, function: MetricFunction, name: str, own: bool = False) -> None:
        self.function, self.name = function, name
        self._own = own  # known to be the mean of its samples, and to take shapes like the output's
        self._tried = own

    def _target(self, output: Any, target: Any) -> Any:
        """Return the target to measure with; try, the first time, what kind of function it is."""
        if self._own:
            return Loss(self.function, regression=True).aligned(output, target)
        if not self._tried and isinstance(output, Tensor) and isinstance(target, Tensor):
            self._tried = True
            wanted = combines_samples(self.function, output, target)
            if wanted is not None:
                raise ValueError(
                    f"metric {self.name!r} combines each sample with each, because outputs have "
                    f"shape {output.shape} and targets {target.shape}; give targets of shape "
                    f"{wanted}"
                )
            if is_additive(self.function, output, target) is False:
                warnings.warn(
                    f"metric {self.name!r} is reported as a mean over batches, but for all samples "
                    "together it is something else; derive it from pydl.training.Metric to get "
                    "that",
                    stacklevel=2,
                )
        return target

    def totals(self, output: Any, target: Any) -> Any:
        value = self._value(output, target)
        if value.ndim > 0:
            return value.sum(), _core.full((), value.size, dtype="float32")
        count = target.shape[0] if isinstance(target, Tensor) and target.ndim else 1
        return value * count, _core.full((), count, dtype="float32")

    def _totals_of(self, output: Any, target: Any, plain: bool) -> Any:
        value = self._value(output, target)
        if value.ndim > 0:
            return value.sum(), _core.full((), value.size, dtype="float32")
        return value

    def _sums(self, values: Sequence[Any], samples: int) -> Sequence[Any]:
        return (values[0] * samples, samples) if len(values) == 1 else values

    def _value(self, output: Any, target: Any) -> Tensor:
        value = self.function(output, self._target(output, target))
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


class _Decisions(NamedTuple):
    """What a model decided, element by element."""

    found: Tensor  # bool, or class indices
    wanted: Tensor
    counted: Tensor  # bool: not ignored
    invalid: Tensor  # how many targets are no decisions


class _DecisionMetric(Metric):
    """What metrics of decisions share: how outputs and targets become decisions."""

    def __init__(
        self,
        threshold: float | None = None,
        *,
        binary: bool | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.threshold, self.binary, self.ignore_index = threshold, binary, ignore_index
        self._soft = False

    def _bound(self: MetricT, loss: Loss) -> MetricT:
        bound: Any = copy.copy(self)
        if bound.threshold is None:
            bound.threshold = loss.threshold
        if bound.binary is None:
            bound.binary = loss.binary
        if bound.ignore_index is None:
            bound.ignore_index = -100 if loss.ignore_index is None else loss.ignore_index
        bound._soft = loss.binary
        return bound  # type: ignore[no-any-return]

    def check(self, *totals: Any) -> None:
        if totals[-1] > 0:
            raise ValueError(
                f"metric {self.name!r}: expected targets that are decisions: class indices, "
                f"one-hot rows, or 0 and 1; got {int(totals[-1])} others. Labels that do not count "
                f"are those equal to ignore_index, {self.ignore_index}; for regression, use the "
                "metrics 'mae' or 'mse'"
            )

    def _decide(self, output: Any, target: Any, plain: bool = False) -> _Decisions:
        if not (isinstance(output, Tensor) and isinstance(target, Tensor)):
            raise TypeError(
                f"metric {self.name!r}: expected one tensor as output, got {type(output).__name__}"
            )
        if not (plain or target.dtype.is_floating):
            target = target.to("int64")  # ignore_index is negative
        if self.binary or output.ndim < 2 or output.shape[1] == 1:
            return self._decide_each(output, target)
        if target.shape == output.shape:
            return self._decide_rows(output, target)
        return self._decide_classes(output, target)

    def _decide_each(self, output: Tensor, target: Tensor) -> _Decisions:
        """Each element of the output is a separate decision."""
        if self.threshold is None:
            raise ValueError(
                f"metric {self.name!r}: whether the outputs are logits or probabilities is not "
                f"known from this loss; give pydl.training.{type(self).__name__}(threshold=0.0) "
                "for logits, threshold=0.5 for probabilities"
            )
        if target.shape != output.shape:
            if target.size != output.size or target.shape[0] != output.shape[0]:
                raise ValueError(
                    f"metric {self.name!r}: expected targets of the shape of the output, "
                    f"{output.shape}, got {target.shape}"
                )
            target = target.reshape(output.shape)
        counted: Any = target != self.ignore_index
        valid = (target >= 0) & (target <= 1) if self._soft else (target == 0) | (target == 1)
        invalid = (counted & ~valid).sum()
        return _Decisions(output > self.threshold, target > 0.5, counted, invalid)

    def _decide_rows(self, output: Tensor, target: Tensor) -> _Decisions:
        """Classes along axis 1 of both: one-hot, or probabilities."""
        wide = target.to("float32")
        found, wanted = argmax(output, axis=1), argmax(wide, axis=1)
        wrong = (_core.abs(wide.sum(axis=1) - 1.0) > 1e-3) | (wide < 0).any(axis=1)
        return _Decisions(found, wanted, _core.ones(found.shape, dtype="bool"), wrong.sum())

    def _decide_classes(self, output: Tensor, target: Tensor) -> _Decisions:
        """Classes along axis 1 of the output, class indices as target."""
        expected = (output.shape[0], *output.shape[2:])
        if target.shape == (output.shape[0], 1, *output.shape[2:]):
            target = target.squeeze(1)
        if target.shape != expected:
            raise ValueError(
                f"metric {self.name!r}: outputs of shape {output.shape} expect class indices of "
                f"shape {expected} or one-hot targets of the output's shape, got {target.shape}"
            )
        counted: Any = target != self.ignore_index
        valid = (target >= 0) & (target < output.shape[1])
        if target.dtype.is_floating:
            valid = valid & (_core.floor(target) == target)
        found = argmax(output, axis=1)
        return _Decisions(found, target, counted, (counted & ~valid).sum())


class Accuracy(_DecisionMetric):
    """Share of right decisions, over all samples.

    Classes are argmax over axis 1 of the output (N, K, ...); targets are class indices (N, ...) or
    (N, 1, ...), or of the output's shape (one-hot). An output (N,) or (N, 1) means a decision for
    each element: right where output > threshold agrees with a target of 0 or 1.

    Parameters
    ----------
    threshold : float, optional
        0 for logits, 0.5 for probabilities. By default as the loss, or the last layer, says.
    binary : bool, optional
        Whether each element is a separate decision, also where there are several along axis 1
        (several labels for a sample). By default as the loss says.
    ignore_index : int, optional
        Labels of this value do not count. By default that of the loss, or -100.

    Raises
    ------
    ValueError
        In `fit` and `evaluate`: for targets that are no decisions, such as those of a regression,
        and where a threshold is needed and not known.

    Examples
    --------
    >>> import pydl
    >>> accuracy = pydl.training.Accuracy(threshold=0.0)
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", lambda out, y: ((out - y) ** 2).mean(), [accuracy])
    """

    def totals(self, output: Any, target: Any) -> Any:
        found, wanted, counted, invalid = self._decide(output, target)
        return ((found == wanted) & counted).sum(), counted.sum(), invalid

    def _totals_of(self, output: Any, target: Any, plain: bool) -> Any:
        if not plain:
            return self.totals(output, target)
        found, wanted, _, _ = self._decide(output, target, plain)
        return (found == wanted).to("float32").mean()

    def _sums(self, values: Sequence[Any], samples: int) -> Sequence[Any]:
        return (values[0] * samples, samples, 0) if len(values) == 1 else values

    def result(self, right: Any, count: Any, invalid: Any) -> Any:
        return right / count


class _ClassMetric(_DecisionMetric):
    """Metrics of one class against all others."""

    def __init__(
        self,
        threshold: float | None = None,
        *,
        class_id: int | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(threshold, ignore_index=ignore_index)
        self.class_id = class_id

    def _positives(self, output: Any, target: Any) -> _Decisions:
        found, wanted, counted, invalid = self._decide(output, target)
        if found.dtype == _core.bool:
            return _Decisions(found & counted, wanted & counted, counted, invalid)
        if self.class_id is None:
            raise ValueError(
                f"metric {self.name!r}: outputs of {output.shape[1]} classes need the class that "
                f"counts: give pydl.training.{type(self).__name__}(class_id=...)"
            )
        found, wanted = found == self.class_id, wanted == self.class_id
        return _Decisions(found & counted, wanted & counted, counted, invalid)

    def result(self, hits: Any, total: Any, invalid: Any) -> Any:
        return hits / (total + (total == 0))  # 0 where there is nothing


class Precision(_ClassMetric):
    """Share of positives among what was found positive, over all samples; 0 where nothing was.

    Parameters
    ----------
    threshold : float, optional
        As of `Accuracy`.
    class_id : int, optional
        The class that is positive, for outputs of several classes.
    ignore_index : int, optional
        As of `Accuracy`.

    Raises
    ------
    ValueError
        As of `Accuracy`, and for several classes without `class_id`.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "binary_cross_entropy_with_logits", ["precision", "recall"])
    """

    def totals(self, output: Any, target: Any) -> Any:
        found, wanted, _, invalid = self._positives(output, target)
        return (found & wanted).sum(), found.sum(), invalid


class Recall(_ClassMetric):
    """Share of the positives that were found, over all samples; 0 where there are none.

    Parameters and errors are those of `Precision`.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 3))
    >>> model.compile("sgd", "cross_entropy", [pydl.training.Recall(class_id=2)])
    """

    def totals(self, output: Any, target: Any) -> Any:
        found, wanted, _, invalid = self._positives(output, target)
        return (found & wanted).sum(), wanted.sum(), invalid


_MEANS: dict[str, MetricFunction] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "mean_squared_error": functional.mse_loss,
    "mean_absolute_error": functional.l1_loss,
}
_CLASSES: dict[str, type[_DecisionMetric]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "precision": Precision,
    "recall": Recall,
}
NAMES = [name for name in (*_CLASSES, *_MEANS, "cross_entropy") if name != "acc"]


def get_all(
    metrics: Sequence[str | MetricFunction | Metric] | None, loss: Loss
) -> dict[str, Metric]:
    """Metrics by the names under which they are reported.

    Raises
    ------
    ValueError
        For a name that is not known, or taken.
    TypeError
        For something that is no metric.
    """
    found: dict[str, Metric] = {}
    single = isinstance(metrics, (str, Metric)) or callable(metrics)
    given: Any = [metrics] if single else metrics or ()
    for metric in given:
        one = _get(metric, loss)
        if one.name in found or one.name == "loss":
            raise ValueError(f"compile: there is a metric named {one.name!r} already")
        found[one.name] = one
    return found


def _get(metric: Any, loss: Loss) -> Metric:
    if isinstance(metric, Metric):
        return metric._bound(loss)
    if isinstance(metric, type):
        raise TypeError(f"compile: expected a metric, got a class; write {metric.__name__}()")
    if isinstance(metric, str):
        if metric in _CLASSES:
            return _CLASSES[metric]()._bound(loss)
        if metric in _MEANS:
            return FunctionMean(_MEANS[metric], metric, own=True)
        if metric == "cross_entropy":
            return _CrossEntropy(Loss(functional.cross_entropy, ignore_index=-100))
        raise ValueError(f"compile: expected a metric of {', '.join(NAMES)}; got {metric!r}")
    if not callable(metric):
        raise TypeError(f"compile: expected a metric name or function, got {metric!r}")
    own = any(metric is known for known in _MEANS.values())
    return FunctionMean(metric, getattr(metric, "__name__", type(metric).__name__), own)


class Averages:
    """Loss and metrics over the batches so far.

    Values stay tensors until they are read, so that adding them costs nothing.
    """

    _most_pending = 256

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self._loss, self._weight = 0.0, 0.0
        self._sums: dict[str, list[float]] = {}
        self._pending: list[tuple[Sequence[Sequence[Tensor]], int]] = []
        self._batches = 0

    def add(self, values: Sequence[Sequence[Tensor]], weight: int) -> None:
        """Take what a step returned for a batch of that many samples."""
        self._pending.append((values, weight))
        self._batches += 1
        # The first batch shows whether the metrics fit the data at all.
        if len(self._pending) >= self._most_pending or self._batches == 1:
            self._drain()

    def _drain(self) -> None:
        pending, self._pending = self._pending, []
        for (loss, *metrics), weight in pending:
            counted = float(loss[1]) if len(loss) > 1 else float(weight)
            if counted > 0:  # where nothing counts, the loss is 0 / 0
                self._loss += float(loss[0]) * counted
                self._weight += counted
            if not metrics:
                continue
            for (name, metric), values in zip(self._metrics.items(), metrics, strict=True):
                totals = metric._sums([float(value) for value in values], weight)
                sums = self._sums.setdefault(name, [0.0] * len(totals))
                for i, total in enumerate(totals):
                    sums[i] += total
        for name, sums in self._sums.items():
            self._metrics[name].check(*sums)

    def result(self) -> dict[str, float]:
        """Values so far; not-a-number before the first batch."""
        self._drain()
        values = {"loss": self._loss / self._weight if self._weight else math.nan}
        with np.errstate(divide="ignore", invalid="ignore"):
            for name, metric in self._metrics.items():
                sums = map(np.float64, self._sums.get(name, ()))
                values[name] = float(metric.result(*sums)) if name in self._sums else math.nan
        return values
