"""Metrics of classes, from how often each was found, was right, and was both."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.training.metrics.base import weights_like
from pydl.training.metrics.decisions import _DecisionMetric

Average = Literal["binary", "micro", "macro", "weighted", "none"]
AVERAGES = ("binary", "micro", "macro", "weighted", "none")


class Counts(NamedTuple):
    """How many samples there are of each kind, by class: float64 arrays or tensors (K)."""

    hits: Any  # found and wanted
    found: Any
    wanted: Any
    total: Any

    @property
    def misses(self) -> Any:
        """Wanted, but not found."""
        return self.wanted - self.hits

    @property
    def false_alarms(self) -> Any:
        """Found, but not wanted."""
        return self.found - self.hits

    @property
    def rejections(self) -> Any:
        """Neither found nor wanted."""
        return self.total - self.found - self.wanted + self.hits


def _ratio(part: Any, whole: Any) -> Any:
    """Return part / whole; 0 where the whole is 0."""
    return part / (whole + (whole == 0))


def _stacked(first: Any, second: Any) -> Any:
    if isinstance(first, Tensor):
        return _core.concat([first, second])
    return np.concatenate([first, second])


def _both_classes(counts: Counts) -> Counts:
    """Return the counts of the classes 0 and 1, from those of class 1."""
    return Counts(
        _stacked(counts.rejections, counts.hits),
        _stacked(counts.total - counts.found, counts.found),
        _stacked(counts.total - counts.wanted, counts.wanted),
        _stacked(counts.total, counts.total),
    )


class _CountMetric(_DecisionMetric):
    """Totals are the counts of each class, and the number of targets that are not decisions.

    A decision between two has the counts of its positive class only.
    """

    _one_class_per_sample = False

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        found, wanted, counted, invalid = self._decide(output, target)
        weights = counted.to("float64")
        if sample_weight is not None:
            weights = weights * weights_like(self.name, sample_weight, counted.shape)
        if found.dtype == _core.bool:
            return (*self._binary_counts(found, wanted, weights), invalid)
        return (*_class_counts(found, wanted, weights, output.shape[1]), invalid)

    def _binary_counts(self, found: Tensor, wanted: Tensor, weights: Tensor) -> Counts:
        labels = found.shape[1] if found.ndim > 1 else 1
        if labels > 1 and self._one_class_per_sample:
            raise ValueError(
                f"metric {self.name!r}: expected one class for each sample, got {labels} decisions "
                "for each"
            )
        axes = tuple(i for i in range(found.ndim) if i != 1)

        def count(weights: Tensor) -> Tensor:
            return weights.sum(axis=axes).reshape((labels,))

        zero = _core.zeros_like(weights)
        return Counts(
            count(_core.where(found & wanted, weights, zero)),
            count(_core.where(found, weights, zero)),
            count(_core.where(wanted, weights, zero)),
            count(weights),
        )


def _class_counts(found: Tensor, wanted: Tensor, weights: Tensor, classes: int) -> Counts:
    wanted, weights = _valid(wanted.flatten(), weights.flatten(), classes)
    found = found.flatten().to("int64")
    hits = _core.where(found == wanted, weights, 0.0)
    total = weights.sum()
    return Counts(
        _core.segment_sum(hits, wanted, classes),
        _core.segment_sum(weights, found, classes),
        _core.segment_sum(weights, wanted, classes),
        _core.broadcast_to(total, (classes,)),
    )


def _valid(wanted: Tensor, weights: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return indices of classes, and weights that are 0 for what was not a class."""
    valid = (wanted >= 0) & (wanted < classes)
    return _core.where(valid, wanted, 0).to("int64"), _core.where(valid, weights, 0.0)


class _ClassMetric(_CountMetric):
    """Metrics of one class against all others, or averaged over the classes.

    A subclass defines the dividend and the divisor.
    """

    def __init__(
        self,
        threshold: float | None = None,
        *,
        class_id: int | None = None,
        average: Average = "binary",
        binary: bool | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(threshold, binary=binary, ignore_index=ignore_index)
        if average not in AVERAGES:
            raise ValueError(
                f"{type(self).__name__}: expected average {', '.join(map(repr, AVERAGES[:-1]))} or "
                f"'none', got {average!r}"
            )
        if class_id is not None and average != "binary":
            raise ValueError(
                f"{type(self).__name__}: expected either class_id or average, got "
                f"class_id={class_id} and average={average!r}"
            )
        self.class_id, self.average = class_id, average

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        totals = super().totals(output, target, sample_weight)
        classes = totals[0].shape[0]
        one = self.average == "binary" and self.class_id is None
        if one and classes > 1 and not self._separate(output):
            raise ValueError(
                f"metric {self.name!r}: outputs of {classes} classes need the class that counts, "
                f"or how to average: give pydl.metrics.{type(self).__name__}(class_id=...), or "
                "average='macro', 'micro', 'weighted' or 'none'"
            )
        if self.class_id is not None and not 0 <= self.class_id < max(classes, 2):
            raise ValueError(
                f"metric {self.name!r}: expected class_id below {max(classes, 2)}, the number of "
                f"classes, got {self.class_id}"
            )
        return totals

    def _separate(self, output: Tensor) -> bool:
        return bool(self.binary)

    def _parts(self, counts: Counts) -> tuple[Any, Any]:
        """Return dividend and divisor."""
        raise NotImplementedError

    def result(self, hits: Any, found: Any, wanted: Any, total: Any, invalid: Any) -> Any:
        counts = Counts(hits, found, wanted, total)
        if hits.shape[0] == 1 and (self.average != "binary" or self.class_id == 0):
            counts = _both_classes(counts)
        if self.class_id is not None:
            i = self.class_id if counts.hits.shape[0] > 1 else 0
            return _ratio(*self._parts(Counts(*(count[i] for count in counts))))
        if self.average in ("binary", "micro"):
            return _ratio(*self._parts(Counts(*(count.sum() for count in counts))))
        values = _ratio(*self._parts(counts))
        if self.average == "none":
            return values
        if self.average == "weighted":
            return (values * counts.wanted).sum() / counts.wanted.sum()
        # Classes that were neither found nor wanted say nothing, as in scikit-learn.
        present = (counts.found + counts.wanted) > 0
        return (values * present).sum() / present.sum()


_PARAMETERS = """
    Parameters
    ----------
    threshold : float, optional
        As for `Accuracy`.
    class_id : int, optional
        The class that is positive, for outputs of several classes.
    average : {"binary", "micro", "macro", "weighted", "none"}, default "binary"
        "binary": of the positive class; with several labels for a sample, of all decisions.
        "micro": of the sums over the classes; "macro": the mean over the classes that occur;
        "weighted": the mean weighted by how often they are right; "none": one value per class,
        which `fit` does not take. A decision between two has both classes then.
    binary : bool, optional
        As for `Accuracy`.
    ignore_index : int, optional
        As for `Accuracy`.

    Raises
    ------
    ValueError
        As for `Accuracy`, and for several classes without `class_id` or `average`.
"""
_LINE = "    ----------\n"
_BETA = """    beta : float, default 1.0
        How often recall counts.
"""


class Precision(_ClassMetric):
    """Share of true positives among what was found positive, over all samples; 0 where nothing was.

    hits / (hits + false alarms), by class.
    {parameters}

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "binary_cross_entropy_with_logits", ["precision", "recall"])
    >>> metric = pydl.metrics.Precision(average="none")
    >>> metric.update(pydl.tensor([[0.9, 0.1], [0.8, 0.2]]), pydl.tensor([0, 1]))
    >>> metric.compute().tolist()
    [0.5, 0.0]
    """

    def _parts(self, counts: Counts) -> tuple[Any, Any]:
        return counts.hits, counts.found


class Recall(_ClassMetric):
    """Share of the positives that were found, over all samples; 0 where there are none.

    hits / (hits + misses), by class.
    {parameters}

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 3))
    >>> model.compile("sgd", "cross_entropy", [pydl.training.Recall(class_id=2)])
    """

    def _parts(self, counts: Counts) -> tuple[Any, Any]:
        return counts.hits, counts.wanted


class Specificity(_ClassMetric):
    """Share of the negatives that were not found positive, over all samples; 0 without negatives.

    rejections / (rejections + false alarms), by class.
    {parameters}

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.Specificity(threshold=0.5)
    >>> metric.update(pydl.tensor([0.9, 0.1]), pydl.tensor([0, 0]))
    >>> metric.compute()
    0.5
    """

    def _parts(self, counts: Counts) -> tuple[Any, Any]:
        return counts.rejections, counts.total - counts.wanted


class FBeta(_ClassMetric):
    """Mean of precision and recall, in which recall counts beta^2 times, over all samples.

    (1 + beta^2) hits / ((1 + beta^2) hits + beta^2 misses + false alarms), by class; 0 for a class
    that does not occur.
    {parameters of beta}

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.FBeta(2.0, threshold=0.5)
    >>> metric.update(pydl.tensor([0.9, 0.8, 0.1]), pydl.tensor([1, 0, 0]))
    >>> round(metric.compute(), 4)
    0.8333
    """

    name = "fbeta"

    def __init__(
        self,
        beta: float = 1.0,
        threshold: float | None = None,
        *,
        class_id: int | None = None,
        average: Average = "binary",
        binary: bool | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            threshold, class_id=class_id, average=average, binary=binary, ignore_index=ignore_index
        )
        if not beta > 0:
            raise ValueError(f"{type(self).__name__}: expected beta above 0, got {beta}")
        self.beta = beta

    def _parts(self, counts: Counts) -> tuple[Any, Any]:
        square = self.beta**2
        return (1 + square) * counts.hits, square * counts.wanted + counts.found


class F1(FBeta):
    """Harmonic mean of precision and recall, over all samples: 2 hits / (found + wanted).

    Of each class; 0 for a class that does not occur.
    {parameters}

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.F1(average="macro")
    >>> metric.update(pydl.tensor([[0.9, 0.1], [0.2, 0.8]]), pydl.tensor([0, 1]))
    >>> metric.compute()
    1.0
    """

    name = "f1"

    def __init__(
        self,
        threshold: float | None = None,
        *,
        class_id: int | None = None,
        average: Average = "binary",
        binary: bool | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            1.0,
            threshold,
            class_id=class_id,
            average=average,
            binary=binary,
            ignore_index=ignore_index,
        )


class IoU(_ClassMetric):
    """Intersection over union (Jaccard index): hits / (hits + misses + false alarms), by class.

    0 for a class that does not occur. With outputs (N, K, H, W) and class indices (N, H, W), the
    classes of places in images are compared; ``average="macro"``, by name "mean_iou", is what
    Keras calls MeanIoU.
    {parameters}

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.IoU(average="macro")
    >>> metric.update(pydl.tensor([[0.9, 0.1], [0.8, 0.2]]), pydl.tensor([0, 1]))
    >>> metric.compute()
    0.25
    """

    name = "iou"

    def _parts(self, counts: Counts) -> tuple[Any, Any]:
        return counts.hits, counts.found + counts.wanted - counts.hits


for _metric in (Precision, Recall, Specificity, FBeta, F1, IoU):
    if _metric.__doc__:  # absent with python -OO
        _metric.__doc__ = _metric.__doc__.replace("    {parameters}\n", _PARAMETERS + "\n")
        _metric.__doc__ = _metric.__doc__.replace(
            "    {parameters of beta}\n", _PARAMETERS.replace(_LINE, _LINE + _BETA) + "\n"
        )


class BalancedAccuracy(_CountMetric):
    """Mean of the recalls of the classes that occur in the targets, over all samples.

    Outputs and targets are those of `Accuracy`, with one class per sample.

    Parameters
    ----------
    threshold : float, optional
        0 for logits, 0.5 for probabilities. By default as the loss, or the last layer, says.
    binary : bool, optional
        Whether each element is a separate decision; by default as the loss says.
    ignore_index : int, optional
        Labels of this value do not count. By default that of the loss, or -100.

    Raises
    ------
    ValueError
        In `fit` and `evaluate`, as `Accuracy`.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.BalancedAccuracy(threshold=0.5)
    >>> metric.update(pydl.tensor([0.9, 0.8, 0.7, 0.1]), pydl.tensor([1, 1, 0, 0]))
    >>> metric.compute()
    0.75
    """

    name = "balanced_accuracy"
    _one_class_per_sample = True

    def result(self, hits: Any, found: Any, wanted: Any, total: Any, invalid: Any) -> Any:
        counts = Counts(hits, found, wanted, total)
        if hits.shape[0] == 1:
            counts = _both_classes(counts)
        return _ratio(counts.hits, counts.wanted).sum() / (counts.wanted > 0).sum()


class MatthewsCorrelation(_CountMetric):
    """Matthews's correlation coefficient of decisions and targets, over all samples.

    With the number of samples n, right ones c, and for each class k how often it was found, f_k,
    and is right, w_k: (c n - sum f_k w_k) / sqrt((n^2 - sum f_k^2) (n^2 - sum w_k^2)), from -1 to
    1; 0 where the divisor is 0.

    Parameters
    ----------
    threshold : float, optional
        0 for logits, 0.5 for probabilities. By default as the loss, or the last layer, says.
    binary : bool, optional
        Whether each element is a separate decision; by default as the loss says.
    ignore_index : int, optional
        Labels of this value do not count. By default that of the loss, or -100.

    Raises
    ------
    ValueError
        In `fit` and `evaluate`, as `Accuracy`.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.MatthewsCorrelation(threshold=0.5)
    >>> metric.update(pydl.tensor([0.9, 0.8, 0.7, 0.1]), pydl.tensor([1, 1, 0, 0]))
    >>> round(metric.compute(), 4)
    0.5774
    """

    name = "matthews_correlation"
    _one_class_per_sample = True

    def result(self, hits: Any, found: Any, wanted: Any, total: Any, invalid: Any) -> Any:
        counts = Counts(hits, found, wanted, total)
        if hits.shape[0] == 1:
            counts = _both_classes(counts)
        n = counts.total[0]
        hits, found, wanted = counts.hits.sum() / n, counts.found / n, counts.wanted / n
        spread = (1 - (found**2).sum()) * (1 - (wanted**2).sum())
        return _ratio(hits - (found * wanted).sum(), spread**0.5)


class CohenKappa(_CountMetric):
    """Cohen's kappa: agreement beyond that by chance, (p - e) / (1 - e), over all samples.

    p is the share of right decisions, and e what it would be for independent ones. NaN
    where both are of one class only.

    Parameters
    ----------
    threshold : float, optional
        0 for logits, 0.5 for probabilities. By default as the loss, or the last layer, says.
    binary : bool, optional
        Whether each element is a separate decision; by default as the loss says.
    ignore_index : int, optional
        Labels of this value do not count. By default that of the loss, or -100.

    Raises
    ------
    ValueError
        In `fit` and `evaluate`, as `Accuracy`.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.CohenKappa(threshold=0.5)
    >>> metric.update(pydl.tensor([0.9, 0.8, 0.7, 0.1]), pydl.tensor([1, 1, 0, 0]))
    >>> metric.compute()
    0.5
    """

    name = "cohen_kappa"
    _one_class_per_sample = True

    def result(self, hits: Any, found: Any, wanted: Any, total: Any, invalid: Any) -> Any:
        counts = Counts(hits, found, wanted, total)
        if hits.shape[0] == 1:
            counts = _both_classes(counts)
        n = counts.total[0]
        chance = (counts.found / n * (counts.wanted / n)).sum()
        return (counts.hits.sum() / n - chance) / (1 - chance)


class ConfusionMatrix(_DecisionMetric):
    """How often each class, a row, was taken for each class, a column: (K, K), over all samples.

    Outputs and targets are those of `Accuracy`, with one class per sample; a decision between two
    gives (2, 2). `fit` puts the matrix of each epoch into the history, as an array.

    Parameters
    ----------
    threshold : float, optional
        As for `Accuracy`.
    normalize : {"none", "true", "pred", "all"}, default "none"
        Whether rows, columns, or all numbers add up to 1; 0 where there is nothing to divide.
    ignore_index : int, optional
        As for `Accuracy`.

    Raises
    ------
    ValueError
        As for `Accuracy`, and for another `normalize`.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.ConfusionMatrix()
    >>> metric.update(pydl.tensor([[0.9, 0.1], [0.8, 0.2]]), pydl.tensor([0, 1]))
    >>> metric.compute().tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """

    name = "confusion_matrix"

    def __init__(
        self,
        threshold: float | None = None,
        *,
        normalize: Literal["none", "true", "pred", "all"] = "none",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(threshold, ignore_index=ignore_index)
        if normalize not in ("none", "true", "pred", "all"):
            raise ValueError(
                "ConfusionMatrix: expected normalize 'none', 'true', 'pred' or 'all', "
                f"got {normalize!r}"
            )
        self.normalize = normalize

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        found, wanted, counted, invalid = self._decide(output, target)
        weights = counted.to("float64")
        if sample_weight is not None:
            weights = weights * weights_like(self.name, sample_weight, counted.shape)
        classes = 2 if found.dtype == _core.bool else output.shape[1]
        if found.dtype == _core.bool and found.ndim > 1 and found.shape[1] > 1:
            raise ValueError(
                f"metric {self.name!r}: expected one class for each sample, got outputs of shape "
                f"{output.shape}"
            )
        row, weights = _valid(wanted.to("int64").flatten(), weights.flatten(), classes)
        cell = row * classes + found.to("int64").flatten()
        return _core.segment_sum(weights, cell, classes**2).reshape((classes, classes)), invalid

    def result(self, matrix: Any, invalid: Any) -> Any:
        if self.normalize == "none":
            return matrix
        if self.normalize == "all":
            return _ratio(matrix, matrix.sum())
        axis = 1 if self.normalize == "true" else 0
        return _ratio(matrix, matrix.sum(axis=axis, keepdims=True))
