"""Metrics of decisions: what a model chose, compared with what is right."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydl import _core
from pydl._core import Tensor, argmax
from pydl.training.losses import Loss
from pydl.training.metrics.base import Metric, MetricT, weights_like


class _Decisions(NamedTuple):
    """What a model decided, element by element."""

    found: Tensor  # bool, or class indices
    wanted: Tensor
    counted: Tensor  # bool: not ignored
    invalid: Tensor  # how many targets are not decisions


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

    @property
    def _ignored(self) -> int:
        """The label that does not count."""
        return -100 if self.ignore_index is None else self.ignore_index

    def check(self, *totals: Any) -> None:
        if totals[-1] > 0:
            raise ValueError(
                f"metric {self.name!r}: expected targets that are decisions: class indices, "
                f"one-hot rows, or 0 and 1; got {int(totals[-1])} others. Labels that do not count "
                f"are those equal to ignore_index, {self._ignored}; for regression, use the "
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
                f"known from this loss; give pydl.metrics.{type(self).__name__}(threshold=0.0) "
                "for logits, threshold=0.5 for probabilities"
            )
        if target.shape != output.shape:
            if target.size != output.size or target.shape[0] != output.shape[0]:
                raise ValueError(
                    f"metric {self.name!r}: expected targets of the shape of the output, "
                    f"{output.shape}, got {target.shape}"
                )
            target = target.reshape(output.shape)
        counted: Any = target != self._ignored
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
        counted: Any = target != self._ignored
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
        In `fit` and `evaluate`: for targets that are not decisions, such as those of a regression,
        and where a threshold is needed and not known.

    Examples
    --------
    >>> import pydl
    >>> accuracy = pydl.training.Accuracy(threshold=0.0)
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", lambda out, y: ((out - y) ** 2).mean(), [accuracy])
    """

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        found, wanted, counted, invalid = self._decide(output, target)
        right = (found == wanted) & counted
        if sample_weight is None:
            return right.sum(), counted.sum(), invalid
        weights = weights_like(self.name, sample_weight, counted.shape)
        return (
            _core.where(right, weights, 0.0).sum(),
            _core.where(counted, weights, 0.0).sum(),
            invalid,
        )

    def _totals_of(self, output: Any, target: Any, plain: bool) -> Any:
        if not plain:
            return self.totals(output, target)
        found, wanted, _, _ = self._decide(output, target, plain)
        return (found == wanted).to("float32").mean()

    def _sums(self, values: Sequence[Any], samples: int) -> Sequence[Any]:
        return (values[0] * samples, samples, 0) if len(values) == 1 else values

    def result(self, right: Any, count: Any, invalid: Any) -> Any:
        return right / count


class TopKAccuracy(_DecisionMetric):
    """Share of samples whose class is among the k with the largest scores, over all samples.

    Scores are (N, K, ...); targets are class indices (N, ...) or (N, 1, ...), or one-hot. Equal
    scores at the limit are all among them. A NaN score is larger than others, and
    never right.

    Parameters
    ----------
    k : int, default 5
        How many classes count.
    ignore_index : int, optional
        As for `Accuracy`.

    Raises
    ------
    ValueError
        For k below 1; when used, as for `Accuracy`, and for outputs that are not scores of classes.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.TopKAccuracy(2)
    >>> metric.update(pydl.tensor([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]), pydl.tensor([1, 2]))
    >>> metric.compute()
    0.5
    """

    name = "top_k_accuracy"

    def __init__(self, k: int = 5, *, ignore_index: int | None = None) -> None:
        super().__init__(ignore_index=ignore_index)
        if k < 1:
            raise ValueError(f"TopKAccuracy: expected k of at least 1, got {k}")
        self.k = k

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        _, wanted, counted, invalid = self._decide(output, target)
        if wanted.dtype == _core.bool:
            raise ValueError(
                f"metric {self.name!r}: expected scores of classes along axis 1, got outputs of "
                f"shape {output.shape}"
            )
        classes = output.shape[1]
        valid = counted & (wanted >= 0) & (wanted < classes)
        index = _core.expand_dims(_core.where(valid, wanted.to("int64"), 0), axis=1)
        score = _core.gather(output, index, 1)
        above = (~(output <= score)).sum(axis=1)
        # Of a score that is NaN, all are above, itself included.
        right = valid & (above < min(self.k, classes))
        if sample_weight is None:
            return right.sum(), counted.sum(), invalid
        weights = weights_like(self.name, sample_weight, counted.shape)
        return (
            _core.where(right, weights, 0.0).sum(),
            _core.where(counted, weights, 0.0).sum(),
            invalid,
        )

    def result(self, right: Any, count: Any, invalid: Any) -> Any:
        return right / count
