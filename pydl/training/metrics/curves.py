"""Areas under curves of scores: exact, from all scores, or by thresholds."""

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.training.losses import Loss
from pydl.training.metrics.base import Array, Metric, weights_like


class AUC(Metric):
    """Area under the curve of true against false positives (ROC), or of precision against recall.

    Outputs (N,) or (N, 1) are scores of the class 1, targets 0 and 1. Outputs (N, K) are those of
    classes, targets class indices (N,) or (N, 1), or one-hot: the mean of the areas of each class
    against all others. NaN where a class does not occur, or is the only one.

    Parameters
    ----------
    curve : {"ROC", "PR"}, default "ROC"
        For "PR", the average precision: the sum of precisions, each times the growth of recall.
    thresholds : int, optional
        By default the area is exact, and all scores are kept: 24 bytes for each sample and class.
        With a number, scores in [0, 1] are counted in as many intervals, and scores of one
        interval are like equal ones.
    average : {"macro", "weighted", "none"}, default "macro"
        Of several classes: the mean; that weighted by how often they occur; each one, which `fit`
        does not take.
    from_logits : bool, optional
        Whether outputs are turned into probabilities first, by sigmoid or softmax. By default as
        the loss of the model says; alone, they are not.

    Raises
    ------
    ValueError
        For other options; when used, for shapes that do not fit.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.AUC()
    >>> metric.update(pydl.tensor([0.1, 0.4, 0.35, 0.8]), pydl.tensor([0, 0, 1, 1]))
    >>> metric.compute()
    0.75
    """

    name = "auc"

    def __init__(
        self,
        curve: Literal["ROC", "PR"] = "ROC",
        *,
        thresholds: int | None = None,
        average: Literal["macro", "weighted", "none"] = "macro",
        from_logits: bool | None = None,
    ) -> None:
        if curve not in ("ROC", "PR"):
            raise ValueError(f"AUC: expected curve 'ROC' or 'PR', got {curve!r}")
        if average not in ("macro", "weighted", "none"):
            raise ValueError(
                f"AUC: expected average 'macro', 'weighted' or 'none', got {average!r}"
            )
        if thresholds is not None and thresholds < 2:
            raise ValueError(f"AUC: expected thresholds of at least 2, got {thresholds}")
        self.curve, self.thresholds, self.average = curve, thresholds, average
        self.from_logits = from_logits
        self.merges = "concat" if thresholds is None else "sum"

    def _bound(self, loss: Loss) -> AUC:
        bound = copy.copy(self)
        if bound.from_logits is None:
            bound.from_logits = loss.output == "logits"
        return bound

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        if output.ndim not in (1, 2):
            raise ValueError(
                f"metric {self.name!r}: expected outputs (N,), (N, 1) or (N, K), got shape "
                f"{output.shape}"
            )
        count = output.shape[0]
        scores = output.reshape((count, 1)) if output.ndim == 1 else output
        positive = self._positives(target, scores)
        if self.from_logits:
            one = scores.shape[1] == 1
            scores = _core.sigmoid(scores) if one else _core.softmax(scores, 1)
        weights = _core.ones((count,), dtype="float64")
        if sample_weight is not None:
            weights = weights_like(self.name, sample_weight, (count,))
        if self.thresholds is None:
            return scores.to("float64"), positive.to("float64"), weights
        return self._histograms(scores, positive, weights)

    def _positives(self, target: Tensor, scores: Tensor) -> Tensor:
        """Return which class is right for each sample: bool (N, K)."""
        count, classes = scores.shape
        if classes == 1 and target.size == count:
            return target.reshape((count, 1)) > 0.5
        if target.shape == scores.shape:
            return target > 0.5
        if target.shape not in ((count,), (count, 1)):
            raise ValueError(
                f"metric {self.name!r}: outputs of shape {scores.shape} expect class indices of "
                f"shape {(count,)}, or one-hot targets, got {target.shape}"
            )
        return target.reshape((count, 1)) == _core.arange(classes)

    def _histograms(self, scores: Tensor, positive: Tensor, weights: Tensor) -> Any:
        """Return the weights of positives and negatives by class and interval: (K, T)."""
        assert self.thresholds is not None
        (count, classes), steps = scores.shape, self.thresholds
        place = _core.clip(_core.floor(scores.to("float64") * steps), 0, steps - 1).to("int64")
        cell = (place + _core.arange(classes) * steps).flatten()
        each = _core.broadcast_to(weights.reshape((count, 1)), (count, classes))
        return tuple(
            _core.segment_sum(
                _core.where(part, each, 0.0).flatten(), cell, classes * steps
            ).reshape((classes, steps))
            for part in (positive, ~positive)
        )

    def result(self, *totals: Any) -> Any:
        if isinstance(totals[0], Tensor):
            raise ValueError(
                "metric 'auc' is one of all samples of an epoch, so that neither a saved training "
                "step nor a custom train_step can report it; compile the model without it"
            )
        if self.thresholds is None:
            scores, positive, weights = totals
            areas = np.array(
                [
                    _area(self.curve, *_by_score(scores[:, k], positive[:, k], weights))
                    for k in range(scores.shape[1])
                ]
            )
            support = (positive * weights[:, None]).sum(axis=0)
        else:
            hits, alarms = totals
            areas = np.array(
                [_area(self.curve, h[::-1], a[::-1]) for h, a in zip(hits, alarms, strict=True)]
            )
            support = hits.sum(axis=1)
        if self.average == "none" and areas.size > 1:
            return areas
        if self.average == "weighted":
            return np.float64((areas * support).sum() / support.sum())
        return np.float64(areas.mean())


def _by_score(scores: Array, positive: Array, weights: Array) -> tuple[Array, Array]:
    """Return the weights of positives and negatives of each different score, from the largest."""
    if np.isnan(scores).any():
        return np.full(1, np.nan), np.full(1, np.nan)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: ordered.size])
    if not starts.size:
        return np.zeros(0), np.zeros(0)
    hits = (positive * weights)[order]
    alarms = ((1 - positive) * weights)[order]
    return np.add.reduceat(hits, starts), np.add.reduceat(alarms, starts)


def _area(curve: str, hits: Array, alarms: Array) -> Any:
    """Return the area under a curve, from the weights of what each threshold adds."""
    positives, negatives = hits.sum(), alarms.sum()
    if curve == "PR":
        precision = np.cumsum(hits) / np.maximum(np.cumsum(hits) + np.cumsum(alarms), 1e-300)
        return (precision * hits).sum() / positives
    above = np.cumsum(hits) - hits / 2  # of equal scores, half is on each side
    return (above * alarms).sum() / (positives * negatives)
